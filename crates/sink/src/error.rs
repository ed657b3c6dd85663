//! What stops the sink. Everything that comes and goes is waited for instead.

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
    /// There are rows of this log, but no cursor: it was lost, and starting over would store
    /// everything twice.
    #[error(
        "the log {log} has rows in ClickHouse but no cursor: restore the cursor, or move the log's \
         directory away to begin a new one"
    )]
    CursorLost {
        /// The log.
        log: String,
    },
    /// The cursor carries an intent that this version cannot read.
    #[error("the cursor carries an intent of another version: use the candor that wrote it")]
    IntentUnknown,
    /// The log ends before the range that was being stored when it was last read.
    #[error(
        "the log {log} goes on at {next}, but records up to {last} were being stored: its end was lost. \
         Move the log's directory away to begin a new one"
    )]
    LogCutOff {
        /// The log.
        log: String,
        /// The last offset of the range.
        last: u64,
        /// The next offset of the log.
        next: u64,
    },
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
    /// ClickHouse refuses in a way that waiting does not mend.
    #[error("cannot store")]
    Store(#[source] StoreError),
}
