//! Why a journal cannot be opened, and what the operator does next.

use std::io;
use std::path::PathBuf;

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Bounds that contradict each other.
    #[error("the journal's configuration cannot work: {0}")]
    Config(&'static str),
    /// The journal is of the other kind.
    #[error("the journal {} holds {holds}: use another directory", dir.display())]
    Contents {
        /// The directory of the journal.
        dir: PathBuf,
        /// What is in it.
        holds: &'static str,
    },
    /// The cursor is missing although the journal exists: reading on would be a guess.
    #[error(
        "the cursor {} is missing: restore it, or move the directory away to begin a new log",
        path.display()
    )]
    CursorMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A checksum of the id or the cursor does not fit.
    #[error(
        "{} is damaged: restore it, or move the directory away to begin a new log",
        path.display()
    )]
    Damaged {
        /// The damaged file.
        path: PathBuf,
    },
    /// A file that belongs to another log, or that was renamed.
    #[error(
        "{} does not belong to this journal: move it out of the directory",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The id is missing although there are segments: nobody could tell whose they are.
    #[error(
        "the id {} is missing: restore it, or move the directory away to begin a new log",
        path.display()
    )]
    IdMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("cannot {doing} {}: check that it exists and may be written", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Another process, or another part of this one, has the journal open.
    #[error(
        "the journal {} is open elsewhere: stop the other process, or use another directory",
        dir.display()
    )]
    Locked {
        /// The directory of the journal.
        dir: PathBuf,
    },
    /// No random bytes for the id of a new log.
    #[error("the system gave no random bytes for the id of the log")]
    Random,
    /// The writer could not be started.
    #[error("cannot start the journal's writer: raise the limit of threads")]
    Thread(#[source] io::Error),
    /// Written by a later version of the journal.
    #[error(
        "{} has format version {version}, which this program does not know: use a newer one",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

// === impl JournalError ===

impl JournalError {
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
