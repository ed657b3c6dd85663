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

use crate::cli::{LoadArgs, Protocol, Watched};
use crate::clock::SystemClock;
use crate::telemetry;
use pace::Pace;
pub(crate) use process::{Memory, Moment, Processes, Usage, memory};
use report::Delivery;
pub(crate) use report::Report;
pub(crate) use requests::{Agents, DWELL_MS_MIN, Requests, Visits, name_of_run};
use tally::Tally;
pub(crate) use tally::{Second, at};

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
    let run = name_of_run(args.seed, SystemClock.now());
    let plan = Plan::of(args);
    let requests = Arc::new(Requests::new(&plan.visits, &run));
    if args.find_max {
        return search::run(args, &requests).await;
    }
    let seconds = args.seconds.map_or(RUN_S, std::num::NonZero::get);
    let rate = (!args.closed).then_some(args.rate.get());
    let mut report = measure(&plan, &requests, Load { rate, seconds }, true).await?;
    if let Some(purpose) = &args.check {
        report.delivery = Some(check(args, purpose, &run, report.acknowledged_in_all).await?);
    }
    telemetry::say(&if args.json { report.as_json()? } else { report.to_string() })?;
    report.verdict()
}

/// What is sent and over how many connections, and who is watched meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) visits: Visits,
    pub(crate) connections: u32,
    /// How long it is sent before anything counts, seconds.
    pub(crate) warm_up: u32,
    pub(crate) watch: Vec<Watched>,
}

/// How much is sent, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Beacons a second; none for a closed loop.
    pub(crate) rate: Option<u32>,
    pub(crate) seconds: u32,
}

impl Plan {
    fn of(args: &LoadArgs) -> Self {
        Self {
            visits: args.visits(),
            connections: args.connections.get(),
            warm_up: args.warm_up,
            watch: args.watch.clone(),
        }
    }
}

/// One run.
pub(crate) async fn measure(
    plan: &Plan,
    requests: &Arc<Requests>,
    load: Load,
    is_told: bool,
) -> Result<Report> {
    let mut processes = Processes::of(&plan.watch)?;
    let began = Instant::now();
    let counts_from = began + Duration::from_secs(plan.warm_up.into());
    let ends = counts_from + Duration::from_secs(load.seconds.into());
    let pace = Arc::new(Pace::new(load.rate, plan.visits.batch, began, ends));
    let tally = Arc::new(Tally::new(counts_from, plan.visits.is_numbered)?);
    let mut connections = JoinSet::new();
    for _ in 0..plan.connections {
        let (requests, pace, tally) = (Arc::clone(requests), Arc::clone(&pace), Arc::clone(&tally));
        connections.spawn(send::connection(plan.visits.target, requests, pace, tally));
    }
    let releases = Arc::clone(&pace);
    let pacer = tokio::task::spawn_blocking(move || releases.release());

    tokio::time::sleep_until(counts_from).await;
    processes.begin()?;
    let mut seconds = Vec::new();
    for second in 1..=load.seconds {
        tokio::time::sleep_until(counts_from + SECOND * second).await;
        let one = tally.second(second, pace.lag(), processes.look()?);
        if is_told {
            report::say_progress(&one);
        }
        seconds.push(one);
    }
    let lag = pace.lag();
    pacer.await.context("the schedule broke off")?;
    while let Some(ended) = connections.join_next().await {
        ended.context("a connection broke off")?;
    }
    Ok(Report::new(plan, load, &tally, lag, &processes, seconds))
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
