//! Growing pauses.

use std::time::Duration;

use super::input::Moment;

/// The pauses between tries: each up to twice as long as the one before, up to a bound, and by chance up
/// to half of that shorter.
#[derive(Debug)]
pub(super) struct Backoff {
    longest: Duration,
    since: Option<Duration>,
}

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { longest: FIRST, since: None }
    }

    /// When to try again after a failure.
    pub(super) fn next(&mut self, at: Moment) -> Duration {
        self.since.get_or_insert(at.elapsed);
        let half = self.longest / 2;
        self.longest = (self.longest * 2).min(LONGEST);
        at.elapsed + half + half * u32::from(at.jitter) / u32::from(u16::MAX)
    }

    /// When the first of the failures was, if nothing but failures followed.
    pub(super) const fn since(&self) -> Option<Duration> {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use candor_event::Timestamp;

    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ_by_chance() {
        let at = |jitter| Moment { elapsed: Duration::ZERO, now: Timestamp::default(), jitter };
        let mut backoff = Backoff::new();
        assert_eq!(backoff.next(at(0)), FIRST / 2);
        assert_eq!(backoff.next(at(u16::MAX)), FIRST * 2);
        for _ in 0..20 {
            backoff.next(at(0));
        }
        assert_eq!(backoff.next(at(0)), LONGEST / 2);
        assert_eq!(backoff.next(at(u16::MAX)), LONGEST);
    }
}
