//! `candor bench`, as an operator runs it, with the programs as tests have them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use candor_tests::program;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn bench(dir: &Path) -> Command {
    let mut command = Command::new(program("candor"));
    command.current_dir(dir).args(["bench", "--quick", "--dir", "."]);
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a bench made in the directory and should have removed.
fn left(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("candor-bench-")).collect()
}

#[test]
fn a_bench_measures_everything_and_writes_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let output = bench(dir.path()).args(["--report", "out"]).output().unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), told(&output));
    assert!(output.status.success(), "{told}");
    assert!(said.contains("answered 202 when durable") && said.contains("× bare hyper"), "{said}");
    assert_eq!(left(dir.path()), [""; 0]);

    let json = std::fs::read_to_string(dir.path().join("out/report.json")).unwrap();
    let report: Value = serde_json::from_str(&json).unwrap();
    let number = |name: &str| {
        report.pointer(name).and_then(Value::as_f64).unwrap_or_else(|| panic!("{name}"))
    };
    let ids: Vec<_> = report["ratios"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, ["journal", "agents", "ten", "memory"]);
    for (place, ratio) in report["ratios"].as_array().unwrap().iter().enumerate() {
        let of = |name: &str| number(&format!("/ratios/{place}/{name}"));
        assert!(of("bare_us") > 0.0 && of("own_us") > of("bare_us"), "{ratio}");
        // As tests have it, beside other tests, a collector may be too slow for 10,000 beacons at once. Then it
        // refuses some, and the bench says so.
        let failed = format!(", {} beacons failed", ratio["failed"]);
        assert_eq!(of("failed") > 0.0, told.contains(&failed), "{told}");
        let answered = of("own/0/answered") + of("own/1/answered");
        assert!(of("failed") < answered / 2.0, "{ratio}");
    }
    assert!(number("/paced/0/p99_ms") >= number("/paced/0/p50_ms"));
    for delivery in ["/pipelines/0/delivery", "/pipelines/0/killed/delivery"] {
        assert!(number(&format!("{delivery}/acknowledged")) > 0.0, "{delivery}");
        for none in ["lost", "duplicated"] {
            assert!(number(&format!("{delivery}/{none}")).abs() < f64::EPSILON, "{report}");
        }
    }
    assert!(number("/pipelines/0/killed/unanswered") > 0.0, "nobody was killed under load");
    assert!(number("/pipelines/0/cpu_us_per_event") > 0.0);
    assert!(number("/pipelines/0/bytes_of_row") > 0.0);
    assert_eq!(report["pipelines"][0]["processes"][1]["name"], "ClickHouse");
    let lines = report["lines"].as_array().unwrap();
    assert!(lines.len() > 10 && lines.iter().all(|line| line["is_met"].is_boolean()), "{lines:?}");
    assert_eq!(report["versions"]["profile"], "development");

    a_page_that_can_be_published(
        &std::fs::read_to_string(dir.path().join("out/report.html")).unwrap(),
    );
}

/// It needs nothing else, says everything in words, and names nobody.
fn a_page_that_can_be_published(html: &str) {
    for elsewhere in ["http:", "https:", "src=", "href=", "@import", "<script", "<link"] {
        assert!(!html.contains(elsewhere), "{elsewhere}");
    }
    let plots = html.matches("<svg ").count();
    assert!(plots > 5, "{plots}");
    assert_eq!(html.matches("role=\"img\"><title>").count(), plots - 1, "one has the patterns");
    assert_eq!(html.matches("<table>").count(), html.matches("</table>").count());
    assert!(html.contains("prefers-color-scheme: dark") && html.contains("viewport"));
    for wrong in ["NaN", "inf<", "127.0.0.1", "/tmp", "/home", "target/"] {
        assert!(!html.contains(wrong), "{wrong}");
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    assert!(host.len() < 4 || !html.contains(&host), "the name of the machine");
}

#[test]
fn a_bench_that_is_interrupted_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = bench(dir.path()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let begun = lines.by_ref().any(|line| line.unwrap().contains("durable in the journal …"));
    assert!(begun);
    assert_eq!(left(dir.path()).len(), 1);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let rest: Vec<_> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("stopped before")), "{rest:?}");
    assert_eq!(left(dir.path()), [""; 0]);
}

#[test]
fn a_bench_that_cannot_be_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = |args: &[&str], code, what: &str| {
        let output = bench(dir.path()).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(told(&output).contains(what), "{}", told(&output));
    };
    wrong(&["--brokers", "nobody"], 2, "such as 127.0.0.1:9092");
    wrong(&["--watch", "x"], 2, "such as collector=1234");
    wrong(&["--watch", "broker=1"], 1, "name its --brokers, too");
    let gone = ["--brokers", "127.0.0.1:1", "--watch", "broker=4294967295"];
    wrong(&gone, 1, "cannot measure broker");
    wrong(&["--config", "none.toml"], 64, "cannot read none.toml");
    std::fs::write(dir.path().join("candor.toml"), "[sink]\nbatch = 1\n").unwrap();
    wrong(&["--config", "candor.toml"], 64, "`candor config` prints every key");
    std::fs::write(dir.path().join("file"), "").unwrap();
    wrong(&["--report", "file"], 1, "name another directory with --report");
    assert_eq!(left(dir.path()), [""; 0]);

    // A program without what belongs beside it.
    let alone = dir.path().join("candor");
    std::fs::copy(program("candor"), &alone).unwrap();
    let output = Command::new(alone).current_dir(dir.path()).arg("bench").output().unwrap();
    assert!(told(&output).contains("build or install it beside candor"), "{}", told(&output));
}
