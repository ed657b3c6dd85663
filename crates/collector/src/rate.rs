//! Rates, of clients and of sites: the generic cell rate algorithm over a table of a fixed size.
//!
//! A key is in the table only while it owes something: as long as its beacons come no faster than the rate, its
//! place is free again before the next one. So the table is full only of those who send too much, it cannot
//! grow or leak, and nothing must be swept. A new key that finds all its places taken is refused: when so
//! many networks attack at once, strangers wait.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How much may come of one key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Beacons a second, in the long run.
    pub(crate) per_second: NonZeroU32,
    /// Beacons at once, before that counts.
    pub(crate) burst: NonZeroU32,
}

/// Counts what comes of each key.
#[derive(Debug)]
pub(crate) struct Rates {
    began: Instant,
    /// Nanoseconds that one beacon pays for.
    interval: u64,
    /// Nanoseconds that may be owed.
    burst: u64,
    sets: Box<[Mutex<Set>]>,
}

/// Too much came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    /// There is no place for one more key that owes something.
    Full,
    /// This key owes too much, for so long.
    Owing(Duration),
}

/// The places of the keys that fall together.
type Set = [Place; SET];

/// A key, and until when it owes: free when that is over.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    key: u64,
    until: u64,
}

const SET: usize = 8;
const SECOND: u64 = 1_000_000_000;

// === impl Rates ===

impl Rates {
    /// A table with room for so many keys.
    pub(crate) fn new(rate: Rate, keys_max: usize, now: Instant) -> Self {
        let interval = SECOND / u64::from(rate.per_second.get());
        let sets = keys_max.div_ceil(SET).max(1);
        Self {
            began: now,
            interval,
            burst: interval.saturating_mul(u64::from(rate.burst.get())),
            sets: (0..sets).map(|_| Mutex::default()).collect(),
        }
    }

    /// Takes so many beacons of a key, or none of them. The bits of the key must be spread evenly. What is more
    /// than a burst counts as one, for it could never come.
    ///
    /// # Errors
    /// [`Exceeded`]; nothing was taken.
    pub(crate) fn take(&self, key: u64, beacons: usize, now: Instant) -> Result<(), Exceeded> {
        let now = u64::try_from((now - self.began).as_nanos()).unwrap_or(u64::MAX);
        let cost = self.interval.saturating_mul(beacons as u64).min(self.burst);
        let count = self.sets.len() as u64;
        // The high bits choose the set; the whole key is compared.
        let index = (u128::from(key) * u128::from(count)) >> 64;
        let set = usize::try_from(index).ok().and_then(|index| self.sets.get(index));
        let mut set = set.ok_or(Exceeded::Full)?.lock().unwrap_or_else(PoisonError::into_inner);
        let its = set.iter().position(|place| place.key == key && place.until > now);
        let free = || set.iter().position(|place| place.until <= now);
        let place = its.or_else(free).and_then(|at| set.get_mut(at)).ok_or(Exceeded::Full)?;
        let until = place.until.max(now).saturating_add(cost);
        let owed = until - now;
        if owed > self.burst {
            return Err(Exceeded::Owing(Duration::from_nanos(owed - self.burst)));
        }
        *place = Place { key, until };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        let some = |number| NonZeroU32::new(number).unwrap();
        Rate { per_second: some(per_second), burst: some(burst) }
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let began = Instant::now();
        let rates = Rates::new(rate(10, 5), 64, began);
        let at = |millis| began + Duration::from_millis(millis);
        for _ in 0..5 {
            assert_eq!(rates.take(1, 1, at(0)), Ok(()));
        }
        assert_eq!(rates.take(1, 1, at(0)), Err(Exceeded::Owing(Duration::from_millis(100))));
        assert_eq!(rates.take(2, 5, at(0)), Ok(()), "another key owes nothing");
        assert_eq!(rates.take(1, 1, at(99)), Err(Exceeded::Owing(Duration::from_millis(1))));
        assert_eq!(rates.take(1, 1, at(100)), Ok(()));
        assert_eq!(rates.take(1, 2, at(200)), Err(Exceeded::Owing(Duration::from_millis(100))));
        assert_eq!(rates.take(1, 1, at(200)), Ok(()), "what was refused cost nothing");
        assert_eq!(rates.take(3, 1_000, at(0)), Ok(()), "more than a burst counts as one");
    }

    #[test]
    fn whoever_owes_nothing_takes_no_place() {
        let began = Instant::now();
        let rates = Rates::new(rate(1_000, 10), SET, began);
        let mut now = began;
        for key in 0..10_000 {
            now += Duration::from_millis(1);
            assert_eq!(rates.take(key, 1, now), Ok(()));
        }
    }

    #[test]
    fn under_attack_new_keys_are_refused_and_old_ones_keep_their_rate() {
        let began = Instant::now();
        let rates = Rates::new(rate(1, 100), SET, began);
        for key in 0..SET as u64 {
            assert_eq!(rates.take(key, 50, began), Ok(()));
        }
        assert_eq!(rates.take(99, 1, began), Err(Exceeded::Full));
        assert_eq!(rates.take(3, 50, began), Ok(()));
        let later = began + Duration::from_secs(50);
        assert_eq!(rates.take(99, 1, later), Ok(()), "places come free by themselves");
    }

    proptest! {
        #[test]
        fn no_more_than_burst_and_rate_ever_pass(
            steps in proptest::collection::vec((0_u64..400, 1_u32..20, 0_usize..3), 1..200),
            per_second in 1_u32..2_000,
            burst in 20_u32..200,
        ) {
            let began = Instant::now();
            let rates = Rates::new(rate(per_second, burst), 64, began);
            let mut now = began;
            let mut passed = [0_u64; 3];
            for (wait, beacons, key) in steps {
                now += Duration::from_millis(wait);
                // Spread as marks are.
                let mark = (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                if rates.take(mark, beacons as usize, now).is_ok() {
                    passed[key] += u64::from(beacons);
                }
                let interval = SECOND / u64::from(per_second);
                let elapsed = u64::try_from((now - began).as_nanos()).unwrap();
                let may = u64::from(burst) + elapsed / interval;
                prop_assert!(passed.iter().all(|passed| *passed <= may), "{passed:?} of {may}");
            }
        }
    }
}
