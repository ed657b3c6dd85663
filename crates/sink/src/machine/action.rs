//! What the machine asks for.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use candor_store::{Attempt, Batch, Since, StoreError};
use candor_transport::{CommitError, Cursor};

use super::target::Target;

/// A task that is under way, of which one partition has at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Job {
    /// Whose it is.
    pub partition: u32,
    /// No two jobs of a machine have the same.
    pub number: u64,
}

/// Something that is to be done, in the order in which it is asked for.
#[derive(Debug)]
pub enum Action {
    /// Begin a task; its end is told as [`Input::Answered`](super::Input::Answered).
    Begin(Job, Task),
    /// Break a task off; its end is told all the same.
    BreakOff(Job),
    /// Deliver nothing of this partition until it is resumed.
    Pause(u32),
    /// Deliver it again.
    Resume(u32),
    /// Nothing is done about this partition any more: give it away.
    Release(u32),
    /// Tell people and metrics.
    Report(Report),
}

/// What takes time, and can fail.
#[derive(Clone, Debug)]
pub enum Task {
    /// Make a cursor durable.
    Commit(Cursor),
    /// Insert a part of a batch.
    Insert(Insert),
    /// Ask which of a batch's positions are in a table.
    ReadBack {
        /// The batch.
        batch: Arc<Batch>,
        /// The table.
        target: Target,
        /// When the answer is not waited for any more.
        deadline: Duration,
    },
    /// Ask what the ledger has of spills before an offset of the partition.
    AskMarks {
        /// The log.
        log: String,
        /// The first offset that does not count.
        before: u64,
        /// The spills.
        spills: Vec<String>,
        /// When the answer is not waited for any more.
        deadline: Duration,
    },
    /// Ask which events the tables have before an offset of the partition.
    AskIds {
        /// The log.
        log: String,
        /// The first offset that does not count.
        before: u64,
        /// Where to begin.
        since: Since,
        /// When the answer is not waited for any more.
        deadline: Duration,
    },
    /// Ask how far the ledger has the partition.
    AskLedger {
        /// The log.
        log: String,
        /// When the answer is not waited for any more.
        deadline: Duration,
    },
}

/// A part of a batch on its way into a table.
#[derive(Clone, Debug)]
pub struct Insert {
    /// The batch.
    pub batch: Arc<Batch>,
    /// The table.
    pub target: Target,
    /// What is there already and is left out.
    pub present: Arc<HashSet<candor_store::Position>>,
    /// Which of the range's inserts into the table it is, and so its token.
    pub attempt: Attempt,
    /// Nobody goes on with it afterwards. It is not sent after it.
    pub deadline: Duration,
}

/// What people or metrics should know.
#[derive(Debug)]
pub enum Report {
    /// How many partitions are ours.
    Partitions(usize),
    /// How many partitions have had nothing but failures for a minute; told when it changes.
    Stalled(usize),
    /// A range that the owner before us left is settled.
    Settling {
        /// The partition.
        partition: u32,
        /// The range's first offset.
        first: u64,
        /// Its last.
        last: u64,
    },
    /// A record or a row is set aside; why.
    Quarantined(&'static str),
    /// The log deleted these offsets before they were stored.
    Deleted {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// A range is read back.
    Repair,
    /// A try to store failed; there will be another.
    StoreFailed {
        /// Why.
        error: StoreError,
    },
    /// What was stored before cannot be asked for; it is tried again.
    AskFailed(StoreError),
    /// A cursor was not moved; it is tried again.
    CommitFailed(CommitError),
    /// Somebody else owns the partition.
    Fenced(u32),
    /// A batch is stored and committed.
    Stored {
        /// The batch.
        batch: Arc<Batch>,
        /// From the first intent to the commit.
        took: Duration,
    },
}
