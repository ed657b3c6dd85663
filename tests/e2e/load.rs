//! `candor load` against a running candor, as an operator runs it.

use std::path::Path;
use std::process::{Command, Output};

use candor_tests::{Candor, Options, program};

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
