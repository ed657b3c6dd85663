//! How much parsing the beacons of everybody else have paid for.

use std::sync::atomic::{AtomicI64, Ordering};

/// A flood of agents that were never seen must cost little more than the same number of ordinary ones.
/// Each agent that was seen before earns a part of a parse, and each parse spends a whole one; when nothing is
/// left, agents are guessed by a few words instead. There is no clock in it: what counts is how many of
/// the agents are new, not how fast they come.
#[derive(Debug)]
pub(super) struct Budget(AtomicI64);

/// Parts of a parse that one look-up earns; a parse costs [`PARSE`].
const EARNED: i64 = 1;
/// One look-up in sixteen may be a parse in the long run. Of real visits it is one in hundreds.
const PARSE: i64 = 16;
/// What can be saved up: enough for an empty cache to fill.
const SAVED_MAX: i64 = 8_192 * PARSE;

// === impl Budget ===

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicI64::new(SAVED_MAX))
    }
}

impl Budget {
    /// A look-up that cost nothing.
    pub(super) fn earn(&self) {
        // Between the two steps others may earn as well: a few parts more do not matter.
        if self.0.load(Ordering::Relaxed) < SAVED_MAX {
            self.0.fetch_add(EARNED, Ordering::Relaxed);
        }
    }

    /// Whether a parse may be done, and if so, pays for it. One that may not earns like any look-up.
    pub(super) fn spend(&self) -> bool {
        let take = |left: i64| (left >= PARSE).then_some(left - PARSE);
        let is_paid = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        if !is_paid {
            self.earn();
        }
        is_paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_gets_what_is_saved_and_one_in_sixteen_after_that() {
        let budget = Budget::default();
        let asked = 1_000_000;
        let parsed: i64 = (0..asked).map(|_| i64::from(budget.spend())).sum();
        let saved = SAVED_MAX / PARSE;
        assert!((saved..saved + asked / PARSE).contains(&parsed), "{parsed}");
        assert!(parsed > saved + asked / PARSE / 2, "{parsed}");
    }

    #[test]
    fn what_others_earn_is_not_saved_without_end() {
        let budget = Budget::default();
        (0..100).for_each(|_| budget.earn());
        let parsed: i64 = (0..SAVED_MAX).take_while(|_| budget.spend()).map(|_| 1).sum();
        assert_eq!(parsed, SAVED_MAX / PARSE);
    }
}
