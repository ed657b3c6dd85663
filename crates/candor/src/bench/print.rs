//! What a bench prints for whoever runs it.

use std::fmt::Write;

use super::goals::figure;
use super::machine::{IN_MEMORY, Machine};
use super::results::Results;
use super::{ALLOCATOR, Bench, cases};

/// Machine, versions, and what answers mean, before anything is measured.
pub(super) fn introduction(bench: &Bench, machine: &Machine, looks_addresses_up: bool) -> String {
    let mut text = format!(
        "candor {}, {}   {}, {} cores, {} GB, Linux {}, {}\n",
        env!("CARGO_PKG_VERSION"),
        ALLOCATOR,
        machine.processor,
        machine.cores,
        machine.gigabytes(),
        machine.kernel,
        machine.file_system,
    );
    let mut say = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    match bench.cores.measured {
        Some(core) => say(&format!("what is measured has core {core}, the load the others")),
        None => {
            say("there is one core: nothing is pinned, and the load is part of what is measured");
        }
    }
    if cfg!(debug_assertions) {
        say("this is a development build: its figures say nothing about a release");
    }
    if machine.file_system == IN_MEMORY {
        say(
            "the directory lies in memory, where nothing is durable: name one on a disk with --dir",
        );
    }
    if !looks_addresses_up {
        say(NOT_LOOKED_UP);
    }
    for acknowledged in cases::acknowledged(bench.has_kafka()) {
        say(&format!("answered 202 when {acknowledged}"));
    }
    text
}

/// What is less work than collectors have.
pub(super) const NOT_LOOKED_UP: &str = "No address is looked up, for there are no databases of countries and networks: \
     `make geo` fetches them, or name them under [geo].";

/// What makes a ratio worth little.
pub(super) const TOO_LITTLE: &str = "Some server’s core was idle for a fifth of a run or more: the load, or others on this \
     machine, were the limit, and ratios are rough.";

/// Measured, goal, met or missed by how much.
pub(super) fn table(results: &Results) -> String {
    let widest =
        results.lines.iter().map(|line| line.what.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for line in &results.lines {
        let measured = format!("{} {}", figure(line.measured), line.unit);
        // Writing to a string cannot fail.
        writeln!(
            text,
            "{:<widest$}   {measured:>26}   {:>9}   {}",
            line.what,
            line.goal_in_words(),
            line.verdict()
        )
        .ok();
    }
    let failed = results.ratios.iter().map(|it| (it.what, it.failed));
    let failed = failed.chain(results.paced.iter().map(|it| (it.what, it.failed)));
    for (what, beacons) in failed.filter(|(_, beacons)| *beacons > 0) {
        writeln!(text, "{what}: {beacons} beacons failed, which costs less than to keep them").ok();
    }
    if !results.versions.clickhouse.is_empty() {
        writeln!(text, "ClickHouse {}", results.versions.clickhouse).ok();
    }
    if !results.had_enough_to_do {
        writeln!(text, "{TOO_LITTLE}").ok();
    }
    text
}
