//! Starting and stopping.

use std::time::{Duration, Instant};

use candor_tests::{Candor, Options, program};

use super::pageview;

#[test]
fn a_stop_drains_what_was_accepted() {
    let mut candor = Candor::start(Options {
        // Only the end of the log closes the batch.
        config: "[sink]\nbatch_age_ms = 600000\n".to_owned(),
        ..Options::default()
    });
    for _ in 0..50 {
        assert_eq!(candor.send(&pageview("")).status, 202);
    }
    assert_eq!(candor.sql("SELECT count() FROM candor.statistics"), "0");
    let began = Instant::now();
    assert!(candor.stop().success());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());

    let is_kafka = candor.kafka().is_some();
    if is_kafka {
        // There it stores what it has read: a fetch may have been under way, and what it would have brought waits.
        candor.configure("[sink]\nbatch_age_ms = 500\n");
    }
    let began = Instant::now();
    candor.restart();
    assert!(began.elapsed() < Duration::from_secs(6), "a start took {:?}", began.elapsed());
    let stored = "SELECT count() FROM candor.statistics";
    if is_kafka {
        candor.sql_becomes(stored, "50");
    } else {
        assert_eq!(candor.sql(stored), "50", "stored before it stopped");
    }
    assert_eq!(candor.metric("sink_repairs_total"), 0, "nothing was left in doubt");
}

#[test]
fn a_wrong_configuration_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = std::process::Command::new(program("candor"))
            .current_dir(dir.path())
            .args(args)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    std::fs::write(dir.path().join("candor.toml"), "[collector]\nlisten = \"nowhere\"\n").unwrap();
    let (code, text) = run(&["up", "--config", "candor.toml"]);
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("line 2") && text.contains("candor config"), "{text}");

    let (code, text) = run(&["up", "--clickhouse", "0.0.0.0:8123"]);
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("loopback"), "{text}");

    std::fs::create_dir(dir.path().join("policies")).unwrap();
    std::fs::write(dir.path().join("policies/a.toml"), "[controller]\nid = \"a\"\n").unwrap();
    let (code, text) = run(&["up", "--policies", "policies"]);
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("a.toml"), "{text}");

    let (_, text) = run(&["up", "--config", "missing.toml"]);
    assert!(text.contains("missing.toml"), "{text}");
}

#[test]
fn the_reference_configuration_is_printed_and_loads() {
    let output = std::process::Command::new(program("candor")).arg("config").output().unwrap();
    let reference = String::from_utf8(output.stdout).unwrap();
    assert!(reference.contains("batch_age_ms = 1000"));
    let candor = Candor::start(Options { config: reference, ..Options::default() });
    assert_eq!(candor.send(&pageview("")).status, 202);
}

#[test]
fn two_of_them_do_not_share_a_directory() {
    let candor = Candor::demo();
    let second = std::process::Command::new(program("candor"))
        .args([
            "up",
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--clickhouse",
            "127.0.0.1:0",
        ])
        .arg("--data")
        .arg(candor.data())
        .output()
        .unwrap();
    assert!(!second.status.success());
    assert_eq!(candor.send(&pageview("")).status, 202, "the first one does not mind");
}

#[test]
fn a_start_waits_for_an_engine_that_lost_its_parent() {
    let mut candor = Candor::demo();
    assert_eq!(candor.send(&pageview("")).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.statistics", "1");
    let slow = "SELECT sum(sleepEachRow(0.5)) FROM numbers(6) SETTINGS max_block_size = 1";
    let clickhouse = candor.clickhouse().clone();
    let query = std::thread::spawn(move || clickhouse.send("POST", "/", &[], slow.as_bytes()));
    candor.sql_becomes(
        "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(sleep%'",
        "1",
    );
    candor.orphan_engine();
    candor.restart();
    assert!(candor.log().contains("another ClickHouse is still using the data"));
    assert_eq!(candor.sql("SELECT count() FROM candor.statistics"), "1");
    query.join().unwrap();
}

#[test]
fn it_says_that_it_is_not_ready_while_it_drains() {
    let mut candor = Candor::demo();
    let address = candor.beacons().base().trim_start_matches("http://").to_owned();
    // A request that is under way holds the drain up.
    let mut slow = std::net::TcpStream::connect(address).unwrap();
    let head = "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n{";
    std::io::Write::write_all(&mut slow, head.as_bytes()).unwrap();
    candor_tests::eventually("it is heard", || {
        (candor.metric("collector_beacons_received_total") > 0).then_some(())
    });
    candor.ask_to_stop();
    candor_tests::eventually("it is not ready", || {
        let answer = candor.admin().send("GET", "/readyz", &[], b"")?;
        (answer.status == 503).then_some(())
    });
    assert!(candor.stop().success());
}
