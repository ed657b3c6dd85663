//! What the machine is told.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use candor_event::Timestamp;
use candor_store::{Position, Recent, StoreError};
use candor_transport::{CommitError, Delivery};

use super::action::Job;

/// When an input came. Neither time is asked for by the machine.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Since the sink was started, by a clock that never goes back. All deadlines are counted so.
    pub elapsed: Duration,
    /// By the wall clock: when rows are stored.
    pub now: Timestamp,
    /// Chance: another number each time. Sinks that failed together do not try again together.
    pub jitter: u16,
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// The log delivered something.
    Delivered(Delivery),
    /// A task came to its end. An answer to a job that the machine does not wait for is ignored.
    Answered(Job, Answer),
    /// Time passed: the moment of [`Machine::wake_at`](super::Machine::wake_at) is there.
    Tick,
    /// Nothing more is delivered; what was read is stored.
    Stop,
}

/// How a task ended.
#[derive(Debug)]
pub enum Answer {
    /// The cursor was moved, or not.
    Committed(Result<(), CommitError>),
    /// The insert was answered, or is not known to have been.
    Inserted(Result<(), StoreError>),
    /// What of a batch is in one of its tables.
    Present(Result<HashSet<Position>, StoreError>),
    /// The offset behind the last range that the ledger has of the partition; none when it has none.
    Known(Result<Option<u64>, StoreError>),
    /// The last sequences of spills.
    Marks(Result<BTreeMap<String, u64>, StoreError>),
    /// The ids of events that have rows.
    Ids(Result<Recent, StoreError>),
    /// The task was broken off, as it was asked for.
    BrokenOff,
}
