//! A real Apache Kafka: one broker on a free port, from the jars in `third_party/kafka`.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rustix::process::{Pid, Signal, kill_process};

use crate::disk::SmallDisk;
use crate::process::{is_gone, suspend};
use crate::{eventually, within};

/// A virtual machine of Java, or three at once, take their time where much else runs.
const STARTS_WITHIN: Duration = Duration::from_mins(3);

/// A running broker, or one that was killed and can be started again in the same place.
#[derive(Debug)]
pub struct Broker {
    dir: PathBuf,
    ports: Ports,
    state: Mutex<State>,
    /// Where its log is, when that has a disk of its own.
    disk: Option<SmallDisk>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    clients: u16,
    controller: u16,
    second: u16,
}

#[derive(Debug)]
struct State {
    supervisor: Child,
    /// Whatever way this process ends, the pipe closes, and the supervisor ends the broker.
    orders: Option<ChildStdin>,
    pids: BufReader<ChildStdout>,
    broker: Option<Pid>,
}

impl Broker {
    /// The broker that the tests of this process share. Begin with a [`Self::fresh_topic`].
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A broker of its own, which may be ill-treated.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A broker of its own with further lines of `server.properties`, the last of which counts. In their
    /// values `{clients}`, `{controller}` and `{second}` are free ports, `{dir}` is its directory.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::Builder::new().prefix("candor-kafka-").tempdir().unwrap().keep();
        Self::start_in(dir, settings)
    }

    /// The same in a directory that was prepared; it is the broker's from now on.
    pub fn start_in(dir: PathBuf, settings: &[(&str, &str)]) -> Self {
        let broker = Self::prepare(dir, Ports::free(), settings, None);
        broker.restart();
        broker
    }

    /// One whose log has a disk of so many mebibytes.
    pub fn start_on_small_disk(mebibytes: u32) -> Self {
        let dir = tempfile::Builder::new().prefix("candor-kafka-").tempdir().unwrap().keep();
        let disk = SmallDisk::at(&dir.join("data"), mebibytes, 10_000, Some(8_192));
        let broker = Self::prepare(dir, Ports::free(), &[], Some(disk));
        broker.restart();
        broker
    }

    /// So many brokers that are one cluster, which keeps three copies of everything, and takes what two have.
    pub fn cluster(brokers: usize) -> Vec<Self> {
        let ports: Vec<_> = (0..brokers).map(|_| Ports::free()).collect();
        let voters =
            ports.iter().zip(1..).map(|(it, id)| format!("{id}@127.0.0.1:{}", it.controller));
        let voters = voters.collect::<Vec<_>>().join(",");
        let brokers = ports.into_iter().zip(1..).map(|(ports, id)| {
            let dir = tempfile::Builder::new().prefix("candor-kafka-").tempdir().unwrap().keep();
            let id = id.to_string();
            let settings = [
                ("node.id", id.as_str()),
                ("controller.quorum.voters", &voters),
                ("offsets.topic.replication.factor", "3"),
                ("min.insync.replicas", "2"),
            ];
            Self::prepare(dir, ports, &settings, None)
        });
        let brokers: Vec<_> = brokers.collect();
        Self::restart_all(&brokers.iter().collect::<Vec<_>>());
        brokers
    }

    /// Starts brokers that need each other to serve.
    pub fn restart_all(brokers: &[&Self]) {
        let pids: Vec<_> = brokers.iter().map(|broker| broker.begin()).collect();
        for (broker, pid) in brokers.iter().zip(pids) {
            broker.wait_until_it_serves(pid);
        }
    }

    /// Where it is, not yet started.
    fn prepare(
        dir: PathBuf,
        ports: Ports,
        settings: &[(&str, &str)],
        disk: Option<SmallDisk>,
    ) -> Self {
        write_properties(&dir, ports, settings);
        let command = |program: &str| {
            disk.as_ref().map_or_else(|| Command::new(program), |disk| disk.command(program))
        };
        format_storage(command("java"), &dir);
        let mut supervisor = command("sh")
            .args(["-c", SUPERVISOR, "kafka", CLASS])
            .args(java_options())
            .arg(dir.join("server.properties"))
            .env("KAFKA_TEST_DIR", &dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let orders = supervisor.stdin.take();
        let pids = BufReader::new(supervisor.stdout.take().unwrap());
        let state = State { supervisor, orders, pids, broker: None };
        Self { dir, ports, state: Mutex::new(state), disk }
    }

    /// Where clients begin, `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.clients)
    }

    /// The port of a second listener, if the settings open one.
    pub const fn second_port(&self) -> u16 {
        self.ports.second
    }

    /// The directory with everything that the broker keeps.
    pub fn log_dir(&self) -> PathBuf {
        self.disk.as_ref().map_or_else(|| self.dir.join("data"), SmallDisk::place)
    }

    /// The directories in which it keeps a topic's records.
    pub fn partition_dirs(&self, topic: &str) -> Vec<PathBuf> {
        let partitions = std::fs::read_dir(self.log_dir()).unwrap().flatten();
        let is_of_topic = |name: &str| {
            let number = name.strip_prefix(topic).and_then(|rest| rest.strip_prefix('-'));
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        let ours = partitions.filter(|dir| is_of_topic(&dir.file_name().to_string_lossy()));
        ours.map(|dir| dir.path()).collect()
    }

    /// A name that no other test uses.
    pub fn fresh_topic(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        format!("events-{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Kills the broker at once, without a warning.
    pub fn kill(&self) {
        let pid = self.state().broker.take().expect("it is running");
        kill_process(pid, Signal::KILL).unwrap();
        eventually("the broker is gone", || is_gone(pid).then_some(()));
    }

    /// Starts the broker again after [`Self::kill`], and waits until it serves.
    pub fn restart(&self) {
        let pid = self.begin();
        self.wait_until_it_serves(pid);
    }

    fn begin(&self) -> Pid {
        let mut state = self.state();
        assert!(state.broker.is_none(), "it is still running");
        state.orders.as_mut().unwrap().write_all(b"start\n").unwrap();
        let mut line = String::new();
        state.pids.read_line(&mut line).unwrap();
        let pid = line.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.expect("the supervisor tells the process id");
        state.broker = Some(pid);
        pid
    }

    fn wait_until_it_serves(&self, pid: Pid) {
        let client: BaseConsumer = self.client().create().unwrap();
        within(STARTS_WITHIN, "the broker serves", || {
            assert!(!is_gone(pid), "the broker ended: {}", self.log());
            let metadata = client.fetch_metadata(None, Duration::from_secs(1)).ok()?;
            (!metadata.brokers().is_empty()).then_some(())
        });
    }

    /// The disk of its log, when it has one of its own.
    pub fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().expect("it has a disk of its own")
    }

    /// Waits until it ends by itself; it can be started again then.
    pub fn wait_until_it_ends(&self) {
        let pid = self.pid();
        eventually("the broker ends", || is_gone(pid).then_some(()));
        self.state().broker = None;
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        self.state().broker.expect("it is running")
    }

    /// Stops the broker's clock (SIGSTOP): connections stay open, nothing is answered.
    pub fn suspend(&self) {
        suspend(self.state().broker.expect("it is running"));
    }

    /// Lets the broker go on after [`Self::suspend`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Makes a topic with further settings, and waits until it can be used.
    pub async fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let made = self.admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
        assert_eq!(made, [Ok(name.to_owned())]);
        let client: BaseConsumer = self.client().create().unwrap();
        eventually("the topic has leaders", || {
            let metadata = client.fetch_metadata(Some(name), Duration::from_secs(5)).ok()?;
            let partitions = metadata.topics().first()?.partitions();
            (!partitions.is_empty() && partitions.iter().all(|it| it.leader() >= 0)).then_some(())
        });
    }

    /// Deletes a topic.
    pub async fn delete_topic(&self, name: &str) {
        let gone = self.admin().delete_topics(&[name], &AdminOptions::new()).await.unwrap();
        assert_eq!(gone, [Ok(name.to_owned())]);
    }

    /// Speaks to the broker as its operator does.
    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    /// What the broker printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.address());
        client
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.state().broker.expect("it is running"), signal).unwrap();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let Ok(state) = self.state.get_mut() else {
            return;
        };
        state.orders = None;
        state.supervisor.wait().ok();
        if self.disk.take().is_some() {
            // The place where it was mounted.
            std::fs::remove_dir_all(&self.dir).ok();
        }
    }
}

impl Ports {
    fn free() -> Self {
        let bound = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [clients, controller, second] = bound.map(|it| it.local_addr().unwrap().port());
        Self { clients, controller, second }
    }
}

fn write_properties(dir: &Path, ports: Ports, settings: &[(&str, &str)]) {
    let Ports { clients, controller, second } = ports;
    let mut file = File::create(dir.join("server.properties")).unwrap();
    write!(
        file,
        "listeners=PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{clients}\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         log.dirs={}\n{PROPERTIES}",
        dir.join("data").display(),
    )
    .unwrap();
    for (key, value) in settings {
        let value = value
            .replace("{clients}", &clients.to_string())
            .replace("{controller}", &controller.to_string())
            .replace("{second}", &second.to_string())
            .replace("{dir}", dir.to_str().unwrap());
        writeln!(file, "{key}={value}").unwrap();
    }
}

fn format_storage(mut java: Command, dir: &Path) {
    let formatted = java
        .args(java_options())
        .args(["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config"])
        .arg(dir.join("server.properties"))
        .output()
        .expect("java is installed");
    let said = String::from_utf8_lossy(&formatted.stderr);
    assert!(formatted.status.success(), "`tools/setup --tests` fetches Apache Kafka: {said}");
}

fn java_options() -> [String; 5] {
    let jars = Path::new(env!("CARGO_MANIFEST_DIR")).join("../third_party/kafka/*");
    let class_path = jars.to_str().unwrap().to_owned();
    // A client compiler and a plain collector: what counts here is how soon it is up.
    let [heap, collector, compiler] = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
    [heap.into(), collector.into(), compiler.into(), "-cp".into(), class_path]
}

/// Starts a broker for each line that it is sent; ends it and its directory when no line can follow.
const SUPERVISOR: &str = r#"
class=$1; shift
for last; do :; done
broker=
while read -r order; do
  java "$1" "$2" "$3" "$4" "$5" "$class" "$last" </dev/null >>"$KAFKA_TEST_DIR/log" 2>&1 &
  broker=$!
  echo "$broker"
done
if [ -n "$broker" ]; then kill -9 "$broker" 2>/dev/null; wait "$broker" 2>/dev/null; fi
rm -rf "$KAFKA_TEST_DIR" 2>/dev/null
"#;

const CLASS: &str = "kafka.Kafka";
const CLUSTER_ID: &str = "4L6g3nShT-eMCtK--X86sw";

const PROPERTIES: &str = "\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
auto.create.topics.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
";
