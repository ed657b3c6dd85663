//! `candor up` as a child process.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::http::Client;
use crate::policy::Policy;
use crate::{Answer, eventually};

/// How to start it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Instead of the built-in demo.
    pub policy: Option<Policy>,
    /// Lines of `candor.toml`.
    pub config: String,
}

/// A running `candor up`, or one that was killed and can be started again in the same place.
#[derive(Debug)]
pub struct Candor {
    dir: TempDir,
    options: Options,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    beacons: Client,
    admin: Client,
    clickhouse: Client,
    /// Whether it was asked to stop: a second signal would end it at once.
    stopping: Cell<bool>,
}

/// A program of the workspace, built beside this test.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let dir = test.parent().and_then(Path::parent).unwrap();
    let program = dir.join(name);
    assert!(program.is_file(), "{} is missing: `make test` builds it first", program.display());
    program
}

impl Candor {
    /// Starts the built-in demo.
    pub fn demo() -> Self {
        Self::start(Options::default())
    }

    /// Starts with a policy.
    pub fn with_policy(policy: Policy) -> Self {
        Self::start(Options { policy: Some(policy), ..Options::default() })
    }

    /// Starts in a fresh directory.
    pub fn start(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut candor = Self { dir, options, process: None };
        candor.restart();
        candor
    }

    /// Starts again in the same directory.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it is still running");
        let mut command = self.command("up");
        for flag in ["--listen", "--admin", "--clickhouse"] {
            command.args([flag, "127.0.0.1:0"]);
        }
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let before = log.metadata().unwrap().len();
        let child = command.arg("--data").arg(self.data()).stderr(log).spawn().unwrap();
        let mut process = Some(child);
        let (beacons, admin, clickhouse) = eventually("candor is up", || {
            let exited = process.as_mut().unwrap().try_wait().unwrap();
            assert!(exited.is_none(), "candor ended: {}", self.log());
            self.addresses(before)
        });
        self.process = process.map(|child| {
            let stopping = Cell::new(false);
            Process { child, beacons, admin, clickhouse, stopping }
        });
    }

    /// Starts again in the same directory, where it must refuse to go on; gives back what it said.
    pub fn run_until_it_ends(&self) -> String {
        let mut command = self.command("up");
        for flag in ["--listen", "--admin", "--clickhouse"] {
            command.args([flag, "127.0.0.1:0"]);
        }
        let run = command.arg("--data").arg(self.data()).output().unwrap();
        assert!(!run.status.success(), "it went on");
        String::from_utf8_lossy(&run.stderr).into_owned()
    }

    /// Changes the lines of `candor.toml` for the next start.
    pub fn configure(&mut self, config: &str) {
        config.clone_into(&mut self.options.config);
    }

    /// Runs another command of the program against this one's directory and listeners.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(program("candor"));
        command.arg(subcommand).current_dir(self.dir.path()).process_group(0);
        if subcommand == "import" {
            return command;
        }
        let config = self.dir.path().join("candor.toml");
        let clickhouse = self.process.as_ref().map(|process| process.clickhouse.base());
        let url = clickhouse.map(|url| format!("[clickhouse]\nurl = {url:?}\n"));
        let text = format!("{}{}", self.options.config, url.unwrap_or_default());
        std::fs::write(&config, text).unwrap();
        command.arg("--config").arg(config);
        if let Some(policy) = &self.options.policy {
            let policies = self.dir.path().join("policies");
            std::fs::create_dir_all(&policies).unwrap();
            std::fs::write(policies.join("test.toml"), policy.text()).unwrap();
            command.arg("--policies").arg(policies);
        }
        command
    }

    /// Feeds a log through `candor import`; gives back what it prints.
    pub fn import(&self, args: &[&str], log: &str) -> (ExitStatus, String) {
        let file = self.dir.path().join("access.log");
        std::fs::write(&file, log).unwrap();
        let admin = self.admin().base().trim_start_matches("http://").to_owned();
        let mut command = self.command("import");
        let run = command.args(args).args(["--admin", &admin]).arg(&file).output().unwrap();
        let text = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
        (run.status, text.into_owned())
    }

    /// The door for beacons.
    pub fn beacons(&self) -> &Client {
        &self.running().beacons
    }

    /// The admin listener.
    pub fn admin(&self) -> &Client {
        &self.running().admin
    }

    /// ClickHouse's HTTP interface.
    pub fn clickhouse(&self) -> &Client {
        &self.running().clickhouse
    }

    /// Sends a body to the door as JSON.
    pub fn send(&self, body: &str) -> Answer {
        self.beacons().post("/v1/events", &[("content-type", "application/json")], body)
    }

    /// Asks ClickHouse; panics with its error.
    pub fn sql(&self, query: &str) -> String {
        let answer = self.sql_answer(query);
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.body.trim().to_owned()
    }

    /// Asks ClickHouse; the answer may be an error.
    pub fn sql_answer(&self, query: &str) -> Answer {
        self.clickhouse().post("/", &[], query)
    }

    /// Waits until a query has this answer.
    pub fn sql_becomes(&self, query: &str, want: &str) {
        let mut last = String::new();
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            // ClickHouse may be down for a moment in some tests.
            last = self
                .running()
                .clickhouse
                .send("POST", "/", &[], query.as_bytes())
                .map_or_else(String::new, |answer| answer.body.trim().to_owned());
            if last == want {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{query}: {last:?} instead of {want:?}; {}", self.log());
    }

    /// Waits until it calls itself ready.
    pub fn wait_until_ready(&self) {
        eventually("ready", || {
            let answer = self.admin().send("GET", "/readyz", &[], b"")?;
            (answer.status == 200).then_some(())
        });
    }

    /// The value of a counter or gauge, 0 when it was never touched.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.admin().get("/metrics", &[]).body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// The directory of all data.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Everything that was logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Asks it to stop, as a service manager does.
    pub fn ask_to_stop(&self) {
        if !self.running().stopping.replace(true) {
            kill_process(self.pid(), Signal::TERM).unwrap();
        }
    }

    /// Asks it to stop, and waits.
    pub fn stop(&mut self) -> ExitStatus {
        self.ask_to_stop();
        let mut process = self.process.take().expect("it is running");
        let children = children(Pid::from_child(&process.child));
        let status = process.child.wait().unwrap();
        eventually("the engine is gone too", || {
            children.iter().all(|pid| is_gone(*pid)).then_some(())
        });
        status
    }

    /// Kills everything at once, without a warning.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it is running");
        let pid = Pid::from_child(&process.child);
        let children = children(pid);
        for victim in children.iter().copied().chain([pid]) {
            // It may have died with the one before.
            kill_process(victim, Signal::KILL).ok();
        }
        process.child.wait().unwrap();
        eventually("the engine is gone too", || {
            children.iter().all(|pid| is_gone(*pid)).then_some(())
        });
    }

    /// Kills candor itself, and lets the engine notice when it does.
    pub fn orphan_engine(&mut self) {
        let mut process = self.process.take().expect("it is running");
        process.child.kill().unwrap();
        process.child.wait().unwrap();
    }

    /// Kills candor itself and waits until the engine has noticed.
    pub fn kill_alone(&mut self) {
        let children = children(self.pid());
        self.orphan_engine();
        eventually("the engine is gone too", || {
            children.iter().all(|pid| is_gone(*pid)).then_some(())
        });
    }

    /// Kills the engine, which is started again.
    pub fn kill_engine(&self) {
        for victim in children(self.pid()) {
            kill_process(victim, Signal::KILL).ok();
        }
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.running().child)
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("it is running")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Reads the addresses from the line that tells that it is up.
    fn addresses(&self, from: u64) -> Option<(Client, Client, Client)> {
        let log = File::open(self.log_path()).ok()?;
        let from = usize::try_from(from).ok()?;
        let text: Vec<u8> = std::io::Read::bytes(log).skip(from).flatten().collect();
        let up = BufReader::new(text.as_slice())
            .lines()
            .map_while(Result::ok)
            .find(|line| line.contains("candor is up"))?;
        let line: serde_json::Value = serde_json::from_str(&up).ok()?;
        let text = |name: &str| line.get(name)?.as_str().map(str::to_owned);
        let http = |address: String| Client::new(&format!("http://{address}"));
        let clickhouse = Client::new(&text("clickhouse")?);
        Some((http(text("beacons")?), http(text("admin")?), clickhouse))
    }
}

impl Drop for Candor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of candor:\n{}", self.log());
        }
        if self.process.is_some() {
            self.kill();
        }
    }
}

/// Every thread has children of its own.
fn children(pid: Pid) -> Vec<Pid> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).unwrap();
    let of = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children"));
    let all: String = threads.flatten().filter_map(|thread| of(thread).ok()).collect();
    all.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// Gone, or dead and not yet reaped by whoever inherited it.
fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.map_or(true, |stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z")))
}
