//! The client suites of `tests/clients`, against this server: what analysts' tools are built on.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "support/server.rs"]
mod server;

use server::Server;

#[test]
fn clickhouse_connect_works() {
    let suite = server::workspace().join("tests/clients/python");
    let home = scratch("clients-python");
    let python = home.join("bin/python");
    let requirements = suite.join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the suite is there");
    let stamp = home.join("installed.txt");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(wanted.as_str()) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home));
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements);
        run(&mut install);
        fs::write(&stamp, wanted).expect("writes");
    }
    against_a_server(Command::new(&python).arg(suite.join("test_client.py")));
}

#[test]
fn clickhouse_js_works() {
    let suite = server::workspace().join("tests/clients/node");
    let home = scratch("clients-node");
    let lock = suite.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).expect("the suite is there");
    let stamp = home.join("installed.json");
    for file in ["client.test.js", "package.json", "package-lock.json"] {
        fs::copy(suite.join(file), home.join(file)).expect("copies");
    }
    if fs::read_to_string(&stamp).ok().as_deref() != Some(wanted.as_str()) {
        run(Command::new("npm").args(["ci", "--silent"]).current_dir(&home));
        fs::write(&stamp, wanted).expect("writes");
    }
    against_a_server(Command::new("node").arg("--test").current_dir(&home));
}

/// A directory of the build that outlives the test, so that each suite is installed once.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&path).expect("makes a directory");
    path
}

fn against_a_server(suite: &mut Command) {
    let data = tempfile::tempdir().expect("a directory");
    let server = Server::start(data.path());
    run(suite.env("CANDOR_CLICKHOUSE_URL", server.url()));
    let (status, log) = server.close();
    assert!(status.success(), "{status}: {log}");
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot run {command:?}: {error}; the suites need python3 with venv, node and npm")
    });
    assert!(
        output.status.success(),
        "{command:?} failed\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
