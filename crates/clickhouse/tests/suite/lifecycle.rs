//! Start, stop, and what two servers on one directory do.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::client::{connect, query, read};
use crate::server::Server;

#[test]
fn closing_stdin_stops_it_gracefully() {
    let data = tempfile::tempdir().expect("a directory");
    let server = Server::start(data.path());
    query(&server, "CREATE DATABASE d").ok();
    query(&server, "CREATE TABLE d.t (a UInt8) ENGINE = MergeTree ORDER BY a").ok();
    query(&server, "INSERT INTO d.t VALUES (1)").ok();
    // A refreshable view's timer would abort a process that ends without closing the engine.
    query(
        &server,
        "CREATE MATERIALIZED VIEW d.v REFRESH EVERY 1 SECOND ENGINE = MergeTree ORDER BY n \
         AS SELECT count() AS n FROM d.t",
    )
    .ok();
    let (status, log) = server.close();
    assert!(status.success(), "{status}: {log}");
    assert!(log.contains("the engine is closed"), "{log}");
    let again = Server::start(data.path());
    assert_eq!(query(&again, "SELECT a FROM d.t").ok(), "1");
}

#[test]
fn a_running_query_finishes_before_the_end() {
    let data = tempfile::tempdir().expect("a directory");
    let server = Server::start(data.path());
    let sql = "SELECT sleepEachRow(0.1) FROM numbers(15) SETTINGS max_block_size = 1";
    let mut stream = connect(&server);
    let request =
        format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{sql}", sql.len());
    stream.write_all(request.as_bytes()).expect("sends");
    crate::server::eventually("the query runs", || {
        query(&server, "SELECT count() FROM system.processes").ok() == "2"
    });
    let id = server.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
    assert!(sent.success());
    assert_eq!(read(stream).ok().lines().count(), 15);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_directory_serves_one_engine() {
    let data = tempfile::tempdir().expect("a directory");
    let server = Server::start(data.path());
    let Err(log) = Server::try_start(data.path()) else { panic!("a second engine started") };
    assert!(log.starts_with("exit status: 75"), "{log}");
    assert!(log.contains("is in use by another engine"), "{log}");
    assert_eq!(query(&server, "SELECT 1").ok(), "1");
}

#[test]
fn other_addresses_than_loopback_are_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_candor-clickhouse"))
        .args(["--library", "x", "--data", "x", "--listen", "0.0.0.0:0"])
        .stdin(Stdio::null())
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("binds to loopback only"), "{log}");
}
