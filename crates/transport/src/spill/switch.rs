//! Where events go: to Kafka, or to the spill. Moments in, decisions out; no I/O and no clock.
//!
//! It leaves Kafka at the first sign of trouble, for a request that waits is worse than a record that takes
//! a detour. It comes back only after proof: a broker answered, the spill (if anything is in it) gave a batch
//! away, and no trouble was seen for a while. The while doubles each time that the peace before was short, so
//! that brokers that come and go do not make it flap.

use std::time::{Duration, Instant};

use crate::kafka::Pulse;

/// The switch.
#[derive(Debug)]
pub(super) struct Switch {
    state: State,
    /// An acknowledgement that takes longer is trouble.
    after: Duration,
    /// Without trouble for so long, it comes back.
    calm: Duration,
    /// When trouble was last seen.
    trouble_at: Instant,
    came_back_at: Option<Instant>,
    acknowledged: u64,
    failed: u64,
    /// Failures since the last acknowledgement.
    failures: u64,
}

/// Where events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Live,
    Spilling,
}

/// Why they go to the spill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// No broker is connected.
    Down,
    /// Records are refused, one after the other.
    Failures,
    /// The producer's queue is full.
    Queue,
    /// Acknowledgements take too long.
    Slow,
    /// No broker has told of the topic.
    Topic,
}

/// What is known at a moment, beside the producer's pulse.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    /// When the last question was asked that a broker answered.
    pub(super) asked_at: Option<Instant>,
    /// When the last batch was given away; none when there is nothing in the spill.
    pub(super) drained: Drained,
}

/// Whether the spill shows that Kafka takes records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Drained {
    /// There is nothing in it that could.
    #[default]
    Empty,
    /// Records lie in it; when the last one was acknowledged.
    At(Option<Instant>),
}

// === impl Reason ===

impl Reason {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Failures => "failures",
            Self::Queue => "queue",
            Self::Slow => "slow",
            Self::Topic => "topic",
        }
    }
}

// === impl Switch ===

impl Switch {
    /// Until a broker has answered, events go to the spill.
    pub(super) const fn new(after: Duration, now: Instant) -> Self {
        Self {
            state: State::Spilling,
            after,
            calm: Duration::ZERO, // nothing was wrong yet
            trouble_at: now,
            came_back_at: None,
            acknowledged: 0,
            failed: 0,
            failures: 0,
        }
    }

    pub(super) const fn state(&self) -> State {
        self.state
    }

    /// Whether the spill may be drained: nothing is wrong, and a broker has answered since something was.
    pub(super) fn may_drain(&self, proof: Proof) -> bool {
        self.state == State::Live || proof.asked_at.is_some_and(|at| at > self.trouble_at)
    }

    /// Events were refused. Whether this made it change.
    pub(super) fn refused(&mut self, now: Instant) -> bool {
        self.trouble(now)
    }

    /// Looks at how the brokers are doing; gives back why, when it went to the spill.
    pub(super) fn observe(&mut self, now: Instant, pulse: &Pulse, proof: Proof) -> Option<Reason> {
        let failed_anew = pulse.failed > self.failed;
        if pulse.acknowledged > self.acknowledged {
            self.failures = 0;
        }
        self.failures += pulse.failed.saturating_sub(self.failed);
        (self.acknowledged, self.failed) = (pulse.acknowledged, pulse.failed);
        if let Some(reason) = self.reason(now, pulse, failed_anew) {
            return self.trouble(now).then_some(reason);
        }
        if self.state == State::Spilling && self.is_proven(now, proof) {
            self.state = State::Live;
            self.came_back_at = Some(now);
        }
        None
    }

    fn reason(&self, now: Instant, pulse: &Pulse, failed_anew: bool) -> Option<Reason> {
        let is_slow = |since: Instant| now.saturating_duration_since(since) > self.after;
        let spilling = self.state == State::Spilling;
        if pulse.topic.is_none() {
            Some(Reason::Topic)
        } else if pulse.is_down {
            Some(Reason::Down)
        } else if pulse.waiting_since.is_some_and(is_slow) {
            Some(Reason::Slow)
        } else if self.failures >= FAILURES_MAX || (spilling && failed_anew) {
            Some(Reason::Failures)
        } else if spilling && pulse.is_crowded {
            Some(Reason::Queue)
        } else {
            None
        }
    }

    fn trouble(&mut self, now: Instant) -> bool {
        self.trouble_at = now;
        self.failures = 0;
        if self.state == State::Spilling {
            return false;
        }
        let peace = self.came_back_at.map(|at| now.saturating_duration_since(at));
        self.calm = match peace {
            Some(peace) if peace < PEACE => (self.calm * 2).clamp(CALM_MIN, CALM_MAX),
            _ => CALM_MIN,
        };
        self.state = State::Spilling;
        true
    }

    fn is_proven(&self, now: Instant, proof: Proof) -> bool {
        let since = |at: Option<Instant>| at.is_some_and(|at| at > self.trouble_at);
        let drains = match proof.drained {
            Drained::Empty => true,
            Drained::At(at) => since(at),
        };
        drains
            && since(proof.asked_at)
            && now.saturating_duration_since(self.trouble_at) >= self.calm
    }
}

/// So many records in a row that will never be acknowledged are trouble.
const FAILURES_MAX: u64 = 3;
/// Without trouble for so long, events go to Kafka again.
const CALM_MIN: Duration = Duration::from_secs(1);
const CALM_MAX: Duration = Duration::from_secs(32);
/// A shorter peace doubles the next calm.
const PEACE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::LogId;

    const AFTER: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_millis(100);

    /// A switch, its clock, and brokers that it is told of.
    struct Fixture {
        switch: Switch,
        now: Instant,
        pulse: Pulse,
        drained: Drained,
    }

    impl Fixture {
        fn live() -> Self {
            let now = Instant::now();
            let topic = Some((LogId::from_bytes([1; 16]), 6));
            let pulse = Pulse { topic, ..Pulse::default() };
            let mut fixture =
                Self { switch: Switch::new(AFTER, now), now, pulse, drained: Drained::Empty };
            assert_eq!(fixture.tick(true), None);
            assert_eq!(fixture.switch.state(), State::Live, "at once, when a broker answers");
            fixture
        }

        fn tick(&mut self, answers: bool) -> Option<Reason> {
            self.now += TICK;
            let proof = Proof { asked_at: answers.then_some(self.now), drained: self.drained };
            self.switch.observe(self.now, &self.pulse, proof)
        }

        /// How many ticks it takes to come back.
        fn comes_back(&mut self) -> u32 {
            let mut ticks = 0;
            while self.switch.state() == State::Spilling {
                ticks += 1;
                assert!(ticks < 1_000, "it never comes back");
                assert_eq!(self.tick(true), None);
            }
            ticks
        }
    }

    #[test]
    fn every_sign_of_trouble_makes_it_spill_and_is_named() {
        for reason in [Reason::Topic, Reason::Down, Reason::Slow, Reason::Failures] {
            let mut fixture = Fixture::live();
            let sound = fixture.pulse;
            match reason {
                Reason::Topic => fixture.pulse.topic = None,
                Reason::Down => fixture.pulse.is_down = true,
                Reason::Slow => fixture.pulse.waiting_since = fixture.now.checked_sub(AFTER),
                Reason::Failures => fixture.pulse.failed += 3,
                Reason::Queue => unreachable!("it is no sign"),
            }
            assert_eq!(fixture.tick(true), Some(reason));
            assert_eq!(fixture.tick(true), None, "told once");
            assert_eq!(fixture.switch.state(), State::Spilling);
            let failed = fixture.pulse.failed;
            fixture.pulse = Pulse { failed, ..sound };
            assert!((9..=11).contains(&fixture.comes_back()), "{reason:?}");
        }
    }

    #[test]
    fn failures_between_acknowledgements_are_none() {
        let mut fixture = Fixture::live();
        for _ in 0..10 {
            fixture.pulse.failed += 2;
            assert_eq!(fixture.tick(true), None);
            fixture.pulse.acknowledged += 1;
            assert_eq!(fixture.tick(true), None);
        }
        fixture.pulse.waiting_since = Some(fixture.now);
        assert_eq!(fixture.tick(true), None, "it has just been sent");
    }

    #[test]
    fn it_comes_back_only_after_proof() {
        let mut fixture = Fixture::live();
        assert!(fixture.switch.refused(fixture.now));
        assert!(!fixture.switch.refused(fixture.now), "it did already");
        for _ in 0..100 {
            fixture.tick(false);
        }
        assert_eq!(fixture.switch.state(), State::Spilling, "no broker has answered");
        fixture.drained = Drained::At(None);
        for _ in 0..100 {
            fixture.tick(true);
        }
        assert_eq!(fixture.switch.state(), State::Spilling, "nothing was taken");
        fixture.drained = Drained::At(Some(fixture.now));
        assert_eq!(fixture.comes_back(), 1);
    }

    #[test]
    fn a_crowded_queue_keeps_it_spilling_but_does_not_begin_it() {
        let mut fixture = Fixture::live();
        fixture.pulse.is_crowded = true;
        assert_eq!(fixture.tick(true), None);
        assert_eq!(fixture.switch.state(), State::Live);
        fixture.switch.refused(fixture.now);
        for _ in 0..100 {
            fixture.tick(true);
        }
        assert_eq!(fixture.switch.state(), State::Spilling);
        fixture.pulse.is_crowded = false;
        fixture.comes_back();
    }

    #[test]
    fn who_comes_and_goes_is_trusted_later_each_time() {
        let mut fixture = Fixture::live();
        fixture.now += PEACE;
        let mut waits = Vec::new();
        for _ in 0..8 {
            fixture.switch.refused(fixture.now);
            waits.push(fixture.comes_back());
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 320, 320]);
        fixture.now += PEACE;
        fixture.switch.refused(fixture.now);
        assert_eq!(fixture.comes_back(), 10, "after a long peace all is forgotten");
    }

    #[test]
    fn draining_waits_for_an_answer_after_the_trouble() {
        let mut fixture = Fixture::live();
        let before = Proof { asked_at: Some(fixture.now), ..Proof::default() };
        assert!(fixture.switch.may_drain(before));
        fixture.switch.refused(fixture.now);
        assert!(!fixture.switch.may_drain(before));
        let after = Proof { asked_at: Some(fixture.now + TICK), ..Proof::default() };
        assert!(fixture.switch.may_drain(after));
    }

    proptest! {
        /// Whatever the brokers do: it changes at most as often as the calm allows.
        #[test]
        fn it_does_not_flap(signs in proptest::collection::vec(any::<bool>(), 0..2_000)) {
            let mut fixture = Fixture::live();
            let (begun, mut changes) = (fixture.now, 0);
            for is_down in signs {
                fixture.pulse.is_down = is_down;
                changes += u32::from(fixture.tick(true).is_some());
            }
            // 1 s, then 2, 4, 8 … 32 s of calm between two changes, unless a minute was quiet.
            let seconds = fixture.now.duration_since(begun).as_secs();
            let most = 2 + seconds.checked_ilog2().map_or(0, |log| log + 1);
            prop_assert!(changes <= most + u32::try_from(seconds / 32).unwrap(), "{}", changes);
        }
    }
}
