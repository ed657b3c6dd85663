//! The parts with the configurations, commands and rights of `docker/`, as far as that goes without
//! containers: a beacon goes in, and its row is there.

use std::path::PathBuf;
use std::process::Command;

use candor_tests::{Process, eventually, program};
use serde_json::Value;
use tempfile::TempDir;

use crate::access::{be, grants};
use crate::compose::{service, strings};
use crate::engine::Engine;
use crate::kafka::Broker;
use crate::sql::{as_xml, rights_of, users};
use crate::{read, with};

/// A directory for what containers have mounted.
struct Machine {
    dir: TempDir,
    broker: Broker,
}

impl Machine {
    /// The configuration of a container, with the hosts and ports of this machine. The embedded engine's one
    /// user has no password, whosoever rights it has.
    fn config(&self, file: &str, engine: &Engine) -> PathBuf {
        let text = read(&format!("docker/{file}"));
        let text = with(&text, "kafka:9092", &self.broker.address());
        let text = with(&text, "http://clickhouse:8123", engine.url());
        let text =
            text.replace("0.0.0.0:8080", "127.0.0.1:0").replace("127.0.0.1:8090", "127.0.0.1:0");
        let data = self.dir.path().join("data");
        let text = text.replace("/var/lib/candor", data.to_str().unwrap());
        let login =
            |line: &&str| line.starts_with("user = ") || line.starts_with("password_file = ");
        assert_eq!(text.lines().filter(login).count(), 2);
        let lines: Vec<_> = text.lines().filter(|line| !login(line)).collect();
        let path = self.dir.path().join(file);
        std::fs::write(&path, lines.join("\n")).unwrap();
        path
    }

    /// What a container runs.
    fn command(&self, name: &str, engine: &Engine) -> Command {
        let mut command = Command::new(program("candor"));
        for word in strings(&service(name)["command"]) {
            match word.strip_prefix("/etc/candor/") {
                Some(file) => command.arg(self.config(file, engine)),
                None => command.arg(word),
            };
        }
        command
    }

    fn start(&self, name: &str, engine: &Engine) -> Process {
        let log = self.dir.path().join(format!("{name}.log"));
        Process::start(self.command(name, engine), &log, "candor is up")
    }
}

/// Runs the health check of a container until it is content.
fn wait_until_healthy(name: &str, process: &Process) {
    let mut test = strings(&service(name)["healthcheck"]["test"]).split_off(1);
    let admin = process.client("admin").base().trim_start_matches("http://").to_owned();
    assert_eq!(
        (test.remove(0).as_str(), test.pop().unwrap().as_str()),
        ("candor", "127.0.0.1:8090")
    );
    eventually("it is healthy", || {
        let health = Command::new(program("candor")).args(&test).arg(&admin).output().unwrap();
        health.status.success().then_some(())
    });
}

#[test]
fn a_beacon_becomes_a_row_with_the_settings_and_rights_of_docker() {
    let machine = Machine { dir: tempfile::tempdir().unwrap(), broker: Broker::start("") };
    let mut statements = users();
    let rights = rights_of("candor_migrator", &statements);
    let mut engine = Engine::start(&as_xml(&rights, &[], &statements));
    let made = machine.command("migrate", &engine).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    statements.extend(grants(&engine));
    be(&mut engine, "candor_sink", &statements);

    let sink = machine.start("sink", &engine);
    let collect = machine.start("collect", &engine);
    wait_until_healthy("collect", &collect);
    wait_until_healthy("sink", &sink);
    let beacon = r#"{"site":"demo","url":"http://localhost/docker","consent":true}"#;
    let json = [("content-type", "application/json")];
    let answer = collect.client("beacons").post("/v1/events", &json, beacon);
    assert_eq!(answer.status, 202, "{}", answer.body);

    // What the sink may read: that there is a row, and where in the log its event lies.
    let row = eventually("the row", || {
        let row = engine
            .sql("SELECT log_partition, log_offset FROM candor.statistics_rows FORMAT JSONEachRow");
        (!row.is_empty()).then_some(row)
    });
    let row: Value = serde_json::from_str(&row).unwrap();
    assert!(row["log_partition"].as_u64().unwrap() < 6, "{row}");
    assert_eq!(row["log_offset"].to_string().trim_matches('"'), "0", "{row}");
    drop((collect, sink));
}
