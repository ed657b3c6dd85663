//! One of the parts: a process that may be ended and started again in its place.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::Pid;

use crate::disk::SmallDisk;
use crate::http::Client;
use crate::process::{Process, program};

/// One process. Its listeners have the same addresses after a restart.
#[derive(Debug)]
pub struct Part {
    name: String,
    program: &'static str,
    args: Vec<String>,
    /// What its log says once it is up.
    sign: &'static str,
    dir: PathBuf,
    listeners: Vec<(&'static str, Client)>,
    /// What a shell does before it becomes this.
    limits: Option<&'static str>,
    /// Where it lives, when it has a disk of its own.
    disk: Option<SmallDisk>,
    running: Option<Process>,
}

const IS_UP: &str = "candor is up";

impl Part {
    /// A part of candor, not yet started.
    pub(crate) fn candor(
        name: &str,
        args: Vec<String>,
        dir: &Path,
        listeners: Vec<(&'static str, Client)>,
    ) -> Self {
        let (name, dir, program) = (name.to_owned(), dir.to_owned(), "candor");
        let (sign, limits, disk, running) = (IS_UP, None, None, None);
        Self { name, program, args, sign, dir, listeners, limits, disk, running }
    }

    /// ClickHouse, in a directory.
    pub(crate) fn engine(dir: &Path) -> Self {
        let library = concat!(env!("CARGO_MANIFEST_DIR"), "/../third_party/chdb/libchdb.so");
        let data = dir.join("engine").display().to_string();
        let args = ["--library", library, "--data", &data, "--exit-on-stdin-close"];
        let mut args = args.map(str::to_owned).to_vec();
        let listeners = vec![("address", listener(&mut args, "--listen"))];
        let mut engine = Self::candor("engine", args, dir, listeners);
        engine.program = "candor-clickhouse";
        engine.sign = r#""message":"listening""#;
        engine
    }

    /// Starts it, again or for the first time.
    pub fn restart(&mut self) {
        assert!(self.running.is_none(), "{} is still running", self.name);
        let program = program(self.program);
        let mut command = match (&self.disk, self.limits) {
            (Some(disk), _) => disk.command(program),
            (None, None) => Command::new(program),
            (None, Some(limits)) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{limits} && exec \"$0\" \"$@\"")]).arg(program);
                shell
            }
        };
        command.args(&self.args).current_dir(&self.dir).process_group(0);
        // ClickHouse ends when nobody holds its other end any more.
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        self.running = Some(Process::start(command, &self.log_path(), self.sign));
    }

    /// Sets limits of the system for every later start, as a shell does: `ulimit -n 64`.
    pub fn limit(&mut self, limits: &'static str) {
        self.limits = Some(limits);
    }

    /// Gives it a small disk, in place of the directory that is named after it, from its next start on.
    pub fn live_on_small_disk(&mut self, mebibytes: u32, inodes: u32) {
        // A spill may write its cursor. ClickHouse goes on with whatever bound.
        let bytes = (self.sign == IS_UP).then_some(8_192);
        self.disk = Some(SmallDisk::at(&self.dir.join(&self.name), mebibytes, inodes, bytes));
    }

    /// That disk.
    pub fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().expect("it has a disk of its own")
    }

    /// Where that is seen from here, when it has one.
    pub(crate) fn small_disk(&self) -> Option<PathBuf> {
        self.disk.as_ref().map(SmallDisk::place)
    }

    /// Asks it to stop, and waits.
    pub fn stop(&mut self) -> ExitStatus {
        self.running.take().expect("it is running").stop()
    }

    /// Kills it, without a warning.
    pub fn kill(&mut self) {
        self.running.take().expect("it is running").kill();
    }

    /// Asks it to stop, and does not wait.
    pub fn ask_to_stop(&self) {
        self.running().ask_to_stop();
    }

    /// Lets it run no further, as if the machine had forgotten it.
    pub fn suspend(&self) {
        self.running().suspend();
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.running().resume();
    }

    /// How it ended by itself, when it has; it can be started again then.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.running.as_mut()?.ended()?;
        self.running = None;
        Some(status)
    }

    /// Its admin listener.
    pub fn admin(&self) -> &Client {
        self.client("admin")
    }

    /// Its door for beacons, when it is a collector.
    pub fn beacons(&self) -> &Client {
        self.client("beacons")
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

    /// Everything that it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        self.running().pid()
    }

    /// The most memory that it took since its start, in KiB.
    pub fn memory_peak_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.pid().as_raw_nonzero());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub(crate) fn client(&self, listener: &str) -> &Client {
        let found = self.listeners.iter().find(|(name, _)| *name == listener);
        &found.expect("it has this listener").1
    }

    fn running(&self) -> &Process {
        self.running.as_ref().expect("it is running")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join(format!("{}.log", self.name))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of {}:\n{}", self.name, self.log());
        }
    }
}

/// Takes an address for a listener that keeps it over restarts.
pub(crate) fn listener(args: &mut Vec<String>, flag: &str) -> Client {
    let address = free_address();
    args.extend([flag.to_owned(), address.clone()]);
    Client::new(&format!("http://{address}"))
}

/// An address that nobody listens on, and that the system gives to nobody by itself: its port is below
/// those of outgoing connections.
pub fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 9_000).unwrap() + 20_000;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 3_000;
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}
