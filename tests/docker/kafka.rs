//! `kafka/server.properties` and the commands of compose.yml, with the real broker.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};

use candor_tests::eventually;
use tempfile::TempDir;

use crate::compose::{service, strings};
use crate::{read, root, with};

/// A broker as compose.yml starts it. It ends with this value, and with the test.
pub(crate) struct Broker {
    dir: TempDir,
    child: Child,
    port: u16,
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A command of compose.yml, with the jars and the settings of this machine.
fn command(name: &str, settings: &Path) -> Command {
    let entrypoint = strings(&service(name)["entrypoint"]);
    let jars = root().join("third_party/kafka/*").display().to_string();
    let settings = settings.display().to_string();
    let replaced = |word: &str| match word {
        "/opt/kafka/libs/*" => jars.clone(),
        "/etc/candor/server.properties" => settings.clone(),
        other => other.to_owned(),
    };
    let words: Vec<_> = entrypoint.iter().map(|word| replaced(word)).collect();
    assert!(words.contains(&jars) && words.contains(&settings), "{words:?}");
    // Whatever becomes of the test, the broker goes with it.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).args(words);
    command
}

impl Broker {
    /// Starts one with the settings of the file and some more; ports and directory are this machine's.
    pub(crate) fn start(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (port, controller) = (free_port(), free_port());
        let mut text = read("docker/kafka/server.properties");
        for (from, to) in [
            ("listeners=PLAINTEXT://:9092,", format!("listeners=PLAINTEXT://127.0.0.1:{port},")),
            ("PLAINTEXT://kafka:9092,", format!("PLAINTEXT://127.0.0.1:{port},")),
            ("localhost:9093", format!("127.0.0.1:{controller}")),
            ("/var/lib/kafka/data", dir.path().join("data").display().to_string()),
        ] {
            text = with(&text, from, &to);
        }
        let settings = dir.path().join("server.properties");
        std::fs::write(&settings, text + more).unwrap();
        // Twice, for a disk that has been laid out is left as it is.
        for _ in 0..2 {
            let format = command("kafka-format", &settings).output().unwrap();
            let said =
                String::from_utf8_lossy(&format.stderr) + String::from_utf8_lossy(&format.stdout);
            assert!(format.status.success(), "{said}");
        }
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let mut broker = command("kafka", &settings);
        let child = broker.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut broker = Self { dir, child, port };
        eventually("the broker is healthy", || {
            let ended = broker.child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", broker.log());
            broker.is_healthy().then_some(())
        });
        broker
    }

    /// Where clients begin.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The health check of compose.yml.
    fn is_healthy(&self) -> bool {
        let test = strings(&service("kafka")["healthcheck"]["test"]).split_off(1);
        let script = with(test.last().unwrap(), "9092", &self.port.to_string());
        let mut command = Command::new(&test[0]);
        command.args(&test[1..test.len() - 1]).arg(script);
        command.output().unwrap().status.success()
    }

    /// What the broker says of its settings: each as `key=value` with where it comes from.
    fn settings(&self) -> String {
        let mut command = Command::new("java");
        command.arg("-cp").arg(root().join("third_party/kafka/*")).args([
            "kafka.admin.ConfigCommand",
            "--bootstrap-server",
            &self.address(),
            "--describe",
            "--all",
            "--entity-type",
            "brokers",
            "--entity-name",
            "1",
        ]);
        let run = command.output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(run.status.success() && said.contains("node.id="), "{said}");
        said
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The settings of a file that the broker does not have. It keeps what it does not know, but hides the
/// value: it might be a secret of somebody's plugin.
fn unknown<'a>(file: &'a str, reported: &str) -> Vec<&'a str> {
    let known = |line: &&str| {
        let taken = format!("STATIC_BROKER_CONFIG:{line}");
        let begin = format!("  {line} sensitive=false ");
        reported.lines().any(|it| it.starts_with(&begin) && it.contains(&taken))
    };
    let settings = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    settings.filter(|line| !known(line)).collect()
}

#[test]
fn kafka_starts_as_composed_and_knows_every_setting() {
    let planted = "log.retention.hour=24\n";
    let broker = Broker::start(planted);
    let reported = broker.settings();
    let file = std::fs::read_to_string(broker.dir.path().join("server.properties")).unwrap();
    assert_eq!(unknown(&file, &reported), [planted.trim_end()], "only the mistake");
}

/// Periods and sizes that stand elsewhere too.
#[test]
fn kafka_keeps_events_as_long_as_candor_says() {
    let text = read("docker/kafka/server.properties");
    let value = |key: &str| {
        let lines = || text.lines().filter_map(|line| line.strip_prefix(&format!("{key}=")));
        let value = lines().next().unwrap_or_else(|| panic!("{key} is not set"));
        assert_eq!(lines().count(), 1, "{key} is set twice");
        value.parse::<i64>().unwrap()
    };
    let candor: toml::Table = read("docker/candor.toml").parse().unwrap();
    let create = |key: &str| candor["kafka"]["create"][key].as_integer().unwrap();
    assert_eq!(value("log.retention.hours"), create("retention_hours"));
    assert_eq!(value("log.roll.hours") * 60, create("segment_minutes"));
    assert_eq!(value("min.insync.replicas"), create("min_insync_replicas"));
    assert_eq!(value("offsets.topic.replication.factor"), create("replication"));
    let minutes_of_90_days = 90 * 24 * 60;
    assert_eq!(value("offsets.retention.minutes"), minutes_of_90_days, "as candor.batches");
}
