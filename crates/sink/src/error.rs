//! What stops the sink. Everything that comes and goes is waited for instead.

use candor_event::Purpose;
use candor_event::wire::WireError;
use candor_store::StoreError;
use candor_transport::{CommitError, ConsumeError};

/// Why the sink stopped.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The cursor could not be moved.
    #[error("cannot commit")]
    Commit(#[source] CommitError),
    /// The log cannot be read.
    #[error("cannot read the log")]
    Consume(#[source] ConsumeError),
    /// There are rows of this partition, but no cursor: it was lost, and starting over would store
    /// everything twice.
    #[error(
        "partition {partition} of the log {log} has rows in ClickHouse but no cursor. Set the cursor behind \
         the last row of candor.batches (with Kafka: kafka-consumer-groups --reset-offsets), or begin a new \
         log (a new directory for the journal, a new topic)"
    )]
    CursorLost {
        /// The log.
        log: String,
        /// The partition.
        partition: u32,
    },
    /// The cursor stands before what was stored: going on there would store it twice.
    #[error(
        "partition {partition} of the log {log} goes on at {cursor}, but ClickHouse has it up to {end}: its \
         cursor was set back. Going on would store everything again, and what was deleted since. Set the \
         cursor to {end} (with Kafka: kafka-consumer-groups --reset-offsets --to-offset {end}; a journal that \
         is an old copy: move its directory away)"
    )]
    CursorSetBack {
        /// The log.
        log: String,
        /// The partition.
        partition: u32,
        /// Where the cursor stands.
        cursor: u64,
        /// The offset behind what was stored.
        end: u64,
    },
    /// The cursor carries an intent that this version cannot read.
    #[error("the cursor carries an intent of another version: use the candor that wrote it")]
    IntentUnknown,
    /// The log ends before what was stored, or was being stored, when it was last read.
    #[error(
        "partition {partition} of the log {log} goes on at {next}, but everything up to {behind} was there \
         before: its end was lost. Move the log's directory away to begin a new one (with Kafka: a new topic)"
    )]
    LogCutOff {
        /// The log.
        log: String,
        /// The partition.
        partition: u32,
        /// The offset behind what was there.
        behind: u64,
        /// The next offset of the log.
        next: u64,
    },
    /// A rule that must hold whatever happens does not: nothing is stored on top of it.
    #[error("a defect of the sink: {0}. What is stored is as it was; please report it")]
    Defect(&'static str),
    /// A record of a later version.
    #[error("a record at offset {offset} needs a newer candor: nothing is skipped")]
    FromTheFuture {
        /// Where it is.
        offset: u64,
        /// What is not known.
        #[source]
        source: WireError,
    },
    /// A delivery of a partition that was never assigned: a defect of the transport.
    #[error("a delivery for a partition that is not assigned")]
    NotAssigned,
    /// More rows of a batch are refused than are set aside: it is the table that does not fit.
    #[error(
        "{purpose}_rows refuses more than {most} rows of one batch, the last with: {error}. Nothing is skipped: \
         look at the table's columns and constraints (candor migrate --dry-run)"
    )]
    Refused {
        /// The purpose.
        purpose: Purpose,
        /// How many would be set aside.
        most: usize,
        /// What ClickHouse says.
        #[source]
        error: StoreError,
    },
    /// ClickHouse refuses in a way that waiting does not mend.
    #[error("cannot store")]
    Store(#[source] StoreError),
}
