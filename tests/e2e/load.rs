//! `candor load` against a running candor, as an operator runs it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use candor_tests::{Candor, Options, program};
use rustix::process::{Pid, Signal, kill_process};

/// Runs it in an empty folder.
fn load(dir: &Path, args: &[&str]) -> Output {
    Command::new(program("candor")).current_dir(dir).arg("load").args(args).output().unwrap()
}

#[test]
fn a_load_is_answered_measured_and_counted_in_the_tables() {
    let candor = Candor::start(Options {
        config: "[collector.limits]\nsite_per_second = 100000\nsite_burst = 100000\n".to_owned(),
        ..Options::default()
    });
    let dir = tempfile::tempdir().unwrap();
    let config = format!("[clickhouse]\nurl = '{}'\n", candor.clickhouse().base());
    std::fs::write(dir.path().join("candor.toml"), config).unwrap();
    let target = candor.beacons().base().trim_start_matches("http://");
    let watched = format!("candor={}", candor.pid().as_raw_nonzero());
    for batch in ["1", "10"] {
        let args = [
            "--target",
            target,
            "--rate",
            "500",
            "--seconds",
            "2",
            "--warm-up",
            "1",
            "--consent",
            "60",
            "--batch",
            batch,
            "--check",
            "statistics",
            "--config",
            "candor.toml",
            "--json",
            "--watch",
            &watched,
        ];
        let output = load(dir.path(), &args);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        assert!(told.lines().any(|line| line.trim_start().starts_with("2 s")), "{told}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let number = |name: &str| report.pointer(name).and_then(serde_json::Value::as_f64).unwrap();
        assert!((number("/answered") - 500.0).abs() < 100.0, "{report}");
        assert!(number("/accepted") > 300.0, "{report}");
        assert!(number("/latency_ms/p50") > 0.0, "{report}");
        assert!(number("/processes/0/cpu_us_per_beacon") > 0.0, "{report}");
        assert!(number("/delivery/acknowledged") > number("/accepted"), "with the warm-up");
        for nothing in ["/failed", "/delivery/missing", "/delivery/twice"] {
            assert!(number(nothing).abs() < f64::EPSILON, "{nothing} of {report}");
        }
    }
}

#[test]
fn a_load_of_which_nothing_is_kept_fails_and_says_why() {
    let candor = Candor::start(Options::default());
    let dir = tempfile::tempdir().unwrap();
    let config = format!("[clickhouse]\nurl = '{}'\n", candor.clickhouse().base());
    std::fs::write(dir.path().join("candor.toml"), config).unwrap();
    let target = candor.beacons().base().trim_start_matches("http://");
    let ends = |args: &[&str], code, what: &str| {
        let about = ["--target", target, "--rate", "50", "--seconds", "1", "--warm-up", "0"];
        let output = load(dir.path(), &[&about, args].concat());
        let told = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}{told}");
        assert!(said.contains(what) || told.contains(what), "{args:?}: {said}{told}");
    };
    ends(&["--site", "nobody"], 1, "look at --site");
    ends(&["--site", "nobody"], 1, "every beacon was refused");
    let check = ["--check", "statistics", "--config", "candor.toml"];
    ends(&[&check[..], &["--consent", "0"]].concat(), 1, "nothing was kept");
    ends(
        &["--check", "marketing", "--config", "candor.toml"],
        1,
        "cannot count the rows of marketing",
    );
    // Half of a second between requests is no wait of anybody.
    let output = load(dir.path(), &["--target", target, "--rate", "2", "--seconds", "2", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["latency_ms"]["p50"].as_f64().unwrap() < 400.0, "{report}");
}

#[test]
fn a_load_that_is_interrupted_tells_what_it_has() {
    let candor = Candor::start(Options::default());
    let target = candor.beacons().base().trim_start_matches("http://");
    let mut child = Command::new(program("candor"))
        .args(["load", "--target", target, "--rate", "100", "--seconds", "600", "--warm-up", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().contains("1 s ")));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("stopped before its time"), "{said}");
}

#[test]
fn a_load_that_nobody_answers_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = ["--target", "127.0.0.1:1", "--seconds", "1", "--warm-up", "0"];
    let output = load(dir.path(), &nobody);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("is a collector listening there?"), "{told}");
    let several = ["--batch", "2", "--protocol", "pixel"];
    let told = String::from_utf8_lossy(&load(dir.path(), &several).stderr).into_owned();
    assert!(told.contains("leave --batch out"), "{told}");
    let told = String::from_utf8_lossy(&load(dir.path(), &["--watch", "x"]).stderr).into_owned();
    assert!(told.contains("such as collector=1234"), "{told}");
}
