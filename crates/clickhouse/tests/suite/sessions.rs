//! Sessions keep their state, one statement at a time.

use std::io::Write;

use crate::client::{connect, post, read, target};
use crate::server::{eventually, shared};

fn session(id: &str, sql: &str) -> crate::client::Reply {
    post(shared(), &[("session_id", id)], sql.as_bytes())
}

#[test]
fn a_session_keeps_tables_and_settings() {
    session("keep", "CREATE TEMPORARY TABLE mine AS SELECT 5 AS x").ok();
    session("keep", "SET max_threads = 3").ok();
    session("keep", "USE system").ok();
    let state = "SELECT x, getSetting('max_threads'), currentDatabase() FROM mine";
    assert_eq!(session("keep", state).ok(), "5\t3\tsystem");
    assert_eq!(session("other", "SELECT x FROM mine").exception(), 60);
    assert_eq!(post(shared(), &[], b"SELECT x FROM mine").exception(), 60);
}

#[test]
fn a_querys_settings_leave_the_session_as_it_was() {
    session("restore", "SET max_threads = 3").ok();
    let read = |settings: &[(&str, &str)]| {
        let parameters: Vec<_> =
            [("session_id", "restore")].into_iter().chain(settings.iter().copied()).collect();
        post(
            shared(),
            &parameters,
            b"SELECT getSetting('max_threads'), concat('<', hex(getSetting('log_comment')), '>')",
        )
    };
    assert_eq!(read(&[("max_threads", "5"), ("log_comment", "it's")]).ok(), "5\t<69742773>");
    assert_eq!(read(&[]).ok(), "3\t<>");
    assert_eq!(read(&[("max_threads", "5"), ("max_block_size", "x")]).exception(), 27);
    assert_eq!(read(&[]).ok(), "3\t<>");
}

#[test]
fn a_session_may_have_to_exist() {
    let check = [("session_id", "nobody"), ("session_check", "1")];
    assert_eq!(post(shared(), &check, b"SELECT 1").exception(), 372);
    session("somebody", "SELECT 1").ok();
    let check = [("session_id", "somebody"), ("session_check", "1")];
    assert_eq!(post(shared(), &check, b"SELECT 1").ok(), "1");
    let invalid = [("session_id", "x"), ("session_timeout", "99999")];
    assert_eq!(post(shared(), &invalid, b"SELECT 1").exception(), 374);
}

#[test]
fn a_session_runs_out() {
    let short = [("session_id", "short"), ("session_timeout", "1")];
    post(shared(), &short, b"SELECT 1").ok();
    let check = [("session_id", "short"), ("session_timeout", "1"), ("session_check", "1")];
    // Each check that finds the session renews it, so the time between them must exceed it.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    eventually("the session is gone", || post(shared(), &check, b"SELECT 1").status != 200);
}

#[test]
fn a_busy_session_is_locked() {
    let target = target(&[("session_id", "busy"), ("max_execution_time", "5")]);
    let sql = "SELECT sleepEachRow(0.1) FROM numbers(20) SETTINGS max_block_size = 1";
    let mut stream = connect(shared());
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{sql}",
        shared().address(),
        sql.len()
    );
    stream.write_all(request.as_bytes()).expect("sends");
    eventually("the session is locked", || {
        // Asking whether it exists cannot take it from the query above.
        let check = [("session_id", "busy"), ("session_check", "1")];
        post(shared(), &check, b"SELECT 1").exception() == 373
    });
    assert_eq!(read(stream).ok().lines().count(), 20);
    assert_eq!(session("busy", "SELECT 1").ok(), "1");
}
