//! Nanoseconds per event of the hot path, stage by stage: `cargo bench -p candor-benches --bench hot_path`.
//!
//! What each figure means, and the figures of one machine, stand in `README.md`.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on panics"
)]

use std::hint::black_box;
use std::path::PathBuf;

use bytes::Bytes;
use candor_benches::case::read;
use candor_benches::subject::{NOW, Subject};
use candor_benches::{Keeps, agents, beacon, headers};
use candor_event::{EventId, Kind, wire};
use candor_pipeline::{Head, Media, Peer, RawBeacon, RawBeacons, TrustedProxies};
use candor_policy::{Consent, Request, Signals};
use candor_transport::journal::{Journal, JournalConfig};
use candor_transport::{Consumer, Delivery, Outgoing, Producer};
use criterion::{BatchSize, Criterion, Throughput};
use http::HeaderMap;

/// What `candor` itself allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let bench = Bench::new();
    head(&mut criterion);
    decode(&mut criterion, &bench);
    gate(&mut criterion, &bench);
    stages(&mut criterion, &bench);
    user_agents(&mut criterion, &bench);
    whole(&mut criterion, &bench);
    contract(&mut criterion, &bench);
    journal(&mut criterion, &bench);
    criterion.final_summary();
}

/// What every benchmark runs against.
struct Bench {
    subject: Subject,
    /// The headers of each of the fixed agents.
    headers: Vec<HeaderMap>,
    has_geo: bool,
}

/// Events in one bundle, and in one call to the journal.
const BUNDLE: usize = 1_000;

// === impl Bench ===

impl Bench {
    fn new() -> Self {
        let file = |name| std::env::var_os(name).map(PathBuf::from);
        let (places, networks) = (file("CANDOR_GEO_CITY"), file("CANDOR_GEO_ASN"));
        let subject = Subject::new(places.as_deref(), networks.as_deref());
        Self {
            subject: subject.expect("run `make setup` first"),
            headers: agents().map(|agent| headers(agent).unwrap()).collect(),
            has_geo: places.is_some() || networks.is_some(),
        }
    }

    /// The first of the fixed agents.
    fn first(&self) -> &HeaderMap {
        self.headers.first().unwrap()
    }

    /// An encoded event of this site.
    fn record(&self, keeps: Keeps) -> Bytes {
        let body = beacon(keeps.site(), true);
        self.subject
            .pipeline
            .run(single(&body), &self.subject.head(self.first()), NOW)
            .unwrap()
            .record
    }
}

/// The headers of a request: address, signals, agent.
fn head(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("head");
    let trusted = TrustedProxies::default();
    let headers = headers(agents().next().unwrap()).unwrap();
    for (name, peer) in [("direct", "89.160.20.112:4000"), ("proxied", "127.0.0.1:4000")] {
        let peer = Peer::new(peer.parse().unwrap());
        group.bench_function(name, |b| {
            b.iter(|| drop(black_box(Head::read(&peer, black_box(&headers), &trusted))));
        });
    }
    group.finish();
}

/// From bytes to a beacon. A beacon of an unknown site is read whole and goes no further.
fn decode(criterion: &mut Criterion, bench: &Bench) {
    let mut group = criterion.benchmark_group("decode");
    let body = beacon("other-example", true);
    let head = bench.subject.head(bench.first());
    group.bench_function("split one", |b| {
        b.iter(|| RawBeacons::split(black_box(body.as_bytes()), Media::Json).unwrap());
    });
    group.bench_function("split and read one", |b| {
        b.iter(|| bench.subject.pipeline.run(black_box(single(&body)), &head, NOW).unwrap_err());
    });
    let ten = format!("[{}]", [body.as_str(); 10].join(","));
    group.throughput(Throughput::Elements(10));
    group.bench_function("split ten", |b| {
        b.iter(|| RawBeacons::split(black_box(ten.as_bytes()), Media::Json).unwrap());
    });
    group.finish();
}

/// The policy's answer alone, and a beacon that is denied: read, matched to a host, turned away.
fn gate(criterion: &mut Criterion, bench: &Bench) {
    let mut group = criterion.benchmark_group("gate");
    let registry = bench.subject.pipeline.registry();
    let (_, policy) = registry.site(Keeps::Path.site()).unwrap();
    let request = Request {
        kind: Kind::Pageview,
        signals: Signals::default(),
        consent: Consent::All(true),
        received_at: NOW,
        now: NOW,
        asserted_by_operator: false,
    };
    group.bench_function("admit", |b| b.iter(|| policy.admit(black_box(&request)).unwrap()));
    let body = beacon(Keeps::Path.site(), false);
    let head = bench.subject.head(bench.first());
    group.bench_function("denied beacon", |b| {
        b.iter(|| bench.subject.pipeline.run(black_box(single(&body)), &head, NOW).unwrap_err());
    });
    group.finish();
}

/// The same beacon under policies that differ in what they keep. Minus `path`, each is one stage.
fn stages(criterion: &mut Criterion, bench: &Bench) {
    let mut group = criterion.benchmark_group("stage");
    let variants = [
        ("path", Keeps::Path),
        ("address truncated", Keeps::TruncatedAddress),
        ("address hashed", Keeps::HashedAddress),
        ("rotating id", Keeps::RotatingId),
        ("links", Keeps::Links),
        ("words", Keeps::Words),
        ("agent in cache", Keeps::Agent),
        ("places", Keeps::Places),
    ];
    let head = bench.subject.head(bench.first());
    for (name, keeps) in variants {
        if keeps == Keeps::Places && !bench.has_geo {
            continue;
        }
        let body = beacon(keeps.site(), true);
        group.bench_function(name, |b| {
            b.iter(|| bench.subject.pipeline.run(black_box(single(&body)), &head, NOW).unwrap());
        });
    }
    let body = beacon(Keeps::Path.site(), true).replace(",\"id\":\"0198f2a7c3de7d1b\"", "");
    group.bench_function("path, the beacon without an id", |b| {
        b.iter(|| bench.subject.pipeline.run(black_box(single(&body)), &head, NOW).unwrap());
    });
    group.finish();
}

/// Agents that were seen before, and ones that never were. Both read the head, which borrows them.
fn user_agents(criterion: &mut Criterion, bench: &Bench) {
    let mut group = criterion.benchmark_group("agent");
    let body = beacon(Keeps::Agent.site(), true);
    let run = |headers: &HeaderMap| {
        bench
            .subject
            .pipeline
            .run(single(&body), &bench.subject.head(black_box(headers)), NOW)
            .unwrap()
    };
    let mut seen = bench.headers.iter().cycle();
    group.bench_function("seen", |b| b.iter(|| run(seen.next().unwrap())));
    let mut number = 0_u64;
    let mut real = agents().cycle();
    let mut unseen = || {
        number += 1;
        headers(&format!("{} {number}", real.next().unwrap())).unwrap()
    };
    group.bench_function("never seen", |b| {
        b.iter_batched_ref(&mut unseen, |headers| run(headers), BatchSize::SmallInput);
    });
    group.finish();
}

/// A request from headers to record, everything on, agents in the cache.
fn whole(criterion: &mut Criterion, bench: &Bench) {
    let mut group = criterion.benchmark_group("whole");
    for (name, keeps) in [
        ("truncated address", Keeps::Everything),
        ("hashed address and rotating id", Keeps::EverythingPseudonymous),
    ] {
        let body = beacon(keeps.site(), true);
        let mut seen = bench.headers.iter().cycle();
        group.bench_function(name, |b| {
            b.iter(|| {
                let head = bench.subject.head(black_box(seen.next().unwrap()));
                bench.subject.pipeline.run(single(&body), &head, NOW).unwrap()
            });
        });
    }
    let body = beacon(Keeps::Everything.site(), true);
    let ten = format!("[{}]", [body.as_str(); 10].join(","));
    group.throughput(Throughput::Elements(10));
    group.bench_function("ten in one request", |b| {
        b.iter(|| {
            let head = bench.subject.head(bench.first());
            let raw = RawBeacons::split(black_box(ten.as_bytes()), Media::Json).unwrap();
            raw.iter().for_each(|raw| {
                drop(black_box(bench.subject.pipeline.run(raw, &head, NOW).unwrap()));
            });
        });
    });
    group.finish();
}

/// The Protobuf contract of the log, written by the collector and read by the sink.
fn contract(criterion: &mut Criterion, bench: &Bench) {
    let mut group = criterion.benchmark_group("contract");
    let record = bench.record(Keeps::Everything);
    let event = wire::decode(&record).unwrap().events.remove(0);
    group.bench_function("encode one", |b| b.iter(|| wire::encode(black_box(&event))));
    group.bench_function("read one", |b| b.iter(|| read(black_box(&record)).unwrap()));
    let bundle = Bytes::from(record.repeat(BUNDLE));
    group.throughput(Throughput::Elements(BUNDLE as u64));
    group.bench_function("read a thousand", |b| b.iter(|| read(black_box(&bundle)).unwrap()));
    group.finish();
}

/// Into the journal, durably, and out of it again. The disk decides the first.
fn journal(criterion: &mut Criterion, bench: &Bench) {
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(BUNDLE as u64)).sample_size(20);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let record = bench.record(Keeps::Everything);
    let events = |count: usize| {
        let event = |n: usize| Outgoing {
            id: EventId::from_bytes((n as u128).to_be_bytes()),
            record: record.clone(),
        };
        (0..count).map(event).collect::<Vec<_>>()
    };
    let dir = tempfile::tempdir().unwrap();
    let (producer, mut consumer) = Journal::open(dir.path(), JournalConfig::default()).unwrap();
    let assigned = runtime.block_on(consumer.next()).unwrap();
    assert!(matches!(assigned, Delivery::Assigned { .. }), "{assigned:?}");

    let write = || runtime.block_on(producer.produce(events(BUNDLE))).unwrap();
    group.bench_function("produce a thousand", |b| b.iter(write));
    let mut read = || {
        let delivery = runtime.block_on(consumer.next()).unwrap();
        let Delivery::Record { record, .. } = delivery else { panic!("{delivery:?}") };
        record
    };
    group.bench_function("replay a thousand", |b| {
        b.iter_batched(
            write,
            |()| {
                let mut bytes = 0;
                while bytes < BUNDLE * record.len() {
                    bytes += read().len();
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// The body's only beacon.
fn single(body: &str) -> RawBeacon<'_> {
    let raw = RawBeacons::split(body.as_bytes(), Media::Json).unwrap();
    raw.iter().next().unwrap()
}
