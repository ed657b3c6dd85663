//! What a beacon costs the collector, from socket to durable answer, as a ratio to a bare hyper server
//! that reads the same requests and answers 204. Both are pinned to one core, the load to the other.
//!
//! `cargo bench -p candor-benches --bench collector`, after `make setup` and `cargo build --release`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::disallowed_types,
    reason = "a benchmark that cannot go on panics, and prints"
)]

use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use candor_benches::Keeps;
use candor_benches::load::{Load, requests};
use candor_tests::Broker;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Set in the child that is the bare server.
const BARE: &str = "CANDOR_BENCH_BARE";
/// The load comes from few networks and of one site.
const NO_RATES: &str = "[collector.limits]\nnetwork_per_second = 1000000\nnetwork_burst = 1000000\n\
                        site_per_second = 1000000\nsite_burst = 1000000\n";
const WARM_UP: Duration = Duration::from_secs(2);
const RUN: Duration = Duration::from_secs(6);
const RUNS: usize = 3;
/// The server has the first one.
const LOAD_CORE: Option<usize> = Some(1);

fn main() {
    if std::env::var_os(BARE).is_some() {
        return bare();
    }
    if std::env::args().any(|arg| arg == "--test") {
        return; // `cargo bench -- --test` has nothing to check here
    }
    let broker = Broker::start();
    let requests: Arc<[Vec<u8>]> = requests().into();
    println!(
        "| server | connections | requests/s | CPU µs/request | x bare hyper | p50 ms | p99 ms |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for connections in [64, 1_024] {
        let mut base = None;
        let servers: [fn(&Broker) -> Server; 3] = [Server::bare, Server::journal, Server::kafka];
        for start in servers {
            let server = start(&broker);
            let mut runs: Vec<_> =
                (0..RUNS).map(|_| measure(&server, &requests, connections)).collect();
            runs.sort_by(|a, b| a.cpu_us.total_cmp(&b.cpu_us));
            let run = &runs[RUNS / 2];
            let base = *base.get_or_insert(run.cpu_us);
            println!(
                "| {} | {connections} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
                server.name,
                run.rate,
                run.cpu_us,
                run.cpu_us / base,
                run.p50_ms,
                run.p99_ms
            );
        }
    }
}

// --- the servers ---

/// A server as a process of its own, pinned to the first core.
struct Server {
    name: &'static str,
    address: SocketAddr,
    child: Child,
    _dir: tempfile::TempDir,
}

impl Server {
    fn bare(_: &Broker) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = pinned(&std::env::current_exe().unwrap());
        command.env(BARE, "1").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { name: "bare hyper", address: line.trim().parse().unwrap(), child, _dir: dir }
    }

    fn journal(_: &Broker) -> Self {
        Self::candor("candor up, journal", "up", "")
    }

    fn kafka(broker: &Broker) -> Self {
        let topic = broker.fresh_topic();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(broker.create_topic(&topic, 6, &[]));
        let config = format!(
            "[log]\nkind = 'kafka'\n[kafka]\nbootstrap_servers = ['{}']\ntopic = '{topic}'\n",
            broker.address()
        );
        Self::candor("candor collect, Kafka", "collect", &config)
    }

    fn candor(name: &'static str, subcommand: &str, config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("candor.toml");
        std::fs::write(&file, format!("{config}{NO_RATES}")).unwrap();
        std::fs::create_dir(dir.path().join("policies")).unwrap();
        let policy = Keeps::Everything.policy();
        std::fs::write(dir.path().join("policies/bench.toml"), policy).unwrap();
        let program = root().join("target/release/candor");
        let mut child = pinned(&program)
            .args([subcommand, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config"])
            .arg(&file)
            .arg("--policies")
            .arg(dir.path().join("policies"))
            .current_dir(dir.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "{name} ended");
            let json: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = json["beacons"].as_str() {
                break address.parse().unwrap();
            }
        };
        // The pipe must be emptied, or the program would wait for us.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()).ok());
        Self { name, address, child, _dir: dir }
    }

    /// Seconds of CPU time that the process has used: fields 14 and 15 of Linux's `/proc/PID/stat`.
    fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        ticks as f64 / rustix::param::clock_ticks_per_second() as f64
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn pinned(program: &PathBuf) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Reads every request's body and answers 204.
fn bare() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let answer = service_fn(async |request: Request<Incoming>| {
                request.into_body().collect().await.ok();
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = StatusCode::NO_CONTENT;
                Ok::<_, Infallible>(response)
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
}

// --- the measuring ---

/// What a run showed.
struct Run {
    rate: f64,
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn measure(server: &Server, requests: &Arc<[Vec<u8>]>, connections: usize) -> Run {
    let load = Load::start(server.address, requests, connections, LOAD_CORE);
    std::thread::sleep(WARM_UP);
    let (began, cpu, before) = (Instant::now(), server.cpu_seconds(), load.answered());
    std::thread::sleep(RUN);
    let (took, cpu) = (began.elapsed().as_secs_f64(), server.cpu_seconds() - cpu);
    let count = (load.answered() - before) as f64;
    let waits = load.finish();
    let at = |percent: usize| waits[waits.len() * percent / 100].as_secs_f64() * 1e3;
    Run { rate: count / took, cpu_us: cpu / count * 1e6, p50_ms: at(50), p99_ms: at(99) }
}
