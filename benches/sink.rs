//! The sink alone: from a full topic of Kafka into ClickHouse's table. What a row takes of the sink's CPU and of
//! ClickHouse's, with its merges, and how many rows a second that makes.
//!
//! `cargo bench -p candor-benches --bench sink`, after `tools/setup --tests` and `cargo build --release -p candor -p
//! candor-clickhouse`. `CANDOR_BENCH_ROWS` says how many rows.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on panics, and prints"
)]

use std::time::{Duration, Instant};

use candor_benches::case::subject;
use candor_benches::process::cpu_seconds;
use candor_benches::subject::Subject;
use candor_benches::{Keeps, agents, beacon, headers};
use candor_event::EventId;
use candor_tests::{Parts, PartsOptions, Policy};
use candor_transport::kafka::{KafkaConfig, KafkaProducer};
use candor_transport::{Outgoing, Producer};
use http::{HeaderMap, HeaderValue};

/// Events of one call to the producer, which become one record of a partition, as they do at load.
const BUNDLE: u64 = 1_000;
const PARTITIONS: u32 = 4;
/// Distinct visitors of the made events.
const VISITORS: u64 = 4_096;

/// What the processes had taken at a moment.
#[derive(Clone, Copy, Debug)]
struct Taken {
    at: Instant,
    rows: f64,
    sink: f64,
    engine: f64,
    broker: f64,
}

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return; // `cargo bench -- --test` has nothing to check here
    }
    let rows = std::env::var("CANDOR_BENCH_ROWS").map_or(3_000_000, |rows| rows.parse().unwrap());
    let mut parts = Parts::start(&PartsOptions {
        collectors: 0,
        sinks: 0,
        partitions: PARTITIONS,
        policy: Some(Policy::of(Keeps::Everything.policy())),
        ..PartsOptions::default()
    });
    let bytes = fill(&parts, rows);
    println!("{rows} events of {} bytes are in Kafka", bytes / rows);
    parts.add_sink();
    let stored = |parts: &Parts| parts.sinks[0].metric("sink_events_total");
    // What starting takes is not a row's.
    wait(|| stored(&parts) > 0);
    let begin = taken(&parts);
    wait(|| stored(&parts) >= rows);
    let end = taken(&parts);
    wait(|| parts.sql("SELECT count() FROM system.merges") == "0");
    let merged = taken(&parts);

    let count = end.rows - begin.rows;
    let micros = |from: f64, to: f64| (to - from) * 1e6 / count;
    let batches = parts.sql("SELECT count(), round(avg(events)), max(events) FROM candor.batches");
    println!("batches, events of one, most: {batches}");
    println!("rows a second, end to end: {:.0}", count / (end.at - begin.at).as_secs_f64());
    println!("sink, CPU µs a row: {:.2}", micros(begin.sink, end.sink));
    println!(
        "ClickHouse, CPU µs a row, with its merges: {:.2}",
        micros(begin.engine, merged.engine)
    );
    println!("of it until the last row was there: {:.2}", micros(begin.engine, end.engine));
    println!("Kafka, CPU µs a row: {:.2}", micros(begin.broker, end.broker));
    println!("the sink's peak of memory: {} MB", parts.sinks[0].memory_peak_kib() / 1_024);
    let stored = parts.sql("SELECT count(), uniqExact(log_partition, log_offset, log_index) FROM candor.statistics_rows");
    assert_eq!(stored, format!("{rows}\t{rows}"), "every event has one row");
}

/// Puts so many events into the topic; gives back their bytes.
fn fill(parts: &Parts, rows: u64) -> u64 {
    let subject = subject().unwrap();
    let visitors: Vec<_> = agents().cycle().zip(0..VISITORS).map(visitor).collect();
    let config = KafkaConfig {
        bootstrap_servers: vec![parts.broker().address()],
        topic: parts.topic().to_owned(),
        ..KafkaConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let producer = KafkaProducer::start(&config).unwrap();
        while producer.check().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut bytes = 0;
        for first in (0..rows).step_by(usize::try_from(BUNDLE).unwrap()) {
            let events: Vec<_> =
                (first..rows.min(first + BUNDLE)).map(|n| event(&subject, &visitors, n)).collect();
            bytes += events.iter().map(|event| event.record.len() as u64).sum::<u64>();
            producer.produce(events).await.unwrap();
        }
        producer.close(Duration::from_secs(10)).await;
        bytes
    })
}

/// A visitor with an address and an agent.
fn visitor((agent, number): (&str, u64)) -> HeaderMap {
    let mut headers = headers(agent).unwrap();
    let address = format!("89.160.{}.{}", number / 256, number % 256);
    headers.insert("x-forwarded-for", HeaderValue::from_str(&address).unwrap());
    headers
}

fn event(subject: &Subject, visitors: &[HeaderMap], n: u64) -> Outgoing {
    let body = beacon(Keeps::Everything.site(), true)
        .replace("winter-boots", &format!("item-{}", n % 3_000))
        .replace("0198f2a7c3de7d1b", &format!("{n:016x}"));
    let visitor = &visitors[usize::try_from(n % VISITORS).unwrap()];
    let record = subject.record(visitor, &body).unwrap();
    Outgoing { id: EventId::from_bytes(u128::from(n).to_be_bytes()), record: record.into() }
}

fn taken(parts: &Parts) -> Taken {
    let cpu = |pid: rustix::process::Pid| cpu_seconds(pid.as_raw_nonzero()).unwrap();
    Taken {
        at: Instant::now(),
        rows: parts.sinks[0].metric("sink_events_total") as f64,
        sink: cpu(parts.sinks[0].pid()),
        engine: cpu(parts.engine.pid()),
        broker: cpu(parts.broker().pid()),
    }
}

fn wait(mut until: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(5);
    while !until() {
        assert!(Instant::now() < deadline, "not within five minutes");
        std::thread::sleep(Duration::from_millis(50));
    }
}
