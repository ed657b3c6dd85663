//! Honest visitors among many who hold connections and many who are slow: how long they wait, and what
//! a connection takes. `make front` runs it at full size; here it is a tenth of that.

use std::net::SocketAddr;
use std::time::Duration;

use candor_tests::{Candor, Options};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

struct Size {
    idle: usize,
    slow: usize,
    /// For how long honest visitors are measured, each time.
    measured: Duration,
    /// How many times longer than in calm they may wait among the crowd.
    ratio_max: u32,
    /// Calm is measured before and after. At full size the calmer one counts; in a run of all tests, where others
    /// take the cores for a while, the other one, and it is not taken for shorter than this.
    calm_min: Option<Duration>,
    /// What an idle connection may take of candor's memory, with the little that anything else grew.
    connection_kib_max: u64,
}

const HONEST: usize = 16;
/// Of each honest visitor.
const EVERY: Duration = Duration::from_millis(40);

const BEACON: &str = r#"{"site":"demo","url":"http://localhost/a","consent":true}"#;

fn size() -> Size {
    let is_full = std::env::var_os("CANDOR_FRONT").is_some_and(|size| size == "full");
    if is_full {
        Size {
            idle: 10_000,
            slow: 1_000,
            measured: Duration::from_secs(10),
            ratio_max: 2,
            calm_min: None,
            connection_kib_max: 40,
        }
    } else {
        Size {
            idle: 1_000,
            slow: 100,
            measured: Duration::from_secs(7),
            ratio_max: 4,
            calm_min: Some(Duration::from_millis(25)),
            connection_kib_max: 64,
        }
    }
}

#[test]
fn figures_of_a_crowd() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let size = size();
    let Size { idle, slow, measured, .. } = size;
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    assert!(files > (idle + slow) as u64 + 500, "only {files} open files: raise `ulimit -Hn`");
    let config = "[collector]\nconnections_max = 20000\n";
    let candor = Candor::start(Options { config: config.to_owned(), ..Options::default() });
    let address = candor.beacons().base().trim_start_matches("http://").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();

    runtime.block_on(honest(address, measured)); // warm
    let before = memory(&candor);
    let calm = runtime.block_on(honest(address, measured));
    let (crowded, held, after) = runtime.block_on(async {
        let mut crowd = Crowd::gather(address, idle).await;
        let after = memory(&candor);
        crowd.slow_down(address, slow);
        let crowded = honest(address, measured).await;
        (crowded, crowd.held().await, after)
    });
    let calm_again = runtime.block_on(honest(address, measured));

    let kib = after.saturating_sub(before) / 1_024 / idle as u64;
    println!(
        "honest p99: calm {calm:?} and {calm_again:?}; among {idle} idle and {slow} slow {crowded:?}"
    );
    println!(
        "memory: {} MiB before, {} MiB after; {kib} KiB a connection",
        before >> 20,
        after >> 20
    );
    assert!(held * 10 >= idle * 9, "{held} of {idle} were still held");
    let late =
        candor.metric("collector_connections_closed_total{listener=\"beacons\",why=\"headers\"}");
    assert!(late > 0, "slow ones were closed");
    let calm = match size.calm_min {
        Some(min) => calm.max(calm_again).max(min),
        None => calm.min(calm_again),
    };
    assert!(crowded <= calm * size.ratio_max, "p99 {crowded:?} among the crowd, {calm:?} without");
    assert!(kib <= size.connection_kib_max, "{kib} KiB a connection");
}

fn memory(candor: &Candor) -> u64 {
    candor.metric("process_resident_memory_bytes")
}

/// The 99th percentile of what honest visitors wait.
async fn honest(address: SocketAddr, measured: Duration) -> Duration {
    let mut visitors = JoinSet::new();
    for _ in 0..HONEST {
        visitors.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let mut tick = interval(EVERY);
            let end = Instant::now() + measured;
            let mut waits = Vec::new();
            while Instant::now() < end {
                tick.tick().await;
                let began = Instant::now();
                send(&mut stream).await;
                waits.push(began.elapsed());
            }
            waits
        });
    }
    let mut waits: Vec<_> = visitors.join_all().await.into_iter().flatten().collect();
    waits.sort_unstable();
    waits[waits.len() * 99 / 100]
}

async fn send(stream: &mut TcpStream) {
    let length = BEACON.len();
    let head = "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: ";
    let request = format!("{head}{length}\r\n\r\n{BEACON}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 1_024];
    // An answer is short and comes in one piece.
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 202"), "{:?}", &answer[..read]);
}

/// Those who hold connections.
struct Crowd {
    idle: Vec<TcpStream>,
    slow: JoinSet<()>,
}

impl Crowd {
    /// Each asks once and then stays.
    async fn gather(address: SocketAddr, idle: usize) -> Self {
        let (tell, mut told) = mpsc::channel(64);
        for _ in 0..64 {
            let tell = tell.clone();
            tokio::spawn(async move {
                loop {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    send(&mut stream).await;
                    if tell.send(stream).await.is_err() {
                        return;
                    }
                }
            });
        }
        let mut held = Vec::with_capacity(idle);
        while held.len() < idle {
            held.push(told.recv().await.unwrap());
        }
        Self { idle: held, slow: JoinSet::new() }
    }

    /// Some send headers byte by byte, some a body, some never read; and come again when they are sent away.
    fn slow_down(&mut self, address: SocketAddr, slow: usize) {
        let head = "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n";
        for number in 0..slow {
            let (at_once, slowly) = match number % 3 {
                0 => ("", head),
                1 => (head, BEACON),
                _ => ("GET /candor.js HTTP/1.1\r\nhost: a\r\n\r\n", head),
            };
            self.slow.spawn(async move {
                loop {
                    let Ok(mut stream) = TcpStream::connect(address).await else {
                        sleep(Duration::from_millis(100)).await;
                        continue;
                    };
                    stream.write_all(at_once.as_bytes()).await.ok();
                    for byte in slowly.bytes().cycle() {
                        if stream.write_all(&[byte]).await.is_err() {
                            break;
                        }
                        sleep(Duration::from_millis(500)).await;
                    }
                }
            });
        }
    }

    /// How many of the idle ones were not sent away.
    async fn held(mut self) -> usize {
        self.slow.shutdown().await;
        let is_held = |stream: &TcpStream| {
            let read = stream.try_read(&mut [0]);
            read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        };
        self.idle.iter().filter(|stream| is_held(stream)).count()
    }
}
