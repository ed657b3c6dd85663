//! What is told of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};
use candor_store::Delivered;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::Plan;
use super::process::{Processes, Usage};
use super::tally::{Second, Tally, at, is_well};
use crate::stop::Stop;

/// The figures of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The version of the program that sent.
    version: &'static str,
    /// Beacons a second that were due; none in a closed loop.
    offered: Option<u32>,
    /// Beacons a second that were answered.
    pub(crate) answered: f64,
    seconds: u32,
    /// Whether it was asked to end before its time.
    pub(super) is_stopped: bool,
    connections: u32,
    batch: u32,
    seed: u64,
    /// Beacons by the status of their answer, or by how their connection broke.
    pub(crate) answers: BTreeMap<String, u64>,
    /// Beacons that the collector keeps, as it said.
    accepted: u64,
    /// The same, with those of the time before it was measured.
    pub(super) acknowledged_in_all: u64,
    /// Beacons that were refused, whose connection broke, or for which none was free in time.
    pub(crate) failed: u64,
    /// How far the schedule was ahead at the end.
    lag_ms: f64,
    latency_ms: Latency,
    pub(crate) processes: Vec<Usage>,
    /// What has rows.
    pub(super) delivery: Option<Delivery>,
    pub(crate) by_second: Vec<Second>,
    /// The times of all requests, microseconds.
    #[serde(skip)]
    pub(crate) waits: Histogram<u64>,
    /// The numbers of the requests that were acknowledged, when they are numbered.
    #[serde(skip)]
    pub(crate) acknowledged: Vec<u64>,
}

/// Times from when a request was due to its answer, milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

/// What was said to be kept, against what is there.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Delivery {
    acknowledged: u64,
    /// Events that have a row. There may be more than were acknowledged: of those whose answer was lost.
    stored: u64,
    /// Acknowledged, and not there.
    missing: u64,
    /// Rows of an event that has one already.
    twice: u64,
}

/// A rate of which less is answered does not hold.
const ANSWERED_MIN: f64 = 0.98;
/// A schedule that is further ahead runs away.
const LAG_MAX_MS: f64 = 100.0;

impl Delivery {
    pub(super) fn new(acknowledged: u64, stored: Delivered) -> Self {
        Self {
            acknowledged,
            stored: stored.events,
            missing: acknowledged.saturating_sub(stored.events),
            twice: stored.rows.saturating_sub(stored.events),
        }
    }
}

impl Report {
    pub(super) fn new(
        plan: &Plan,
        offered: Option<u32>,
        tally: &Tally,
        lag: Duration,
        processes: &Processes,
        by_second: Vec<Second>,
    ) -> Self {
        let mut counted = tally.counted();
        let in_time: u64 = by_second.iter().map(|second| second.answered).sum();
        let seconds = u32::try_from(by_second.len()).unwrap_or(u32::MAX);
        let took = Duration::from_secs(seconds.into());
        let latency = |quantile| at(&counted.waits, quantile);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            offered,
            answered: per_second(in_time, seconds),
            seconds,
            is_stopped: plan.stop.as_ref().is_some_and(Stop::is_requested),
            connections: plan.connections,
            batch: plan.visits.batch,
            seed: plan.visits.seed,
            answers: counted.outcomes(),
            accepted: counted.accepted,
            acknowledged_in_all: counted.accepted_in_all,
            failed: counted.failed(),
            lag_ms: lag.as_secs_f64() * 1e3,
            latency_ms: Latency {
                p50: latency(0.5),
                p90: latency(0.9),
                p99: latency(0.99),
                p999: latency(0.999),
                max: latency(1.0),
            },
            processes: processes.usage(in_time, took),
            delivery: None,
            by_second,
            waits: counted.waits.clone(),
            acknowledged: counted.take_acknowledged(),
        }
    }

    /// Whether the rate was one that goes on for ever.
    pub(super) fn holds(&self, p99_ms: f64) -> bool {
        let offered = self.offered.map_or(0.0, f64::from);
        self.failed == 0
            && self.lag_ms <= LAG_MAX_MS
            && self.answered >= offered * ANSWERED_MIN
            && self.latency_ms.p99 <= p99_ms
    }

    /// It in one line.
    pub(super) fn line(&self, is_held: bool) -> String {
        let Self { answered, failed, lag_ms, latency_ms, .. } = self;
        let offered = self.offered.unwrap_or_default();
        let verdict = if is_held { "holds" } else { "does not hold" };
        let bad = |how: &str| !how.parse().is_ok_and(is_well);
        let most = self.answers.iter().filter(|(how, _)| bad(how)).max_by_key(|it| it.1);
        let failed = match most {
            Some((how, _)) => format!("{failed} failed, most: {how}"),
            None => "0 failed".to_owned(),
        };
        format!(
            "{offered:>9} a second: {answered:>9.0} answered   p50 {:.2} ms   p99 {:.2} ms   \
             {failed}   lag {lag_ms:.0} ms   {verdict}\n",
            latency_ms.p50, latency_ms.p99
        )
    }

    pub(super) fn as_json(&self) -> Result<String> {
        Ok(format!("{}\n", serde_json::to_string(self)?))
    }

    /// An error when something was lost or doubled, or nothing was answered.
    pub(super) fn verdict(&self) -> Result<()> {
        if let Some(Delivery { missing, twice, .. }) = self.delivery
            && (missing > 0 || twice > 0)
        {
            bail!(
                "{missing} events that were acknowledged are missing, {twice} rows are there twice"
            );
        }
        if self.answered <= 0.0 {
            bail!("nothing was answered in time: is it a collector that listens there?");
        }
        if self.failed == self.answers.values().sum::<u64>() {
            bail!("every beacon was refused, or broke");
        }
        if self.delivery.is_some_and(|delivery| delivery.acknowledged == 0) {
            bail!("nothing was kept, so that nothing could be looked for: do visitors consent?");
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answered, seconds, connections, latency_ms: latency, .. } = self;
        match self.offered {
            Some(offered) => writeln!(
                f,
                "{offered} beacons a second were due, {answered:.0} were answered, for {seconds} s over \
                 {connections} connections"
            )?,
            None => writeln!(
                f,
                "{answered:.0} beacons a second were answered, for {seconds} s, in a closed loop over \
                 {connections} connections"
            )?,
        }
        write!(f, "answers    ")?;
        for (status, beacons) in &self.answers {
            write!(f, "   {status}: {beacons}")?;
        }
        let Latency { p50, p90, p99, p999, max } = latency;
        writeln!(f, "   of which kept: {}", self.accepted)?;
        writeln!(
            f,
            "latency ms    p50 {p50:.2}   p90 {p90:.2}   p99 {p99:.2}   p99.9 {p999:.2}   max {max:.2}   \
             lag {:.0}",
            self.lag_ms
        )?;
        for Usage { name, cpu_us_per_beacon, cores, resident_bytes_max, is_gone } in &self.processes
        {
            let megabytes = resident_bytes_max / 1_000_000;
            let cost =
                cpu_us_per_beacon.map_or_else(|| "–".to_owned(), |cost| format!("{cost:.2}"));
            let gone = if *is_gone { "   ended meanwhile" } else { "" };
            writeln!(
                f,
                "{name:<13} {cost} µs of CPU a beacon   {cores:.2} cores   {megabytes} MB at most{gone}"
            )?;
        }
        if let Some(Delivery { acknowledged, stored, missing, twice }) = self.delivery {
            writeln!(
                f,
                "stored        {acknowledged} acknowledged, {stored} there, {missing} missing, {twice} twice"
            )?;
        }
        if self.delivery.is_some() && self.failed > 0 {
            writeln!(
                f,
                "some of what failed may be stored all the same: missing is what cannot be explained by that, at least"
            )?;
        }
        if self.is_stopped {
            writeln!(f, "stopped before its time")?;
        }
        for (status, hint) in HINTS {
            if self.answers.contains_key(status) {
                writeln!(f, "{status} {hint}")?;
            }
        }
        Ok(())
    }
}

/// What answers tell.
pub(super) const HINTS: [(&str, &str); 3] = [
    (
        "400",
        "is a beacon that cannot be read: is --origin the beginning of an address, such as https://shop.example?",
    ),
    (
        "403",
        "is a site that no policy names, or pages that are not its: look at --site, and in `also` for what --protocol calls it; and at --origin",
    ),
    (
        "429",
        "is the collector's own limit: raise site_per_second and site_burst in [collector.limits] to measure above it",
    ),
];

/// One second, to whoever looks on. Nobody may be there.
pub(super) fn say_progress(one: &Second) {
    let Second { number, answered, p50_ms, p99_ms, failed, lag_ms, .. } = one;
    crate::telemetry::say_progress(&format!(
        "{number:>4} s   {answered:>8} answered   p50 {p50_ms:.2} ms   p99 {p99_ms:.2} ms   {failed} failed   lag {lag_ms:.0} ms"
    ));
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn per_second(count: u64, seconds: u32) -> f64 {
    count as f64 / f64::from(seconds.max(1))
}
