//! Partitions that the group gave to nobody.
//!
//! A partition moves in two steps: its owner is given one less and says so by joining again, and only then the
//! group gives it to another. Should the owner end in between and come back under its name within its session,
//! then the group takes it for the one it was, gives it what it had left, and goes to rest: nobody has the
//! partition, until somebody comes or leaves. Seen with Kafka 4.1 and librdkafka 2.12, whenever sinks were restarted in
//! turn at the wrong moment. So the first of the group's members looks after that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::kafka::metrics;

/// Since when nobody has which partition.
#[derive(Debug)]
pub(super) struct Unowned {
    since: BTreeMap<u32, Instant>,
    long: Duration,
    is_due: bool,
}

// === impl Unowned ===

impl Unowned {
    /// Owners that are gone are waited for as long as `session`; those that give something away bring to an end what
    /// is under way.
    pub(super) fn new(session: Duration) -> Self {
        Self { since: BTreeMap::new(), long: session.max(GIVING_AWAY), is_due: false }
    }

    /// Takes in which partitions nobody has now. Whether one of them was nobody's for too long: then we must leave
    /// the group, for it to share them out anew.
    pub(super) fn see(&mut self, unowned: &BTreeSet<u32>, now: Instant) -> bool {
        self.since.retain(|partition, _| unowned.contains(partition));
        for partition in unowned {
            self.since.entry(*partition).or_insert(now);
        }
        metrics::unowned(unowned.len());
        self.is_due = self.since.values().any(|since| now.duration_since(*since) >= self.long);
        self.is_due
    }

    /// Whether we must leave the group.
    pub(super) const fn is_due(&self) -> bool {
        self.is_due
    }

    /// We joined anew.
    pub(super) fn forget(&mut self) {
        self.see(&BTreeSet::new(), Instant::now());
    }
}

const GIVING_AWAY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nobodys_for_long_is_due_and_what_moves_is_not() {
        let began = Instant::now();
        let mut unowned = Unowned::new(Duration::from_secs(20));
        let mut see = |at, partitions: &[u32]| {
            let partitions = partitions.iter().copied().collect();
            unowned.see(&partitions, began + Duration::from_secs(at))
        };
        assert!(!see(0, &[]));
        assert!(!see(5, &[1]));
        assert!(!see(10, &[2]), "another one");
        assert!(!see(24, &[1, 2]));
        assert!(!see(29, &[1, 2]));
        assert!(see(30, &[1, 2]), "2 since 10");
        assert!(!see(35, &[1]), "1 since 24");
        assert!(see(44, &[1]));
        unowned.forget();
        assert!(!unowned.is_due());
    }

    #[test]
    fn a_short_session_does_not_hurry_those_who_give_something_away() {
        let began = Instant::now();
        let mut unowned = Unowned::new(Duration::from_secs(2));
        let one = BTreeSet::from([1]);
        assert!(!unowned.see(&one, began));
        assert!(!unowned.see(&one, began + Duration::from_secs(9)));
        assert!(unowned.see(&one, began + Duration::from_secs(10)));
    }
}
