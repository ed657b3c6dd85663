//! `candor up` as a child process.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use candor_transport::kafka::KafkaConfig;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::Answer;
use crate::config::{kafka_of, merged};
use crate::http::Client;
use crate::kafka::Broker;
use crate::policy::Policy;
use crate::process::{Process, program, wait_until_gone};

/// How to start it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Instead of the built-in demo.
    pub policy: Option<Policy>,
    /// More policies, by the names of their files.
    pub policies: Vec<(&'static str, String)>,
    /// Lines of `candor.toml`.
    pub config: String,
}

/// A running `candor up`, or one that was killed and can be started again in the same place.
#[derive(Debug)]
pub struct Candor {
    dir: TempDir,
    options: Options,
    /// What `candor.toml` says of the log.
    log: String,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    process: Process,
    beacons: Client,
    admin: Client,
    clickhouse: Client,
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
        let mut candor = Self { dir, options, log: log_of_this_run(), running: None };
        candor.restart();
        candor
    }

    /// Starts again in the same directory.
    pub fn restart(&mut self) {
        assert!(self.running.is_none(), "it is still running");
        let mut command = self.command("up");
        for flag in ["--listen", "--admin", "--clickhouse"] {
            command.args([flag, "127.0.0.1:0"]);
        }
        command.arg("--data").arg(self.data());
        let process = Process::start(command, &self.log_path(), "candor is up");
        let [beacons, admin, clickhouse] =
            ["beacons", "admin", "clickhouse"].map(|listener| process.client(listener));
        self.running = Some(Running { process, beacons, admin, clickhouse });
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

    /// Changes the policy for the next start, and for other commands from now on.
    pub fn change_policy(&mut self, policy: Policy) {
        self.options.policy = Some(policy);
    }

    /// Runs another command of the program against this one's directory and listeners.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(program("candor"));
        command.arg(subcommand).current_dir(self.dir.path()).process_group(0);
        if subcommand == "import" {
            return command;
        }
        let config = self.dir.path().join("candor.toml");
        let clickhouse = self.running.as_ref().map(|running| running.clickhouse.base());
        let url = clickhouse.map(|url| format!("[clickhouse]\nurl = {url:?}\n"));
        std::fs::write(&config, self.config(&url.unwrap_or_default())).unwrap();
        command.arg("--config").arg(config);
        let policy = self.options.policy.iter().map(|policy| ("test.toml", policy.text()));
        let more = self.options.policies.iter().map(|(name, text)| (*name, text.as_str()));
        let files: Vec<_> = policy.chain(more).collect();
        if !files.is_empty() && subcommand != "audit" {
            let policies = self.policies();
            std::fs::create_dir_all(&policies).unwrap();
            for (name, text) in files {
                std::fs::write(policies.join(name), text).unwrap();
            }
            command.arg("--policies").arg(policies);
        }
        command
    }

    fn config(&self, more: &str) -> String {
        merged(&[&self.log, &self.options.config, more])
    }

    /// How its Kafka is reached; none when its log is a journal.
    pub fn kafka(&self) -> Option<KafkaConfig> {
        (!self.log.is_empty()).then(|| kafka_of(&self.config("")))
    }

    /// Where its log keeps its files.
    pub fn log_dirs(&self) -> Vec<PathBuf> {
        match self.kafka() {
            Some(kafka) => Broker::shared().partition_dirs(&kafka.topic),
            None => vec![self.data().join("journal")],
        }
    }

    /// The directory of its policies, when it has one of its own.
    pub fn policies(&self) -> PathBuf {
        self.dir.path().join("policies")
    }

    /// Puts a text in the place of its policy, at once, as a careful editor does.
    pub fn rewrite_policy(&self, text: &str) {
        self.rewrite_policy_file("test.toml", text);
    }

    /// Puts a text in the place of one of its policies.
    pub fn rewrite_policy_file(&self, name: &str, text: &str) {
        let draft = self.policies().join("test.draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, self.policies().join(name)).unwrap();
    }

    /// Runs `candor policy` on its policies; gives back what it prints.
    pub fn policy(&self, args: &[&str]) -> String {
        let mut command = Command::new(program("candor"));
        let run = command.arg("policy").args(args).arg("--policies").arg(self.policies());
        let run = run.output().unwrap();
        let text = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
        text.into_owned()
    }

    /// Asks it to read its policies now.
    pub fn hang_up(&self) {
        kill_process(self.pid(), Signal::HUP).unwrap();
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
        self.beacons().beacon(body)
    }

    /// Asks ClickHouse; panics with its error.
    pub fn sql(&self, query: &str) -> String {
        self.clickhouse().sql(query)
    }

    /// Asks ClickHouse; the answer may be an error.
    pub fn sql_answer(&self, query: &str) -> Answer {
        self.clickhouse().sql_answer(query)
    }

    /// Waits until a query has this answer.
    pub fn sql_becomes(&self, query: &str, want: &str) {
        self.clickhouse().sql_becomes(query, want);
    }

    /// Waits until it calls itself ready.
    pub fn wait_until_ready(&self) {
        self.admin().wait_until_ready();
    }

    /// The value of a counter or gauge, 0 when it was never touched.
    pub fn metric(&self, name: &str) -> u64 {
        self.admin().metric(name)
    }

    /// Waits until a counter or gauge has this value.
    pub fn metric_becomes(&self, name: &str, want: u64) {
        self.admin().metric_becomes(name, want);
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
        self.running().process.ask_to_stop();
    }

    /// Asks it to stop, and waits.
    pub fn stop(&mut self) -> ExitStatus {
        self.take().stop()
    }

    /// Kills everything at once, without a warning.
    pub fn kill(&mut self) {
        self.take().kill();
    }

    /// Kills candor itself, and lets the engine notice when it does.
    pub fn orphan_engine(&mut self) {
        self.take().orphan();
    }

    /// Kills candor itself and waits until the engine has noticed.
    pub fn kill_alone(&mut self) {
        let children = self.running().process.children();
        self.orphan_engine();
        wait_until_gone(&children);
    }

    /// Kills the engine, which is started again.
    pub fn kill_engine(&self) {
        for victim in self.running().process.children() {
            kill_process(victim, Signal::KILL).ok();
        }
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        self.running().process.pid()
    }

    /// The processes that it started: the engine.
    pub fn children(&self) -> Vec<Pid> {
        self.running().process.children()
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it is running")
    }

    fn take(&mut self) -> Process {
        self.running.take().expect("it is running").process
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

impl Drop for Candor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of candor:\n{}", self.log());
        }
        if self.running.is_some() {
            self.kill();
        }
    }
}

/// Two test programs are made of the same tests; the name says which log it is about.
fn log_of_this_run() -> String {
    let program = std::env::current_exe().unwrap();
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    if !name.starts_with("e2e_kafka") {
        return String::new();
    }
    let broker = Broker::shared();
    let topic = broker.fresh_topic();
    format!(
        "[log]\nkind = 'kafka'\n[sink]\nbatch_age_ms = 1000\n\
         [kafka]\nbootstrap_servers = ['{}']\ntopic = '{topic}'\ngroup = '{topic}'\n\
         instance = 'candor'\ncompression = 'none'\n[kafka.create]\npartitions = 1\nretention_hours = 12\n",
        broker.address()
    )
}
