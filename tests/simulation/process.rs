//! A sink's process: the machine, and what a driver does for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use candor_event::Timestamp;
use candor_sink::Config;
use candor_sink::machine::{Job, Machine, Moment};
use candor_transport::Delivery;

use crate::log::EPOCH;

pub const BATCH_BYTES: u64 = 600;
pub const DEADLINE_MS: u64 = 30_000;

#[derive(Debug)]
pub struct Process {
    /// Which of its lives it is.
    pub life: u64,
    /// None while it is dead.
    pub machine: Option<Machine>,
    began: u64,
    /// For how long its clock stood still, since it began.
    pub stood_still: u64,
    /// What is added to the wall clock, seconds.
    pub clock: i64,
    pub frozen_until: u64,
    /// What the group says, in order.
    pub news: VecDeque<Delivery>,
    pub tenures: BTreeMap<u32, Tenure>,
    pub broken_off: BTreeSet<Job>,
    /// When it is woken.
    pub wakes_at: Option<u64>,
}

/// A partition that the group gave to it.
#[derive(Clone, Copy, Debug)]
pub struct Tenure {
    pub epoch: u64,
    pub generation: u8,
    /// The next offset to be read.
    pub next: u64,
    pub is_paused: bool,
    pub is_revoked: bool,
}

pub fn config() -> Config {
    Config {
        batch_events: NonZeroU32::new(6).unwrap(),
        batch_bytes: NonZeroU64::new(BATCH_BYTES).unwrap(),
        batch_age_ms: NonZeroU64::new(1_000),
        insert_deadline_s: NonZeroU64::new(DEADLINE_MS / 1_000).unwrap(),
    }
}

impl Process {
    pub fn dead(life: u64) -> Self {
        Self {
            life,
            machine: None,
            began: 0,
            stood_still: 0,
            clock: 0,
            frozen_until: 0,
            news: VecDeque::new(),
            tenures: BTreeMap::new(),
            broken_off: BTreeSet::new(),
            wakes_at: None,
        }
    }

    pub fn start(&mut self, now: u64) {
        let (life, clock) = (self.life + 1, self.clock);
        let machine = Some(Machine::new(config()));
        *self = Self { machine, began: now, clock, ..Self::dead(life) };
    }

    pub fn moment(&self, now: u64, jitter: u16) -> Moment {
        let seconds = i64::try_from(now / 1_000).unwrap_or_default();
        Moment {
            elapsed: Duration::from_millis(self.elapsed(now)),
            now: Timestamp::from_unix(EPOCH + seconds + self.clock),
            jitter,
        }
    }

    /// By its own clock.
    pub fn elapsed(&self, now: u64) -> u64 {
        now.saturating_sub(self.began + self.stood_still)
    }

    /// By a clock that somebody sets, as no deadline may be counted.
    pub fn elapsed_by_wall_clock(&self, now: u64) -> Duration {
        let elapsed = Duration::from_millis(self.elapsed(now));
        let jumped = Duration::from_secs(self.clock.unsigned_abs());
        if self.clock < 0 { elapsed.saturating_sub(jumped) } else { elapsed + jumped }
    }

    /// When its own clock shows this.
    pub fn when(&self, elapsed: Duration) -> u64 {
        let elapsed = u64::try_from(elapsed.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        elapsed.saturating_add(self.began + self.stood_still)
    }
}
