//! The real engine with rights and settings of ours: it merges what lies in `users.d` and `config.d` into
//! its own, as a server does.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use candor_tests::{Answer, Client, program};
use tempfile::TempDir;

use crate::{read, root};

/// A running engine. It ends with this value, and with the test.
#[derive(Debug)]
pub(crate) struct Engine {
    dir: TempDir,
    child: Child,
    client: Client,
}

impl Engine {
    /// Starts one on nothing, with these users.
    pub(crate) fn start(users: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (child, client) = run(&dir, users);
        Self { dir, child, client }
    }

    /// Starts it again on the same data, with other users.
    pub(crate) fn restart(&mut self, users: &str) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        (self.child, self.client) = run(&self.dir, users);
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        self.client.base()
    }

    /// The answer to a query, good or bad, and whole: an error may come after many rows.
    pub(crate) fn ask(&self, query: &str) -> Answer {
        self.client.post("/?wait_end_of_query=1", &[], query)
    }

    /// The answer to a query that must work.
    pub(crate) fn sql(&self, query: &str) -> String {
        let answer = self.ask(query);
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.body.trim_end().to_owned()
    }

    /// Asserts that a query is refused with this code.
    pub(crate) fn refuses(&self, query: &str, code: u16) {
        let answer = self.ask(query);
        let begin = format!("Code: {code}.");
        assert!(answer.body.starts_with(&begin), "{query}: {}", answer.body);
    }

    /// Whether it can read a statement.
    pub(crate) fn parses(&self, statement: &str) -> Result<(), String> {
        let answer = self.run(&format!("EXPLAIN AST {statement}"));
        if answer.status == 200 { Ok(()) } else { Err(answer.body) }
    }

    /// The answer to a statement of `users.sql`, with its parameters set.
    pub(crate) fn run(&self, statement: &str) -> Answer {
        let hash = "5e".repeat(32);
        let path = format!("/?param_migrator={hash}&param_quarantine={hash}&param_sink={hash}");
        self.client.post(&path, &[], statement)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn run(dir: &TempDir, users: &str) -> (Child, Client) {
    let data = dir.path().join("data");
    let engine = data.join("engine");
    for (place, text) in
        [("users.d", users.to_owned()), ("config.d", read("docker/clickhouse/config.d/candor.xml"))]
    {
        std::fs::create_dir_all(engine.join(place)).unwrap();
        std::fs::write(engine.join(place).join("test.xml"), text).unwrap();
    }
    let log = dir.path().join("log");
    let log = File::options().create(true).append(true).open(log).unwrap();
    let mut child = Command::new(program("candor-clickhouse"))
        .arg("--library")
        .arg(root().join("third_party/chdb/libchdb.so"))
        .arg("--data")
        .arg(data)
        .args(["--listen", "127.0.0.1:0", "--exit-on-stdin-close"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let Some(address) = line.trim_end().strip_prefix("listening on ") else {
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
        panic!("the engine did not start: {:?}: {log}", child.wait());
    };
    (child, Client::new(address))
}
