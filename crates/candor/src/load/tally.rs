//! What was answered, and after how long.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use serde::Serialize;
use tokio::time::Instant;

use super::answer::Answer;
use super::pace::Turn;
use super::process::Moment;

/// Everything that came back, from all connections.
#[derive(Debug)]
pub(super) struct Tally {
    /// What was due before only warms up.
    counts_from: Instant,
    counted: Mutex<Counted>,
}

/// Counts of one run.
#[derive(Debug)]
pub(super) struct Counted {
    /// Beacons by the status of their answer.
    answers: BTreeMap<u16, u64>,
    /// Beacons by how their connection broke.
    broken: BTreeMap<ErrorKind, u64>,
    /// Beacons that were due and for which no connection was free in time.
    never_sent: u64,
    /// Beacons that were said to be kept; with those of the warm-up.
    pub(super) accepted: u64,
    pub(super) accepted_in_all: u64,
    pub(super) answered: u64,
    /// The numbers of the requests that were, when somebody wants to know them.
    acknowledged: Option<Vec<u64>>,
    /// Times of requests, microseconds; of those that broke or were never sent, until that was known.
    pub(super) waits: Histogram<u64>,
    second: Histogram<u64>,
    answered_before: u64,
}

/// How one request ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Answered(Answer),
    Broken(ErrorKind),
    NeverSent,
}

/// One second of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Second {
    /// Which.
    pub(crate) number: u32,
    /// Beacons that were answered in it.
    pub(crate) answered: u64,
    /// Times of requests, milliseconds.
    pub(crate) p50_ms: f64,
    /// The same.
    pub(crate) p99_ms: f64,
    /// Beacons that broke or were refused, in all so far.
    pub(crate) failed: u64,
    /// How far requests are behind their schedule.
    pub(crate) lag_ms: f64,
    /// What the watched processes had and used in it.
    pub(crate) processes: Vec<Moment>,
}

/// Three digits are right.
const DIGITS: u8 = 3;
const LONGEST_US: u64 = 60_000_000;

impl Tally {
    pub(super) fn new(counts_from: Instant, is_numbered: bool) -> Result<Self, CreationError> {
        let counted = Counted {
            answers: BTreeMap::new(),
            broken: BTreeMap::new(),
            never_sent: 0,
            acknowledged: is_numbered.then(Vec::new),
            accepted: 0,
            accepted_in_all: 0,
            answered: 0,
            waits: Histogram::new_with_bounds(1, LONGEST_US, DIGITS)?,
            second: Histogram::new_with_bounds(1, LONGEST_US, DIGITS)?,
            answered_before: 0,
        };
        Ok(Self { counts_from, counted: Mutex::new(counted) })
    }

    /// A request of so many beacons came to its end.
    pub(super) fn count(&self, turn: Turn, beacons: u64, outcome: Outcome) {
        let took = u64::try_from(turn.due.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut counted = self.counted();
        if let Outcome::Answered(answer) = outcome {
            counted.accepted_in_all += answer.accepted;
            if let (Some(numbers), 1..) = (&mut counted.acknowledged, answer.accepted) {
                numbers.push(turn.number);
            }
        }
        if turn.due < self.counts_from {
            return;
        }
        // Whoever waited in vain has waited.
        counted.waits.saturating_record(took);
        counted.second.saturating_record(took);
        match outcome {
            Outcome::Answered(Answer { status, accepted }) => {
                counted.accepted += accepted;
                counted.answered += beacons;
                *counted.answers.entry(status).or_default() += beacons;
            }
            Outcome::Broken(kind) => *counted.broken.entry(kind).or_default() += beacons,
            Outcome::NeverSent => counted.never_sent += beacons,
        }
    }

    /// What there is to say of the second that is over.
    pub(super) fn second(&self, second: u32, lag: Duration, processes: Vec<Moment>) -> Second {
        let mut counted = self.counted();
        let told = Second {
            number: second,
            answered: counted.answered - counted.answered_before,
            p50_ms: at(&counted.second, 0.5),
            p99_ms: at(&counted.second, 0.99),
            failed: counted.failed(),
            lag_ms: lag.as_secs_f64() * 1e3,
            processes,
        };
        counted.answered_before = counted.answered;
        counted.second.reset();
        told
    }

    pub(super) fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Beacons that were neither kept nor heard and left out by policy.
    pub(super) fn failed(&self) -> u64 {
        let refused = self.answers.iter().filter(|(status, _)| !is_well(**status));
        let broken = self.broken.values().chain([&self.never_sent]);
        refused.map(|(_, beacons)| beacons).chain(broken).sum()
    }

    /// Beacons by what became of them, in words.
    pub(super) fn outcomes(&self) -> BTreeMap<String, u64> {
        let answers = self.answers.iter().map(|(status, beacons)| (status.to_string(), *beacons));
        let broken = self.broken.iter().map(|(kind, beacons)| (in_words(*kind), *beacons));
        let never_sent = (self.never_sent > 0).then(|| ("never sent".to_owned(), self.never_sent));
        answers.chain(broken).chain(never_sent).collect()
    }

    /// The numbers of the requests whose beacon was said to be kept.
    pub(super) fn take_acknowledged(&mut self) -> Vec<u64> {
        self.acknowledged.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

/// Whether a beacon with this answer was kept, or heard and left out by policy.
pub(super) const fn is_well(status: u16) -> bool {
    matches!(status, 200 | 202 | 204)
}

/// How a connection broke.
fn in_words(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::InvalidData => "not HTTP".to_owned(),
        kind => kind.to_string(),
    }
}

/// Milliseconds below which so many of the requests were answered.
#[expect(clippy::cast_precision_loss, reason = "microseconds of a minute")]
pub(crate) fn at(waits: &Histogram<u64>, quantile: f64) -> f64 {
    waits.value_at_quantile(quantile) as f64 / 1e3
}
