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
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use candor_event::Purpose;
use candor_store::{Delivered, Store};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::cli::{LoadArgs, Protocol, Watched};
use crate::stop::Stop;
use crate::{harden, telemetry};
use pace::Pace;
pub(crate) use process::{Memory, Moment, Processes, Usage, memory};
use report::Delivery;
pub(crate) use report::Report;
pub(crate) use requests::{Agents, DWELL_MS_MIN, Requests, Visits, name_of_run};
use tally::{Outcome, Tally};
pub(crate) use tally::{Second, at};

/// How long is waited for rows that are not there yet.
const STORED_WITHIN: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const LOOK_ONCE_MORE: Duration = Duration::from_secs(2);
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);
const A_MOMENT: Duration = Duration::from_millis(5);
const SECOND: Duration = Duration::from_secs(1);
/// How long one rate is measured, seconds.
const RUN_S: u32 = 30;

/// Sends, measures, and prints the figures.
pub(crate) async fn run(args: &LoadArgs) -> Result<()> {
    if args.batch > 1 && args.protocol != Protocol::Candor {
        bail!("only --protocol candor has several beacons in a request: leave --batch out");
    }
    let run = name_of_run();
    let plan = Plan::of(args, Stop::on_signal()?);
    let requests = Arc::new(Requests::new(&plan.visits, &run));
    can_be_sent(args).await?;
    if args.find_max {
        return search::run(args, &plan, &requests).await;
    }
    let check = args.check.as_ref().map(|purpose| Check::of(args, purpose, &run)).transpose()?;
    if let Some(check) = &check {
        check.begin().await?;
    }
    let seconds = args.seconds.map_or(RUN_S, std::num::NonZero::get);
    let rate = (!args.closed).then_some(args.rate);
    let mut report = measure(&plan, &requests, Load { rate, seconds }, true).await?;
    if let Some(check) = &check {
        report.delivery = Some(check.end(report.acknowledged_in_all).await?);
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
    /// Ends a run before its time, with the figures so far.
    pub(crate) stop: Option<Stop>,
}

/// How much is sent, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Beacons a second; none for a closed loop.
    pub(crate) rate: Option<u32>,
    pub(crate) seconds: u32,
}

impl Plan {
    fn of(args: &LoadArgs, stop: Stop) -> Self {
        Self {
            visits: args.visits(),
            connections: args.connections.get(),
            warm_up: args.warm_up,
            watch: args.watch.clone(),
            stop: Some(stop),
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

    let mut seconds = Vec::new();
    let mut goes_on = plan.is_there_until(counts_from).await;
    processes.begin()?;
    for second in 1..=load.seconds {
        goes_on = goes_on && plan.is_there_until(counts_from + SECOND * second).await;
        if !goes_on {
            break;
        }
        let one = tally.second(second, pace.lag(), processes.look());
        if is_told {
            report::say_progress(&one);
        }
        seconds.push(one);
    }
    let lag = pace.lag();
    if goes_on {
        pacer.await.context("the schedule broke off")?;
        // Whoever was due before the end is sent as well, if that takes no longer than a moment.
        let until = Instant::now() + SECOND;
        while pace.waiting() > 0 && Instant::now() < until {
            tokio::time::sleep(A_MOMENT).await;
        }
        pace.close();
    } else {
        pace.stop();
    }
    while let Some(ended) = connections.join_next().await {
        ended.context("a connection broke off")?;
    }
    for turn in pace.never_taken() {
        tally.count(turn, plan.visits.batch.into(), Outcome::NeverSent);
    }
    if seconds.is_empty() {
        bail!("stopped before anything was measured");
    }
    Ok(Report::new(plan, load.rate, &tally, lag, &processes, seconds))
}

impl Plan {
    /// Whether nobody asked to stop until then.
    async fn is_there_until(&self, then: Instant) -> bool {
        let Some(stop) = &self.stop else {
            sleep_until(then).await;
            return true;
        };
        tokio::select! {
            () = sleep_until(then) => true,
            () = stop.requested() => false,
        }
    }
}

/// Refuses what cannot work, before anything is sent.
async fn can_be_sent(args: &LoadArgs) -> Result<()> {
    let (wanted, most) = (args.connections.get(), harden::connections());
    if usize::try_from(wanted).unwrap_or(usize::MAX) > most {
        bail!("too few files may be open for {wanted} connections: raise the limit (`ulimit -n`)");
    }
    let target = args.target;
    let nobody = || format!("cannot connect to {target}: is a collector listening there?");
    let connected = timeout(CONNECTED_WITHIN, TcpStream::connect(target)).await;
    connected.with_context(nobody)?.with_context(nobody).map(drop)
}

/// Whether everything that was kept has a row.
struct Check<'a> {
    store: Store,
    purpose: &'a Purpose,
    path: String,
}

impl<'a> Check<'a> {
    fn of(args: &LoadArgs, purpose: &'a Purpose, run: &str) -> Result<Self> {
        let store = Store::new(&args.config()?.server()?);
        Ok(Self { store, purpose, path: format!("/{run}/") })
    }

    /// Asks once before anything is sent: there are tables, and nothing of this run.
    async fn begin(&self) -> Result<()> {
        let there = self.ask().await?;
        if there.rows > 0 {
            bail!("somebody else's rows have the name of this run: run it again");
        }
        Ok(())
    }

    /// What of everything that was said to be kept has rows. When all is there, it looks once more: what is stored
    /// twice comes later.
    async fn end(&self, acknowledged: u64) -> Result<Delivery> {
        let deadline = Instant::now() + STORED_WITHIN;
        let mut is_there = false;
        loop {
            let stored = self.ask().await?;
            if is_there || Instant::now() > deadline {
                return Ok(Delivery::new(acknowledged, stored));
            }
            is_there = stored.events >= acknowledged;
            tokio::time::sleep(if is_there { LOOK_ONCE_MORE } else { LOOK_AGAIN }).await;
        }
    }

    async fn ask(&self) -> Result<Delivered> {
        let Self { store, purpose, path } = self;
        store.delivered(purpose, path).await.with_context(|| {
            format!(
                "cannot count the rows of {purpose}: does [clickhouse] of --config name the collector's \
                 ClickHouse, and its policy this purpose, with paths?"
            )
        })
    }
}
