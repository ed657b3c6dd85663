//! What policies cost: `cargo bench -p candor-benches --bench policy`.
//!
//! What each figure means, and the figures of one machine, stand in `README.md`.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]

use std::hint::black_box;

use candor_benches::subject::NOW;
use candor_event::Kind;
use candor_policy::{
    Consent, Format, Language, NOTICES, Policy, Registry, Request, Signals, compile, redact,
};
use criterion::{Criterion, Throughput};

/// What `candor` itself allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    gate(&mut criterion);
    texts(&mut criterion);
    files(&mut criterion);
    criterion.final_summary();
}

/// One event: its policy is found among the five notices', decides, and is asked for its grants.
fn gate(criterion: &mut Criterion) {
    let registry = Registry::compile(NOTICES).unwrap();
    let sites = NOTICES.map(|(file, _)| file.replace(".toml", ".example"));
    let answer = |purpose: &str| Some(purpose != "marketing");
    let consents = [
        ("all", Consent::All(true)),
        ("none", Consent::All(false)),
        ("by purpose", Consent::PerPurpose(&answer)),
    ];
    let mut group = criterion.benchmark_group("policy/gate, five policies");
    for (name, consent) in consents {
        let request = |kind| Request {
            kind,
            signals: Signals::default(),
            consent,
            received_at: NOW,
            now: NOW,
            asserted_by_operator: false,
        };
        let mut events = sites.iter().cycle().zip(Kind::ALL.iter().cycle());
        group.bench_function(name, |b| {
            b.iter(|| {
                let (site, kind) = events.next().unwrap();
                let (_, policy) = registry.site(black_box(site)).unwrap();
                let admission = policy.admit(black_box(&request(*kind)));
                let grants = admission.map(|admission| {
                    admission.grants().map(|grant| grant.expires_at.unix()).sum::<i64>()
                });
                black_box(grants)
            });
        });
    }
    group.finish();
}

/// What may be kept of the texts of a page.
fn texts(criterion: &mut Criterion) {
    let file = Policy::template().replace(
        "[purposes",
        "[page]\nreplace_path = [\"/orders/*\", \"/me/**\", \"/u/*/files/*\"]\n[purposes",
    );
    let policy = compile("paths.toml", &file).unwrap();
    let mut group = criterion.benchmark_group("policy/texts");
    let paths = [
        ("a path without digits", "/shop/winter-boots/how-to-choose"),
        ("a path with a date", "/blog/2026/11/20/how-to-choose-winter-boots"),
        ("a path with a star", "/orders/77/lines"),
        ("a path with an address", "/reset/jane.doe%40example.com"),
    ];
    for (name, path) in paths {
        group.bench_function(name, |b| b.iter(|| policy.path(black_box(path)).len()));
    }
    let title = "Winter boots, size 42 – Example shop";
    group.bench_function("a title", |b| b.iter(|| redact(black_box(title)).len()));
    group.finish();
}

/// From file to policy, and from policy to notice.
fn files(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy/files");
    for (name, text) in NOTICES {
        group.bench_function(format!("compile {name}"), |b| {
            b.iter(|| compile(name, black_box(text)).unwrap());
        });
    }
    let [(name, text), ..] = NOTICES;
    let policy = compile(name, text).unwrap();
    let site = policy.sites().first().unwrap().name();
    group.bench_function("write a notice as HTML", |b| {
        b.iter(|| policy.notice(black_box(site), Language::Sv, Format::Html).unwrap().len());
    });
    let many: Vec<_> = (0..10_000)
        .map(|n| {
            let name = name.trim_end_matches(".toml");
            let text = text
                .replace(&format!("id = \"{name}\""), &format!("id = \"c{n}\""))
                .replace(&format!("name = \"{name}.example\""), &format!("name = \"site-{n}\""));
            (format!("{n}.toml"), text)
        })
        .collect();
    let load = || Registry::compile(many.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    group.throughput(Throughput::Elements(10_000)).sample_size(10);
    group.bench_function("load ten thousand", |b| b.iter(|| load().unwrap().policies().len()));
    group.finish();
}
