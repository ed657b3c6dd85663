//! The parts as processes of their own, as production runs them: collectors, Kafka, sinks, ClickHouse.

use std::cell::Cell;
use std::collections::HashSet;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use candor_transport::kafka::KafkaConfig;
use tempfile::TempDir;

use crate::config::{kafka_of, merged};
use crate::eventually;
use crate::http::{Answer, Client};
use crate::kafka::Broker;
use crate::leak::{Canary, Leak};
use crate::load::audit;
use crate::part::{Part, listener};
use crate::policy::Policy;
use crate::process::program;

/// How to start them.
#[derive(Clone, Debug)]
pub struct PartsOptions {
    /// How many collectors.
    pub collectors: usize,
    /// How many sinks.
    pub sinks: usize,
    /// How many partitions the topic gets.
    pub partitions: u32,
    /// Instead of the built-in demo.
    pub policy: Option<Policy>,
    /// Lines of `candor.toml`.
    pub config: String,
    /// Whether the broker is one of their own, which may be ill-treated.
    pub own_broker: bool,
    /// How many brokers, when they are their own: three keep three copies.
    pub brokers: usize,
    /// Whether ClickHouse, and the broker when it is their own, have disks that can be filled.
    pub small_disks: bool,
}

/// Running parts. Each may be ended and started again in its place.
#[derive(Debug)]
pub struct Parts {
    /// The collectors.
    pub collectors: Vec<Part>,
    /// The sinks, named `sink-0` and so on.
    pub sinks: Vec<Part>,
    /// ClickHouse.
    pub engine: Part,
    broker: AnyBroker,
    topic: String,
    /// The collector that is sent to next.
    turn: Cell<usize>,
    dir: TempDir,
}

#[derive(Debug)]
enum AnyBroker {
    Own(Vec<Broker>),
    Shared(&'static Broker),
}

/// No byte is hidden from whoever looks for addresses.
const READABLE: &str = "kafka.compression = \"none\"\nclickhouse.tables.compressed = false\n";
/// A load comes from two networks.
const UNLIMITED: &str = "collector.limits.network_per_second = 1000000\n\
    collector.limits.network_burst = 1000000\n";
/// Mebibytes of small disks: of a broker with a few topics, and of an engine with a few rows.
const BROKER_MIB: u32 = 64;
const ENGINE_MIB: u32 = 256;

impl Default for PartsOptions {
    fn default() -> Self {
        Self {
            collectors: 1,
            sinks: 1,
            partitions: 2,
            policy: None,
            config: String::new(),
            own_broker: false,
            brokers: 1,
            small_disks: false,
        }
    }
}

impl Parts {
    /// Starts everything: ClickHouse, the topic and the tables, the sinks, the collectors, which are ready
    /// then.
    pub fn start(options: &PartsOptions) -> Self {
        let (collectors, sinks) = (options.collectors, options.sinks);
        let mut parts = Self::prepare(options);
        parts.engine.restart();
        let made = parts.migrate(&[]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for _ in 0..sinks {
            parts.add_sink();
        }
        for _ in 0..collectors {
            parts.add_collector();
        }
        for collector in &parts.collectors {
            collector.wait_until_ready();
        }
        parts
    }

    /// Starts nothing but Kafka: no ClickHouse runs yet, no topic and no table is there.
    pub fn prepare(options: &PartsOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let broker = if options.own_broker {
            AnyBroker::Own(match options.brokers {
                1 if options.small_disks => vec![Broker::start_on_small_disk(BROKER_MIB)],
                1 => vec![Broker::start()],
                brokers => Broker::cluster(brokers),
            })
        } else {
            AnyBroker::Shared(Broker::shared())
        };
        let topic = broker.get().fresh_topic();
        let mut engine = Part::engine(dir.path());
        if options.small_disks {
            engine.live_on_small_disk(ENGINE_MIB, 100_000);
        }
        let own = format!(
            "{READABLE}{UNLIMITED}log.kind = \"kafka\"\nkafka.bootstrap_servers = {:?}\nkafka.topic = {topic:?}\n\
             kafka.group = {topic:?}\nkafka.create.partitions = {}\nclickhouse.url = {:?}\n",
            broker.all().iter().map(Broker::address).collect::<Vec<_>>(),
            options.partitions,
            engine.client("address").base(),
        );
        let config = merged(&[&own, &options.config]);
        std::fs::write(dir.path().join("candor.toml"), config).unwrap();
        if let Some(policy) = &options.policy {
            std::fs::create_dir(dir.path().join("policies")).unwrap();
            std::fs::write(dir.path().join("policies/test.toml"), policy.text()).unwrap();
        }
        let (collectors, sinks, turn) = (Vec::new(), Vec::new(), Cell::new(0));
        Self { collectors, sinks, engine, broker, topic, turn, dir }
    }

    /// Changes lines of `candor.toml` for every later start and command.
    pub fn configure(&self, config: &str) {
        let path = self.dir.path().join("candor.toml");
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, merged(&[&before, config])).unwrap();
    }

    /// Starts one more collector.
    pub fn add_collector(&mut self) {
        self.add_collector_with("");
    }

    /// Starts one more collector, with these lines in a `candor.toml` of its own, `collector-0.toml` and so on.
    pub fn add_collector_with(&mut self, config: &str) {
        let name = format!("collector-{}", self.collectors.len());
        let own = self.dir.path().join(format!("{name}.toml"));
        let shared = std::fs::read_to_string(self.dir.path().join("candor.toml")).unwrap();
        let mut args = self.args("collect");
        if !config.is_empty() {
            std::fs::write(&own, merged(&[&shared, config])).unwrap();
            let place = args.iter().position(|arg| arg == "--config").unwrap() + 1;
            args[place] = own.display().to_string();
        }
        // Its spill, which no other collector has.
        args.extend(["--data".to_owned(), self.dir.path().join(&name).display().to_string()]);
        let beacons = listener(&mut args, "--listen");
        let admin = listener(&mut args, "--admin");
        let listeners = vec![("beacons", beacons), ("admin", admin)];
        let mut part = Part::candor(&name, args, self.dir.path(), listeners);
        part.restart();
        self.collectors.push(part);
    }

    /// Starts one more sink.
    pub fn add_sink(&mut self) {
        let name = format!("sink-{}", self.sinks.len());
        let mut args = self.args("sink");
        args.extend(["--instance".to_owned(), name.clone()]);
        let admin = listener(&mut args, "--admin");
        let mut part = Part::candor(&name, args, self.dir.path(), vec![("admin", admin)]);
        part.restart();
        self.sinks.push(part);
    }

    /// Runs `candor migrate`.
    pub fn migrate(&self, args: &[&str]) -> Output {
        self.command("migrate").args(args).output().unwrap()
    }

    /// Runs `candor tail`; gives back its lines.
    pub fn tail(&self, args: &[&str]) -> Vec<serde_json::Value> {
        let run = self.command("tail").args(args).output().unwrap();
        let error = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{error}");
        let text = String::from_utf8(run.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Any command of the program, with this configuration and these policies.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(program("candor"));
        command.args(self.args(subcommand)).current_dir(self.dir.path()).process_group(0);
        command
    }

    /// How Kafka is reached.
    pub fn kafka(&self) -> KafkaConfig {
        kafka_of(&std::fs::read_to_string(self.dir.path().join("candor.toml")).unwrap())
    }

    /// The broker.
    pub fn broker(&self) -> &Broker {
        self.broker.get()
    }

    /// All brokers of a cluster.
    pub fn brokers(&self) -> &[Broker] {
        self.broker.all()
    }

    /// The topic, after which the group of the sinks is named too.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The directory with the configuration, the logs and ClickHouse's files.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Waits until everything is at rest; panics unless what was acknowledged is stored, once, and
    /// `candor audit` says so, too.
    pub fn assert_stored(&self, acknowledged: &HashSet<u64>) {
        for collector in &self.collectors {
            eventually("its spill is empty", || {
                (collector.metric("transport_spill_records") == 0).then_some(())
            });
        }
        self.sinks.iter().for_each(Part::wait_until_ready);
        audit(self.clickhouse(), acknowledged, || self.standing());
        self.audit(&[]).assert_clean();
        assert_eq!(self.leaks(), [], "addresses of visitors");
    }

    /// Where the address is that a [`Load`](crate::Load) comes from: in a file of any part, the topic included,
    /// or in what they tell.
    pub fn leaks(&self) -> Vec<Leak> {
        let parts = || self.collectors.iter().chain(&self.sinks);
        let mut dirs = vec![self.dir.path().to_owned()];
        dirs.extend(parts().chain([&self.engine]).filter_map(Part::small_disk));
        dirs.extend(self.dirs_of_the_topic());
        let marked = Canary::marked();
        let told = parts().filter_map(|part| {
            marked.find_in(part.admin().get("/metrics", &[]).body.as_bytes(), "metrics")
        });
        dirs.iter().filter_map(|dir| marked.find_below(dir)).chain(told).collect()
    }

    fn dirs_of_the_topic(&self) -> Vec<PathBuf> {
        let brokers = self.broker.all().iter();
        brokers.flat_map(|broker| broker.partition_dirs(&self.topic)).collect()
    }

    /// Where every sink stands, and how far the ledger has come.
    fn standing(&self) -> String {
        let sinks = self.sinks.iter().map(|sink| {
            let answer = sink.admin().send("GET", "/metrics", &[], b"");
            let metrics = answer.map_or_else(|| "does not answer".to_owned(), |answer| answer.body);
            let told = |line: &&str| line.starts_with("sink_") || line.starts_with("transport_");
            let lines: Vec<_> = metrics.lines().filter(told).collect();
            format!("{}\n{}", lines.join("\n"), sink.log())
        });
        let ledger = "SELECT log_partition, max(last_offset), max(stored_at), now() \
                      FROM candor.batches GROUP BY 1 ORDER BY 1";
        let answer = self.clickhouse().send("POST", "/", &[], ledger.as_bytes());
        let ledger = answer.map_or_else(|| "does not answer".to_owned(), |answer| answer.body);
        format!("{}\nthe ledger:\n{ledger}", sinks.collect::<Vec<_>>().join("\n"))
    }

    /// Sends a body to the collectors in turn, as JSON.
    pub fn send(&self, body: &str) -> Answer {
        let turn = self.turn.replace(self.turn.get() + 1);
        self.collectors[turn % self.collectors.len()].beacons().beacon(body)
    }

    /// Asks ClickHouse; panics with its error.
    pub fn sql(&self, query: &str) -> String {
        self.clickhouse().sql(query)
    }

    /// Waits until a query has this answer.
    pub fn sql_becomes(&self, query: &str, want: &str) {
        self.clickhouse().sql_becomes(query, want);
    }

    /// ClickHouse's HTTP interface.
    pub fn clickhouse(&self) -> &Client {
        self.engine.client("address")
    }

    fn args(&self, subcommand: &str) -> Vec<String> {
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        let mut args = vec![subcommand.to_owned(), "--config".to_owned(), path("candor.toml")];
        let policies = self.dir.path().join("policies");
        if matches!(subcommand, "collect" | "migrate" | "up") && policies.is_dir() {
            args.extend(["--policies".to_owned(), path("policies")]);
        }
        args
    }
}

impl AnyBroker {
    fn get(&self) -> &Broker {
        &self.all()[0]
    }

    fn all(&self) -> &[Broker] {
        match self {
            Self::Own(brokers) => brokers,
            Self::Shared(broker) => std::slice::from_ref(broker),
        }
    }
}
