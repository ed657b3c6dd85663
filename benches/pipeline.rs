//! The whole way through Kafka on this machine: how long from a beacon's answer to its row, and whether
//! the sink keeps up with a collector at full speed.
//!
//! `cargo bench -p candor-benches --bench pipeline`, after `make setup` and `cargo build --release`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on panics, and prints"
)]

use std::time::{Duration, Instant};

use candor_benches::Keeps;
use candor_benches::load::{Load, requests};
use candor_tests::{Parts, PartsOptions, Policy};

/// Beacons of which each is looked for until it is there.
const PROBES: usize = 60;
const CONNECTIONS: usize = 256;
const FULL_SPEED: Duration = Duration::from_secs(20);

fn main() {
    if std::env::args().any(|arg| arg == "--test") {
        return; // `cargo bench -- --test` has nothing to check here
    }
    let parts = Parts::start(&PartsOptions {
        partitions: 4,
        policy: Some(Policy::of(Keeps::Everything.policy())),
        config: "sink.batch_age_ms = 1000\n".to_owned(),
        ..PartsOptions::default()
    });
    latency(&parts);
    full_speed(&parts);
}

/// From the moment a beacon is sent until its row can be queried, one after the other.
fn latency(parts: &Parts) {
    let mut waits: Vec<_> = (0..PROBES)
        .map(|probe| {
            let body = format!(
                r#"{{"site":"every-example","url":"https://example.fi/probe/{probe}","consent":true}}"#
            );
            let began = Instant::now();
            assert_eq!(parts.send(&body).status, 202);
            let is_there =
                format!("SELECT count() FROM candor.statistics WHERE path = '/probe/{probe}'");
            parts.sql_becomes(&is_there, "1");
            began.elapsed().as_secs_f64()
        })
        .collect();
    waits.sort_by(f64::total_cmp);
    let at = |percent: usize| waits[waits.len() * percent / 100];
    println!("beacon to row, batch age 1 s: p50 {:.2} s, p95 {:.2} s", at(50), at(95));
}

/// As many beacons as the collector takes, and how far behind the sink is when they end.
fn full_speed(parts: &Parts) {
    let stored = || parts.sinks[0].metric("sink_events_total");
    let door = parts.collectors[0].beacons().base().trim_start_matches("http://");
    let (began, before) = (Instant::now(), stored());
    let load = Load::start(door.parse().unwrap(), &requests().into(), CONNECTIONS);
    std::thread::sleep(FULL_SPEED);
    let sent = load.answered() as f64;
    load.finish();
    let (sending, kept_up) = (began.elapsed().as_secs_f64(), (stored() - before) as f64);
    while ((stored() - before) as f64) < sent {
        std::thread::sleep(Duration::from_millis(20));
    }
    let storing = began.elapsed().as_secs_f64();
    println!(
        "collector {:.0} beacons/s for {sending:.0} s; sink {:.0} rows/s meanwhile, the rest {:.2} s later",
        sent / sending,
        kept_up / sending,
        storing - sending
    );
}
