//! What an event costs among a thousand, and among a million different visitors, paths, agents and sites. Prints a
//! table: `cargo bench -p candor-benches --bench growth`, after `make setup`.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on panics, and prints"
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use candor_benches::process::resident_mib;
use candor_benches::subject::Subject;
use candor_benches::{Keeps, agents, beacon, headers};
use candor_policy::Registry;
use http::{HeaderMap, HeaderValue};

/// What `candor` itself allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many different ones there are.
const DISTINCT: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const EVENTS: usize = 1_000_000;
/// Sites of one policy.
const OF_A_FIRM: usize = 1_000;

/// A request.
type Event = (HeaderMap, String);
/// Makes one of many that differ.
type Make = fn(usize) -> Event;

fn main() {
    // `cargo bench -- --test` asks whether it still runs.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (distinct, events) =
        if is_test { (&DISTINCT[..1], 2_000) } else { (&DISTINCT[..], EVENTS) };
    let subject = Subject::new(None, None).unwrap();
    let makes: [(&str, Make); 3] = [("visitors", visitor), ("paths", path), ("agents", agent)];
    for n in distinct {
        let subject = Subject::of(sites(*n), None, None).unwrap();
        measure("sites", &subject, events, *n, site);
    }
    for (what, make) in makes {
        for n in distinct {
            measure(what, &subject, events, *n, make);
        }
    }
}

fn measure(what: &str, subject: &Subject, events: usize, distinct: usize, event: Make) {
    // Every one of them comes, in an order without neighbours.
    let spread = |n: usize| n.wrapping_mul(7_919) % distinct;
    let takes = |events: usize| {
        timed(events, |n| {
            let (headers, body) = event(spread(n));
            assert_eq!(subject.take(&headers, &body), 1);
        })
    };
    takes(events / 4);
    let making = timed(events, |n| drop(std::hint::black_box(event(spread(n)))));
    let each = takes(events).saturating_sub(making);
    println!("{what:<10}{distinct:>10}{:>8} ns{:>6} MB", each.as_nanos(), resident_mib());
}

fn visitor(n: usize) -> Event {
    let mut headers = headers_of(0);
    let address = format!("89.{}.{}.{}", n >> 16, (n >> 8) & 0xff, n & 0xff);
    headers.insert("x-forwarded-for", HeaderValue::from_str(&address).unwrap());
    (headers, body(Keeps::EverythingPseudonymous.site()))
}

fn path(n: usize) -> Event {
    let body = body(Keeps::Everything.site()).replace("winter-boots", &format!("boots-{n}"));
    (headers_of(n), body)
}

fn agent(n: usize) -> Event {
    let agent = agents().nth(n % 20).unwrap();
    (headers(&format!("{agent} Own/{n}")).unwrap(), body(Keeps::Everything.site()))
}

fn site(n: usize) -> Event {
    (headers_of(n), body(&name(n)))
}

fn body(site: &str) -> String {
    beacon(site, true)
}

fn headers_of(n: usize) -> HeaderMap {
    headers(agents().nth(n % 20).unwrap()).unwrap()
}

fn name(n: usize) -> String {
    format!("site-{n}")
}

/// So many sites under policies that keep everything: a file is one controller, and holds so many.
fn sites(count: usize) -> Registry {
    let policy = Keeps::Everything.policy();
    let (before, after) = policy.split_once("[[sites]]").unwrap();
    let (_, after) = after.split_once("[address]").unwrap();
    let firm = |first: usize| {
        let id = Keeps::Everything.site().replace('-', "_");
        let mut text = before.replace(&id, &format!("firm_{first}"));
        for n in first..count.min(first + OF_A_FIRM) {
            let name = name(n);
            write!(text, "[[sites]]\nname = '{name}'\nhosts = ['www.example.fi']\n").unwrap();
        }
        write!(text, "[address]{after}").unwrap();
        text
    };
    let firms: Vec<_> = (0..count).step_by(OF_A_FIRM).map(firm).collect();
    Registry::compile(firms.iter().map(|text| ("policy.toml", text.as_str()))).unwrap()
}

fn timed(count: usize, mut each: impl FnMut(usize)) -> Duration {
    let begin = Instant::now();
    (0..count).for_each(&mut each);
    begin.elapsed() / u32::try_from(count).unwrap()
}
