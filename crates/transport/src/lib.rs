//! The log between the collector and the sink: Kafka and the journal behind one pair of traits. A
//! record of the log is an encoded [`EventBatch`](candor_event::EventBatch); records have no key, and no
//! headers but those of the [spill] that they came by.
//!
//! *Durable* means: a crash of any process, at any later moment, loses nothing of it. For the journal
//! that is `fdatasync`; for Kafka `acks=all`. [`Producer::produce`] resolves only then.
//!
//! ```
//! use candor_event::EventId;
//! use candor_transport::journal::{Journal, JournalConfig};
//! use candor_transport::{Committer, Consumer, Cursor, Delivery, Outgoing, Producer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! let (producer, mut consumer) = Journal::open(dir.path(), JournalConfig::default())?;
//! let event = Outgoing {
//!     id: EventId::from_bytes([7; 16]),
//!     record: "an encoded event".into(),
//! };
//! producer.produce(vec![event]).await?; // now it survives a crash
//!
//! assert!(matches!(consumer.next().await?, Delivery::Assigned { .. }));
//! if let Delivery::Record { partition, offset, record, .. } = consumer.next().await? {
//!     assert_eq!(record, "an encoded event");
//!     let cursor = Cursor { offset: offset + 1, metadata: String::new() };
//!     consumer.committer().commit(partition, cursor).await?; // now it may be deleted
//! }
//! # Ok(())
//! # }
//! ```
#![deny(unsafe_code)]

pub mod journal;
pub mod kafka;
pub mod memory;
pub mod spill;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

use bytes::Bytes;
use candor_event::EventId;

/// Names one log for ever: 16 random bytes for a journal, the topic's id for Kafka. A log that is
/// deleted and made anew has another, although its offsets begin at 0 again.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogId([u8; 16]);

/// One encoded event on its way into the log.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Decides the partition, so that a client's retry meets its first try.
    pub id: EventId,
    /// The event, encoded as a batch of one ([`candor_event::wire::encode`]).
    pub record: Bytes,
}

/// Puts events into the log.
pub trait Producer: Send + Sync + 'static {
    /// Resolves when all of `events` are durable. They may share a record with others', and may lie
    /// in several partitions.
    ///
    /// Dropping the future does not take the events back.
    ///
    /// # Errors
    /// Some of `events` may have become durable, or may yet: the caller's retry is safe by event id.
    fn produce(
        &self,
        events: Vec<Outgoing>,
    ) -> impl Future<Output = Result<(), ProduceError>> + Send;
}

/// Why events are not known to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProduceError {
    /// The queue, the disk or the broker takes no more for now.
    #[error("the log takes no more for now")]
    Full,
    /// A record above the limit of the log.
    #[error("the record is larger than the log takes")]
    TooLarge,
    /// Writing failed, or the log is closed.
    #[error("the log cannot be written")]
    Unavailable,
}

/// Reads the log: in order within a partition, each of which is owned by one consumer at a time.
pub trait Consumer: Send + 'static {
    /// Its handle for committing.
    type Committer: Committer;

    /// A handle for committing, beside and independent of reading.
    fn committer(&self) -> Self::Committer;

    /// The next thing that happened. Cancel safe. Call it again and again, for whoever does not is taken
    /// for dead; what there is no room for is kept away by [`Self::pause`].
    ///
    /// # Errors
    /// The log cannot be read; trying again is right when [`ConsumeError::is_transient`].
    fn next(&mut self) -> impl Future<Output = Result<Delivery, ConsumeError>> + Send;

    /// Nothing of `partition` is delivered from now on but its [`Delivery::Revoked`], until
    /// [`Self::resume`].
    fn pause(&mut self, partition: u32);

    /// Ends a [`Self::pause`].
    fn resume(&mut self, partition: u32);

    /// Answers a [`Delivery::Revoked`]: nothing is done about `partition` here any more, and somebody else
    /// may begin.
    fn release(&mut self, partition: u32);
}

/// Moves the cursors of a consumer's partitions.
pub trait Committer: Clone + Send + Sync + 'static {
    /// Makes the cursor of `partition` durable: `offset` is the next one to be read after a restart,
    /// `metadata` is handed back with it. Everything below `offset` may be deleted from then on.
    ///
    /// Dropping the future does not take the commit back.
    ///
    /// # Errors
    /// [`CommitError::Fenced`]: somebody else owns the partition now; forget it.
    fn commit(
        &self,
        partition: u32,
        cursor: Cursor,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;
}

/// Where reading goes on, and a note to whoever goes on there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The next offset to be read.
    pub offset: u64,
    /// The sink's intent, opaque here; at most [`Cursor::METADATA_BYTES_MAX`] bytes.
    pub metadata: String,
}

/// Where whoever stores a log stands, as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The log.
    pub log: LogId,
    /// The cursor of each partition; none where nothing was ever committed.
    pub cursors: BTreeMap<u32, Option<Cursor>>,
}

/// What a consumer meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The partition is ours from now on; the records follow from the cursor's offset, or from
    /// `low` when nothing was ever committed.
    Assigned {
        /// The partition.
        partition: u32,
        /// The log that it belongs to: one and the same for all partitions, until the log is made anew.
        log: LogId,
        /// What was committed last, if anything was.
        committed: Option<Cursor>,
        /// The first offset that the log still has.
        low: u64,
        /// The next offset that the log will use.
        high: u64,
        /// Whether the owner before us may still be running.
        previous_owner_may_live: bool,
    },
    /// Offsets that hold nothing that can be read, both ends included.
    Damaged {
        /// The partition.
        partition: u32,
        /// The first.
        first: u64,
        /// The last.
        last: u64,
        /// Why.
        damage: Damage,
    },
    /// A record.
    Record {
        /// The partition.
        partition: u32,
        /// Its place in the partition. Offsets grow, and may have gaps.
        offset: u64,
        /// The encoded batch.
        record: Bytes,
        /// What it has of a spill that it came by, if it did.
        spill: Option<SpillMark>,
    },
    /// The partition is to be given away: bring to an end what is under way, then call
    /// [`Consumer::release`].
    Revoked {
        /// The partition.
        partition: u32,
        /// Whether it is somebody else's already, so that nothing can be committed any more.
        lost: bool,
    },
}

/// Whence a record came that lay in a spill while the log was away ([`spill`]).
///
/// Within one partition the records of one spill have growing sequences; of two with the same spill and
/// sequence the second is the first again, sent anew after a crash. So whoever has stored a sequence drops
/// those of the same spill and partition that are not above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpillMark {
    /// The spill: a journal, by the id that it has for ever.
    pub id: LogId,
    /// Its number in the spill. Numbers have gaps.
    pub sequence: u64,
}

/// Why offsets cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Damage {
    /// A checksum does not fit: bits have flipped.
    Corrupt,
    /// The log deleted them before they were read.
    Deleted,
    /// Numbers that were given up when an unfinished write was cut off; no record was lost.
    Torn,
}

/// Why the log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// The log is closed; nothing will follow.
    #[error("the log is closed")]
    Closed,
    /// Another consumer took this one's place; nothing will follow.
    #[error("another sink joined under the same instance name: give each its own `kafka.instance`")]
    Fenced,
    /// A record came by a spill, but how is said in a way that this version does not know.
    #[error(
        "the record {offset} of partition {partition} carries a mark of a spill that this version does \
         not know: use a newer candor"
    )]
    Mark {
        /// The partition.
        partition: u32,
        /// The record's offset.
        offset: u64,
    },
    /// The disk or the broker refused.
    #[error("cannot read the log")]
    Io(#[source] std::io::Error),
}

/// Why a cursor was not moved.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another consumer owns the partition.
    #[error("another consumer owns the partition")]
    Fenced,
    /// The cursor could not be made durable.
    #[error("cannot store the cursor")]
    Io(#[source] std::io::Error),
    /// The metadata is longer than a cursor can carry.
    #[error("the cursor's metadata is too long")]
    MetadataTooLong,
    /// The offset lies before the last commit, or behind what was delivered.
    #[error("the cursor may not move back, nor past what was read")]
    OutOfOrder,
}

// === impl LogId ===

impl LogId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

// === impl Cursor ===

impl Cursor {
    /// The most that a cursor carries; Kafka's brokers refuse 4,096 bytes by default.
    pub const METADATA_BYTES_MAX: usize = 1_024;
}

// === impl ConsumeError ===

impl ConsumeError {
    /// Whether trying again may help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Io(_))
    }
}
