//! Moves the cursor.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use super::PARTITION;
use super::cursor::CursorFile;
use super::shared::Shared;
use crate::{CommitError, Committer, Cursor};

/// Moves the cursor of a journal. Clones share it.
#[derive(Clone, Debug)]
pub struct JournalCommitter {
    place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    /// No commit may go above this.
    delivered: AtomicU64,
    commit: Mutex<Commit>,
}

#[derive(Debug)]
struct Commit {
    cursor_file: Arc<CursorFile>,
    shared: Arc<Shared>,
    /// No commit may go below this.
    committed: u64,
    /// The commit that is being made. It outlives its future: two must not overtake each other.
    under_way: Option<JoinHandle<(u64, io::Result<()>)>>,
}

// === impl JournalCommitter ===

impl JournalCommitter {
    pub(super) fn new(cursor_file: CursorFile, start: u64, shared: Arc<Shared>) -> Self {
        let commit = Commit {
            cursor_file: Arc::new(cursor_file),
            shared,
            committed: start,
            under_way: None,
        };
        let place = Place { delivered: AtomicU64::new(start), commit: Mutex::new(commit) };
        Self { place: Arc::new(place) }
    }

    /// Everything below `offset` was handed over.
    pub(super) fn delivered(&self, offset: u64) {
        self.place.delivered.store(offset, Ordering::Release);
    }
}

impl Committer for JournalCommitter {
    async fn commit(&self, partition: u32, cursor: Cursor) -> Result<(), CommitError> {
        if partition != PARTITION {
            return Err(CommitError::Fenced);
        }
        if cursor.metadata.len() > Cursor::METADATA_BYTES_MAX {
            return Err(CommitError::MetadataTooLong);
        }
        let mut commit = self.place.commit.lock().await;
        commit.settle().await.map_err(CommitError::Io)?;
        let delivered = self.place.delivered.load(Ordering::Acquire);
        if !(commit.committed..=delivered).contains(&cursor.offset) {
            return Err(CommitError::OutOfOrder);
        }
        let file = Arc::clone(&commit.cursor_file);
        let write = spawn_blocking(move || (cursor.offset, file.write(Some(&cursor))));
        commit.under_way = Some(write);
        commit.settle().await.map_err(CommitError::Io)
    }
}

// === impl Commit ===

impl Commit {
    /// Waits for the commit that is being made, if one is.
    async fn settle(&mut self) -> io::Result<()> {
        let Some(task) = self.under_way.as_mut() else {
            return Ok(());
        };
        let done = task.await;
        self.under_way = None;
        let (offset, written) = done.map_err(io::Error::other)?;
        written?;
        self.committed = offset;
        self.shared.queue.commit(offset);
        Ok(())
    }
}
