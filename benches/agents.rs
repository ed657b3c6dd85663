//! What user agents cost: remembered, never seen, and a million that all differ. Prints a table:
//! `cargo bench -p candor-benches --bench agents`. What the figures mean stands in `README.md`.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on panics"
)]

use std::time::{Duration, Instant};

use candor_benches::process::resident_mib;
use candor_benches::subject::{Subject, fetched};
use candor_benches::{Keeps, agents, beacon, headers};

/// What `candor` itself allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FLOOD: usize = 1_000_000;

fn main() {
    // `cargo bench -- --test` asks whether it still runs.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let flood = if is_test { 20_000 } else { FLOOD };
    let before = resident_mib();
    let bench = Bench::new();
    println!(
        "{:<44} {:>9}",
        "parser and lists of robots, MB",
        resident_mib().saturating_sub(before)
    );

    let nothing = bench.events(Keeps::Path, flood / 4, |_| bench.seen(0));
    let enriched = bench.events(Keeps::Everything, flood / 4, |n| bench.seen(n));
    let hot = bench.events(Keeps::Agent, flood / 4, |n| bench.seen(n));
    let agent = hot.saturating_sub(nothing);
    say("path alone, ns an event", nothing.as_nanos());
    say("everything, agents remembered, ns an event", enriched.as_nanos());
    say("enrichment of it, ns an event", enriched.saturating_sub(nothing).as_nanos());
    say("agent, remembered, ns", agent.as_nanos());

    // As many as are parsed before a flood is noticed; their texts are made beforehand.
    let texts: Vec<_> = (0..4_000).map(unseen).collect();
    let cold = bench.events(Keeps::Agent, texts.len(), |n| texts.get(n).unwrap().clone());
    say("agent, never seen, ns", cold.saturating_sub(nothing).as_nanos());

    let filled = resident_mib();
    let making = timed(flood, |n| drop(unseen(4_000 + n)));
    let all = bench.events(Keeps::Everything, flood, |n| unseen(4_000 + n));
    let each = all.saturating_sub(making);
    say(&format!("everything, {flood} agents that all differ, ns"), each.as_nanos());
    let share = enriched.as_nanos() * 100 / each.as_nanos().max(1);
    println!("{:<44} {share:>8} %", "throughput of that flood, of remembered");
    println!("{:<44} {:>9}", "memory that it took, MB", resident_mib().saturating_sub(filled));
}

fn say(what: &str, nanoseconds: u128) {
    println!("{what:<44} {nanoseconds:>9}");
}

struct Bench {
    subject: Subject,
    agents: Vec<http::HeaderMap>,
}

impl Bench {
    fn new() -> Self {
        let geo = |name: &str| Some(fetched("geo").join(name)).filter(|path| path.is_file());
        let (places, networks) = (geo("country.mmdb"), geo("networks.csv"));
        println!("{:<44} {:>9}", "looks addresses up", places.is_some() && networks.is_some());
        let subject = Subject::new(places.as_deref(), networks.as_deref());
        Self {
            subject: subject.expect("run `make setup` first"),
            agents: agents().map(|agent| headers(agent).unwrap()).collect(),
        }
    }

    fn seen(&self, n: usize) -> http::HeaderMap {
        self.agents.get(n % self.agents.len()).unwrap().clone()
    }

    /// The time that one event takes from headers to record.
    fn events(
        &self,
        keeps: Keeps,
        count: usize,
        headers: impl Fn(usize) -> http::HeaderMap,
    ) -> Duration {
        let body = beacon(keeps.site(), true);
        timed(count, |n| {
            let headers = headers(n);
            assert_eq!(self.subject.take(&headers, &body), 1);
        })
    }
}

/// A browser that nobody else has.
fn unseen(n: usize) -> http::HeaderMap {
    let agent = agents().nth(n % 20).unwrap();
    headers(&format!("{agent} Own/{n}")).unwrap()
}

fn timed(count: usize, mut each: impl FnMut(usize)) -> Duration {
    let begin = Instant::now();
    (0..count).for_each(&mut each);
    begin.elapsed() / u32::try_from(count).unwrap()
}
