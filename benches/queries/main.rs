//! Ten questions of analysts, each about one site and 30 days, to a table of 10^8 generated rows: 20 sites over 24
//! months. What each reads and takes is printed.
//!
//! `cargo bench -p candor-benches --bench queries`, after `make setup` and `cargo build --release -p candor -p
//! candor-clickhouse`. It takes 3 GB of disk while it runs; `CANDOR_BENCH_ROWS=1000000` asks for less.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on panics, and prints"
)]

mod generate;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use candor_benches::process::cpu_seconds;
use candor_tests::{Candor, Client, Options, Policy};

/// A site with 5 % of the rows, as the mean of 20 has, and the largest, with 23 %.
const SITES: [&str; 2] = ["site-06", "site-01"];
/// How often each question is asked; the median counts.
const TIMES: usize = 5;
/// What every question asks for before anything else.
const EVENTS: &str =
    "candor.statistics_people WHERE site = '{site}' AND received_at >= now() - INTERVAL 30 DAY";
const VISITS: &str = "candor.statistics_sessions WHERE site = '{site}' AND day > today() - 30";

/// The questions, by name. `{events}` and `{visits}` stand for the two above.
const QUESTIONS: [(&str, &str); 10] = [
    (
        "visits and visitors per day",
        "SELECT day, count(), uniq(visitor) FROM {visits} GROUP BY day ORDER BY day",
    ),
    (
        "top pages",
        "SELECT path, count(), uniq(visitor) FROM {events} AND kind = 'pageview' \
         GROUP BY path ORDER BY 2 DESC LIMIT 20",
    ),
    (
        "entry pages",
        "SELECT entry_path, count(), avg(is_bounce) FROM {visits} \
         GROUP BY entry_path ORDER BY 2 DESC LIMIT 20",
    ),
    (
        "sources",
        "SELECT source, referrer_host, count() FROM {visits} \
         GROUP BY source, referrer_host ORDER BY 3 DESC LIMIT 20",
    ),
    ("channels", "SELECT channel, count() FROM {visits} GROUP BY channel ORDER BY 2 DESC"),
    (
        "countries",
        "SELECT country, count(), uniq(visitor) FROM {events} AND kind = 'pageview' \
         GROUP BY country ORDER BY 2 DESC",
    ),
    (
        "browsers and devices",
        "SELECT browser, device, count(), uniq(visitor) FROM {events} AND kind = 'pageview' \
         GROUP BY browser, device ORDER BY 3 DESC",
    ),
    (
        "campaigns",
        "SELECT campaign_source, campaign_medium, campaign_name, count() FROM {visits} \
         AND campaign_source != '' GROUP BY ALL ORDER BY 4 DESC LIMIT 20",
    ),
    (
        "dwell per page",
        "SELECT path, count(), avg(dwell_ms), quantile(0.5)(dwell_ms) FROM {events} \
         AND kind = 'engagement' GROUP BY path ORDER BY 2 DESC LIMIT 20",
    ),
    (
        "live, the last 30 minutes",
        "SELECT toStartOfMinute(received_at) AS minute, count(), uniq(visitor) FROM {events} \
         AND received_at >= now() - INTERVAL 30 MINUTE GROUP BY minute ORDER BY minute",
    ),
];

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return; // `cargo bench -- --test` has nothing to check here
    }
    let rows = std::env::var("CANDOR_BENCH_ROWS").map_or(100_000_000, |rows| rows.parse().unwrap());
    let policy = Some(Policy::of(generate::policy()));
    let candor = Candor::start(Options { policy, ..Options::default() });
    let took = Instant::now();
    generate::fill(&candor, rows);
    settled(&candor);
    let size = "SELECT count(), sum(rows), sum(data_compressed_bytes) / sum(rows) FROM system.parts \
                WHERE active AND table = 'statistics_rows'";
    println!(
        "filled and merged in {:.0} s; parts, rows, bytes a row: {}",
        took.elapsed().as_secs_f64(),
        candor.sql(size)
    );
    for site in SITES {
        let in_time = "SELECT count() FROM candor.statistics WHERE site = '{site}' AND received_at >= now() - INTERVAL 30 DAY";
        println!("\n{site}, rows of 30 days: {}", candor.sql(&in_time.replace("{site}", site)));
        println!(
            "{:<28} {:>7} {:>7} {:>8} {:>7} {:>10} {:>8} {:>7}",
            "question", "answers", "s", "slowest", "CPU s", "rows read", "MB read", "MB"
        );
        for (name, question) in QUESTIONS {
            let question = question.replace("{events}", EVENTS).replace("{visits}", VISITS);
            ask(&candor, name, &question.replace("{site}", site));
        }
    }
}

/// Asks a question some times, and prints what it took.
fn ask(candor: &Candor, name: &str, question: &str) {
    let engine = candor.clickhouse();
    let plain = format!("{question} SETTINGS use_query_condition_cache = 0");
    engine.sql(&plain);
    let cpu = cpu_of_engine(candor);
    let mut times: Vec<_> = (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            engine.sql(&plain);
            began.elapsed().as_secs_f64()
        })
        .collect();
    let cpu = (cpu_of_engine(candor) - cpu) / TIMES as f64;
    times.sort_by(f64::total_cmp);
    let json: serde_json::Value =
        serde_json::from_str(&engine.sql(&format!("{plain} FORMAT JSON"))).unwrap();
    let read = |what: &str| json.pointer(what).unwrap().as_f64().unwrap();
    println!(
        "{name:<28} {:>7} {:>7.3} {:>8.3} {cpu:>7.2} {:>10} {:>8.1} {:>7}",
        read("/rows"),
        times.get(TIMES / 2).unwrap(),
        times.last().unwrap(),
        read("/statistics/rows_read"),
        read("/statistics/bytes_read") / 1e6,
        memory(engine, &plain)
            .map_or_else(|| "-".to_owned(), |bytes| (bytes / 1_000_000).to_string()),
    );
}

/// The most memory that the question is seen to take, as the engine's list of what it does tells while it runs; none
/// when it is over before that.
fn memory(engine: &Client, question: &str) -> Option<u64> {
    const RUNNING: &str =
        "SELECT max(memory_usage) FROM system.processes WHERE query NOT LIKE '%system.processes%'";
    let is_over = AtomicBool::new(false);
    let peak = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0;
            while !is_over.load(Ordering::SeqCst) {
                peak = peak.max(engine.sql(RUNNING).parse().unwrap());
            }
            peak
        });
        for _ in 0..TIMES {
            engine.sql(question);
        }
        is_over.store(true, Ordering::SeqCst);
        watch.join().unwrap()
    });
    (peak > 0).then_some(peak)
}

/// Waits until nothing is merged any more, so that every run asks the same.
fn settled(candor: &Candor) {
    let deadline = Instant::now() + Duration::from_mins(15);
    let mut quiet = 0;
    while quiet < 20 && Instant::now() < deadline {
        let is_quiet = candor.sql("SELECT count() FROM system.merges") == "0";
        quiet = if is_quiet { quiet + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Seconds of CPU that the engine has taken.
fn cpu_of_engine(candor: &Candor) -> f64 {
    let engine = candor.children();
    engine.iter().filter_map(|pid| cpu_seconds(pid.as_raw_nonzero())).sum()
}
