//! A front door in this process, and clients that say exactly what they are told.
#![expect(clippy::disallowed_types, reason = "the address of the front door")]

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use candor_collector::server::{Drained, Settings, serve};
use candor_collector::tls::Tls;
use candor_collector::{Config, Door};
use candor_event::{Event, ManualClock, Timestamp, wire};
use candor_pipeline::{Agents, Geo, KeyPeriod, KeyRing, Pipeline, Sources, Spam};
use candor_policy::Registry;
use candor_transport::{Outgoing, ProduceError, Producer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

/// Two sites of one controller.
const POLICY: &str = r#"
[controller]
id = "test"
name = "Test"
contact = "test@example.org"
[[sites]]
name = "one"
hosts = ["one.example", "*.one.example"]
also = ["plausible:one.example", "matomo:1"]
scripts = "after-consent"
[[sites]]
name = "two"
hosts = ["two.example"]
[purposes.statistics]
basis = "consent"
retention = "12 months"
fields = ["path"]
"#;

/// A log that makes one event after the other durable, each in this time.
#[derive(Debug)]
pub(crate) struct Log {
    each: Duration,
    free_at: Mutex<Instant>,
    last: Last,
}

/// The last event that became durable.
type Last = Arc<Mutex<Option<Outgoing>>>;

/// A front door that listens.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    pub(crate) door: Arc<Door<Log>>,
    pub(crate) clock: ManualClock,
    last: Last,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Drained>,
}

/// How a front door is made.
pub(crate) struct Options {
    pub(crate) config: Config,
    pub(crate) each: Duration,
    pub(crate) tls: Option<Tls>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { config: Config::default(), each: Duration::ZERO, tls: None }
    }
}

impl Producer for Log {
    async fn produce(&self, events: Vec<Outgoing>) -> Result<(), ProduceError> {
        let done_at = {
            let mut free_at = self.free_at.lock().unwrap();
            let took = self.each * u32::try_from(events.len()).unwrap();
            *free_at = Instant::now().max(*free_at) + took;
            *free_at
        };
        if !self.each.is_zero() {
            sleep_until(done_at).await;
        }
        *self.last.lock().unwrap() = events.last().cloned();
        Ok(())
    }
}

impl Front {
    pub(crate) async fn start(options: Options) -> Self {
        let rules = "user_agent_parsers: []\nos_parsers: []\ndevice_parsers: []";
        let agents = Agents::from_yaml(rules).unwrap();
        let sources = Sources { agents, geo: Geo::default(), spam: Spam::default() };
        let registry = Registry::compile([("test.toml", POLICY)]).map_err(|p| p.to_string());
        let keys = Arc::new(KeyRing::new(KeyPeriod::default(), None));
        let pipeline = Pipeline::new(Arc::new(registry.unwrap()), keys, sources);
        let (free_at, last) = (Mutex::new(Instant::now()), Last::default());
        let log = Log { each: options.each, free_at, last: Arc::clone(&last) };
        let clock = ManualClock::at(Timestamp::from_unix(1_790_000_000));
        let of_door = Arc::new(clock.clone());
        let door = Arc::new(Door::new(pipeline, log, of_door, &options.config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = Settings {
            name: "beacons",
            connections_max: options.config.connections_max,
            connections_of_network_max: options.config.limits.connections_of_network,
            requests_end: true,
            tls: options.tls,
        };
        let (stop, stopped) = oneshot::channel();
        let of_server = Arc::clone(&door);
        let serving = tokio::spawn(async move {
            serve(listener, of_server, settings, async { stopped.await.unwrap_or(()) }).await
        });
        Self { address, door, clock, last, stop, serving }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a beacon of a site over a connection of its own, from a visitor with this address.
    pub(crate) async fn send(&self, site: &str, visitor: &str) -> Answer {
        ask(&mut self.connect().await, &beacon(site, visitor)).await
    }

    /// The last event that it let through.
    pub(crate) fn last_event(&self) -> Event {
        let last = self.last.lock().unwrap();
        wire::decode(&last.as_ref().unwrap().record).unwrap().events.remove(0)
    }

    /// Asks it to stop; gives back how that will end.
    pub(crate) fn stop(self) -> JoinHandle<Drained> {
        self.stop.send(()).unwrap();
        self.serving
    }
}

pub(crate) fn some(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// A beacon that is kept.
pub(crate) fn body(site: &str) -> String {
    format!(r#"{{"site":"{site}","url":"https://{site}.example/","consent":true}}"#)
}

/// The request of a beacon that a proxy passes on for this visitor.
pub(crate) fn beacon(site: &str, visitor: &str) -> Vec<u8> {
    post("/v1/events", &format!("x-forwarded-for: {visitor}\r\n"), body(site).as_bytes())
}

pub(crate) fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: a\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Sends a request and reads its answer.
pub(crate) async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &[u8],
) -> Answer {
    stream.write_all(request).await.unwrap();
    answer(stream).await
}

/// Reads one answer.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.expect("an answer"));
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    within(stream.read_exact(&mut body)).await.unwrap();
    let status = head["http/1.1 ".len()..][..3].parse().unwrap();
    Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() }
}

/// Waits until the other side has closed; gives back after how long.
pub(crate) async fn closed(stream: &mut (impl AsyncRead + Unpin)) -> Duration {
    let began = Instant::now();
    // Whether with a reset or without.
    within(stream.read_to_end(&mut Vec::new())).await.ok();
    began.elapsed()
}

pub(crate) async fn within<T>(done: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(40), done).await.expect("it takes too long")
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn outcome(&self) -> &str {
        self.header("candor-outcome").unwrap_or_default()
    }
}
