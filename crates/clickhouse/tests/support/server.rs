//! Starts the server as a child process, as Candor does.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server; it ends with this value, or with the test process.
pub(crate) struct Server {
    child: Child,
    address: String,
    log: thread::JoinHandle<String>,
}

impl Server {
    /// Starts a server on `data` and a free port.
    pub(crate) fn start(data: &Path) -> Self {
        Self::try_start(data).unwrap_or_else(|log| panic!("the server did not start: {log}"))
    }

    /// As [`Server::start`]; the log, if it does not come up.
    pub(crate) fn try_start(data: &Path) -> Result<Self, String> {
        let mut child = command(data).spawn().expect("the server's binary runs");
        let mut stderr = child.stderr.take().expect("is piped");
        let log = thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).expect("the log is UTF-8");
            log
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("is piped"))
            .read_line(&mut line)
            .expect("the first line is UTF-8");
        if let Some(address) = line.trim_end().strip_prefix("listening on http://") {
            return Ok(Self { child, address: address.to_owned(), log });
        }
        let status = child.wait().expect("ends");
        Err(format!("{status}: {}", log.join().expect("the log is read")))
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process at once, as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("is running");
        self.child.wait().expect("ends");
    }

    /// Closes its standard input and waits for its end.
    pub(crate) fn close(mut self) -> (ExitStatus, String) {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("ends");
        (status, self.log.join().expect("the log is read"))
    }

    /// Waits for its end after something else told it to stop.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("ends")
    }
}

/// One server for all tests that only need databases of their own.
pub(crate) fn shared() -> &'static Server {
    static SHARED: LazyLock<(Server, TempDir)> = LazyLock::new(|| {
        let directory = tempfile::tempdir().expect("a directory");
        (Server::start(directory.path()), directory)
    });
    &SHARED.0
}

/// Polls until `condition` holds; fails after ten seconds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "not within ten seconds: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The workspace's root.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("is there")
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_candor-clickhouse"));
    command
        .arg("--library")
        .arg(library())
        .arg("--data")
        .arg(data)
        .args(["--listen", "127.0.0.1:0", "--exit-on-stdin-close"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn library() -> PathBuf {
    std::env::var_os("CANDOR_CHDB")
        .map_or_else(|| workspace().join("third_party/chdb/libchdb.so"), PathBuf::from)
}
