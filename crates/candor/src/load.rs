//! `candor load`: made-up beacons for a collector, at the times of a schedule, and what it does with them.
//!
//! Times are counted from when a request was due, not from when it was sent: a collector that stands still
//! for a second has kept everybody waiting who would have come in that second, and so it is counted.

mod answer;
mod pace;
mod process;
mod report;
mod requests;
mod search;
mod send;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use candor_event::{Clock, Purpose};
use candor_store::Store;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cli::{LoadArgs, Protocol};
use crate::clock::SystemClock;
use crate::telemetry;
use pace::Pace;
use process::Processes;
use report::{Delivery, Report};
use requests::Requests;
use tally::Tally;

/// How long is waited for rows that are not there yet.
const STORED_WITHIN: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const SECOND: Duration = Duration::from_secs(1);
/// How long one rate is measured, seconds.
const RUN_S: u32 = 30;

/// Sends, measures, and prints the figures.
pub(crate) async fn run(args: &LoadArgs) -> Result<()> {
    if args.batch > 1 && args.protocol != Protocol::Candor {
        bail!("only --protocol candor has several beacons in a request: leave --batch out");
    }
    let run = requests::name_of_run(args.seed, SystemClock.now());
    let requests = Arc::new(Requests::new(args, &run));
    if args.find_max {
        return search::run(args, &requests).await;
    }
    let seconds = args.seconds.map_or(RUN_S, std::num::NonZero::get);
    let rate = (!args.closed).then_some(args.rate.get());
    let mut report = measure(args, &requests, Load { rate, seconds }, true).await?;
    if let Some(purpose) = &args.check {
        report.delivery = Some(check(args, purpose, &run, report.acknowledged_in_all).await?);
    }
    telemetry::say(&if args.json { report.as_json()? } else { report.to_string() })?;
    report.verdict()
}

/// How much is sent, and for how long.
#[derive(Clone, Copy, Debug)]
struct Load {
    /// Beacons a second; none for a closed loop.
    rate: Option<u32>,
    seconds: u32,
}

/// One run.
async fn measure(
    args: &LoadArgs,
    requests: &Arc<Requests>,
    load: Load,
    is_told: bool,
) -> Result<Report> {
    let mut processes = Processes::of(&args.watch)?;
    let began = Instant::now();
    let counts_from = began + Duration::from_secs(args.warm_up.into());
    let ends = counts_from + Duration::from_secs(load.seconds.into());
    let pace = Arc::new(Pace::new(load.rate, args.batch, began, ends));
    let tally = Arc::new(Tally::new(counts_from)?);
    let mut connections = JoinSet::new();
    for _ in 0..args.connections.get() {
        let (requests, pace, tally) = (Arc::clone(requests), Arc::clone(&pace), Arc::clone(&tally));
        connections.spawn(send::connection(args.target, requests, pace, tally));
    }
    let releases = Arc::clone(&pace);
    let pacer = tokio::task::spawn_blocking(move || releases.release());

    tokio::time::sleep_until(counts_from).await;
    processes.begin()?;
    let mut seconds = Vec::new();
    for second in 1..=load.seconds {
        tokio::time::sleep_until(counts_from + SECOND * second).await;
        processes.look()?;
        let one = tally.second(second, pace.lag());
        if is_told {
            report::say_progress(&one);
        }
        seconds.push(one);
    }
    processes.end()?;
    let lag = pace.lag();
    pacer.await.context("the schedule broke off")?;
    while let Some(ended) = connections.join_next().await {
        ended.context("a connection broke off")?;
    }
    Ok(Report::new(args, load, &tally, lag, &processes, seconds))
}

/// What of everything that was said to be kept has rows.
async fn check(
    args: &LoadArgs,
    purpose: &Purpose,
    run: &str,
    acknowledged: u64,
) -> Result<Delivery> {
    let store = Store::new(&args.config()?.server()?);
    let path = format!("/{run}/");
    let deadline = Instant::now() + STORED_WITHIN;
    loop {
        let stored = store.delivered(purpose, &path).await.context("cannot count")?;
        if stored.events >= acknowledged || Instant::now() > deadline {
            return Ok(Delivery::new(acknowledged, stored));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
