//! One outcome per beacon, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use candor_event::Outcome;
use tokio::time::Instant;

use crate::limit::ANSWER_DEADLINE;

/// Counts beacons and their outcomes: received = the sum of all outcomes, at every moment of rest.
///
/// `collector_beacons_received_total` and `collector_beacons_total{outcome}`, in
/// [Prometheus' text](https://prometheus.io/docs/instrumenting/exposition_formats/) form by way of the
/// `metrics` crate, whose recorder is looked for once: when a tally is made.
#[derive(Debug)]
pub struct Tally {
    received: Count,
    outcomes: [Count; Outcome::ALL.len()],
}

/// A number here and in the metrics.
struct Count {
    here: AtomicU64,
    metric: metrics::Counter,
}

/// The duty to tell an outcome for each beacon of a request. What is not told when it is dropped was
/// abandoned by its client.
#[derive(Debug)]
pub(crate) struct Duty<'a> {
    tally: &'a Tally,
    pending: u64,
    deadline: Instant,
}

// === impl Tally ===

impl Default for Tally {
    fn default() -> Self {
        let count = |outcome: Outcome| {
            Count::of(metrics::counter!("collector_beacons_total", "outcome" => outcome.label()))
        };
        Self {
            received: Count::of(metrics::counter!("collector_beacons_received_total")),
            outcomes: Outcome::ALL.map(count),
        }
    }
}

impl Tally {
    /// How many beacons were heard.
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// How many ended so.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.counter(outcome).map_or(0, Count::get)
    }

    /// Takes on the duty for a request that carries at least one beacon.
    pub(crate) fn request(&self) -> Duty<'_> {
        let mut duty = Duty { tally: self, pending: 0, deadline: Instant::now() + ANSWER_DEADLINE };
        duty.receive(1);
        duty
    }

    /// Outcomes stand in [`Outcome::ALL`] as they are declared.
    fn counter(&self, outcome: Outcome) -> Option<&Count> {
        self.outcomes.get(outcome as usize)
    }
}

// === impl Count ===

impl Count {
    fn of(metric: metrics::Counter) -> Self {
        Self { here: AtomicU64::default(), metric }
    }

    fn get(&self) -> u64 {
        self.here.load(Ordering::SeqCst)
    }

    fn add(&self, beacons: u64) {
        self.here.fetch_add(beacons, Ordering::SeqCst);
        self.metric.increment(beacons);
    }
}

impl std::fmt::Debug for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

// === impl Duty ===

impl Duty<'_> {
    /// When it must be told.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// More beacons are heard.
    pub(crate) fn receive(&mut self, beacons: u64) {
        self.pending += beacons;
        self.tally.received.add(beacons);
    }

    /// Tells the outcome of so many beacons.
    pub(crate) fn tell(&mut self, outcome: Outcome, beacons: u64) {
        let told = beacons.min(self.pending);
        self.pending -= told;
        if let Some(counter) = self.tally.counter(outcome) {
            counter.add(told);
        }
    }

    /// Tells the outcome of all that are not told yet.
    pub(crate) fn tell_all(&mut self, outcome: Outcome) {
        self.tell(outcome, self.pending);
    }
}

impl Drop for Duty<'_> {
    fn drop(&mut self) {
        if self.pending > 0 {
            self.tell_all(Outcome::Abandoned);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_was_abandoned() {
        let tally = Tally::default();
        let mut duty = tally.request();
        duty.receive(4);
        duty.tell(Outcome::Accepted, 2);
        duty.tell(Outcome::Malformed, 1);
        drop(duty);
        assert_eq!(tally.received(), 5);
        assert_eq!(tally.count(Outcome::Accepted), 2);
        assert_eq!(tally.count(Outcome::Malformed), 1);
        assert_eq!(tally.count(Outcome::Abandoned), 2);
    }

    #[test]
    fn each_outcome_has_a_counter_of_its_own() {
        let tally = Tally::default();
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at, "its name in the metrics is its own");
            tally.request().tell(outcome, 1);
        }
        assert!(Outcome::ALL.into_iter().all(|outcome| tally.count(outcome) == 1));
    }

    #[test]
    fn nothing_is_told_twice() {
        let tally = Tally::default();
        let mut duty = tally.request();
        duty.tell(Outcome::Accepted, 9);
        drop(duty);
        assert_eq!((tally.received(), tally.count(Outcome::Accepted)), (1, 1));
    }
}
