//! Partitions that the group gave to nobody.
//!
//! A partition moves in two steps: its owner is given one less and says so by joining again, and only then the
//! group gives it to another. Should the owner end in between and come back under its name within its session,
//! then the group takes it for the one it was, gives it what it had left, and goes to rest: nobody has the
//! partition, until somebody comes or leaves. Seen with Kafka 4.1 and librdkafka 2.12, whenever sinks were restarted in
//! turn at the wrong moment. So the first of the group's members looks after that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use tokio::time::Instant;

use crate::kafka::metrics;

/// Since when nobody has which partition.
#[derive(Debug)]
pub(super) struct Unowned {
    since: BTreeMap<u32, Instant>,
    /// When that was asked last, with an answer.
    seen: Option<Instant>,
    session: Duration,
    /// How often in a row we left, and it did not help.
    in_vain: u32,
    is_due: bool,
    /// Why it was not answered, if it was not.
    refused: Option<Code>,
}

// === impl Unowned ===

impl Unowned {
    /// Owners that are gone are waited for as long as `session`; those that give something away bring to an end what
    /// is under way.
    pub(super) fn new(session: Duration) -> Self {
        let session = session.max(GIVING_AWAY);
        let since = BTreeMap::new();
        Self { since, seen: None, session, in_vain: 0, is_due: false, refused: None }
    }

    /// Takes in which partitions nobody has now. Whether one of them was nobody's for too long: then we must leave
    /// the group, for it to share them out anew.
    pub(super) fn see(&mut self, unowned: Result<BTreeSet<u32>, Code>, now: Instant) -> bool {
        let unowned = match unowned {
            Ok(unowned) => unowned,
            Err(code) => {
                if self.refused.replace(code) != Some(code) {
                    tracing::warn!(%code, "who has which partition cannot be asked: that needs Describe of the group");
                }
                return false;
            }
        };
        self.refused = None;
        let is_news = self.seen.replace(now).is_none_or(|seen| now > seen + OLD);
        self.since.retain(|partition, _| !is_news && unowned.contains(partition));
        for partition in &unowned {
            self.since.entry(*partition).or_insert(now);
        }
        metrics::unowned(unowned.len());
        if unowned.is_empty() {
            self.in_vain = 0;
        }
        let long = self.session * (1 << self.in_vain.min(DOUBLED_MAX));
        self.is_due = self.since.values().any(|since| now.duration_since(*since) >= long);
        self.is_due
    }

    /// Whether we must leave the group.
    pub(super) const fn is_due(&self) -> bool {
        self.is_due
    }

    /// We joined anew; the next time we wait longer, unless it helped.
    pub(super) fn begin(&mut self) {
        self.since.clear();
        self.seen = None;
        self.in_vain += u32::from(std::mem::take(&mut self.is_due));
    }
}

const GIVING_AWAY: Duration = Duration::from_secs(10);
/// What was seen before that is no news of now: it is looked every five seconds.
const OLD: Duration = Duration::from_secs(15);
/// 32 times a session.
const DOUBLED_MAX: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at a number of seconds.
    fn see(unowned: &mut Unowned, began: Instant, at: u64, partitions: &[u32]) -> bool {
        let partitions = partitions.iter().copied().collect();
        unowned.see(Ok(partitions), began + Duration::from_secs(at))
    }

    #[test]
    fn what_is_nobodys_for_long_is_due_and_what_moves_is_not() {
        let (mut unowned, began) = (Unowned::new(Duration::from_secs(20)), Instant::now());
        let mut see = |at, partitions: &[u32]| see(&mut unowned, began, at, partitions);
        assert!(!see(0, &[]));
        assert!(!see(5, &[1]));
        assert!(!see(10, &[2]), "another one");
        assert!(!see(24, &[1, 2]));
        assert!(!see(29, &[1, 2]));
        assert!(see(30, &[1, 2]), "2 since 10");
        assert!(!see(35, &[1]), "1 since 24");
        assert!(see(44, &[1]));
    }

    #[test]
    fn a_short_session_does_not_hurry_those_who_give_something_away() {
        let (mut unowned, began) = (Unowned::new(Duration::from_secs(2)), Instant::now());
        assert!(!see(&mut unowned, began, 0, &[1]));
        assert!(!see(&mut unowned, began, 9, &[1]));
        assert!(see(&mut unowned, began, 10, &[1]));
    }

    #[test]
    fn whoever_did_not_look_knows_nothing_of_meanwhile() {
        let (mut unowned, began) = (Unowned::new(Duration::from_secs(20)), Instant::now());
        assert!(!see(&mut unowned, began, 0, &[1]));
        assert!(!see(&mut unowned, began, 60, &[1]), "perhaps another time");
        assert!(!unowned.see(Err(Code::OperationTimedOut), began + Duration::from_secs(65)));
        assert!(!see(&mut unowned, began, 70, &[1]));
        assert!(see(&mut unowned, began, 80, &[1]));
    }

    #[test]
    fn leaving_in_vain_is_done_less_and_less_often() {
        let (mut unowned, began) = (Unowned::new(Duration::from_secs(10)), Instant::now());
        let (mut at, mut waits) = (0, Vec::new());
        for _ in 0..8 {
            let since = at;
            while !see(&mut unowned, began, at, &[1]) {
                at += 5;
            }
            waits.push(at - since);
            unowned.begin();
            assert!(!unowned.is_due());
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 320, 320]);
        assert!(!see(&mut unowned, began, at + 5, &[]), "it helped");
        assert!(!see(&mut unowned, began, at + 10, &[1]));
        assert!(see(&mut unowned, began, at + 20, &[1]));
    }
}
