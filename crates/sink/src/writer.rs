//! One range into ClickHouse: intent, insert, commit; after any doubt, read back.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use candor_store::{Batch, Store, StoreError};
use candor_transport::{CommitError, Committer, Cursor, LogId};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::error::SinkError;
use crate::intent::Intent;
use crate::metrics;
use crate::target::{Put, Target, in_time};

/// Batches of several partitions that are stored at the same time.
const AT_ONCE: usize = 4;

/// Stores batches and moves cursors. Clones share the permits.
#[derive(Clone, Debug)]
pub(crate) struct Writer<K> {
    committer: K,
    store: Store,
    insert_deadline: Duration,
    permits: Arc<Semaphore>,
}

/// How sure we are about what was done before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Doubt {
    /// The number of this try; 0 is the first, which nothing went before.
    pub(crate) repair: u32,
    /// Until when an insert that went before may still be under way.
    pub(crate) until: Option<Instant>,
}

impl<K: Committer> Writer<K> {
    pub(crate) fn new(committer: K, store: Store, insert_deadline: Duration) -> Self {
        Self { committer, store, insert_deadline, permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Stores a batch, and does not return before it is stored and committed.
    pub(crate) async fn store(self, batch: Batch, mut doubt: Doubt) -> Result<(), SinkError> {
        // The semaphore is never closed, so that an error cannot be; without a permit it goes on.
        let _permit = self.permits.acquire().await.ok();
        let began = Instant::now();
        let mut backoff = Backoff::new();
        loop {
            let deadline = self.intend(&batch, doubt.repair).await?;
            match self.insert(&batch, doubt, deadline).await {
                Ok(()) => break,
                Err(error) if error.is_transient() => {
                    metrics::insert_failed();
                    let repair = doubt.repair;
                    tracing::warn!(%error, repair, "storing failed, trying again");
                    if !error.is_over() {
                        doubt.until = doubt.until.max(Some(deadline));
                    }
                }
                Err(error) => return Err(SinkError::Store(error)),
            }
            backoff.pause().await;
            doubt.repair += 1;
        }
        let cursor = Cursor { offset: batch.range.last + 1, metadata: String::new() };
        self.commit(batch.range.partition, cursor).await?;
        metrics::batch_stored(&batch, began.elapsed());
        Ok(())
    }

    /// A partition without a cursor: begin at its beginning, unless rows say that somebody did already.
    pub(crate) async fn begin(self, log: LogId, number: u32, low: u64) -> Result<(), SinkError> {
        let log = log.to_string();
        let mut backoff = Backoff::new();
        let is_known = loop {
            let deadline = Instant::now() + self.insert_deadline;
            match in_time(deadline, self.store.ledger_knows(&log, number)).await {
                Ok(is_known) => break is_known,
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "cannot ask the ledger, trying again");
                    backoff.pause().await;
                }
                Err(error) => return Err(SinkError::Store(error)),
            }
        };
        if is_known {
            return Err(SinkError::CursorLost { log, partition: number });
        }
        self.commit(number, Cursor { offset: low, metadata: String::new() }).await
    }

    /// Writes the intent; gives back until when its inserts may be under way. That is counted from
    /// before the intent is written: whoever reads it counts from later.
    async fn intend(&self, batch: &Batch, repair: u32) -> Result<Instant, SinkError> {
        let deadline = Instant::now() + self.insert_deadline;
        let intent = Intent::new(batch.range.last, repair, self.insert_deadline.as_secs());
        let cursor = Cursor { offset: batch.range.first, metadata: intent.encode() };
        self.commit(batch.range.partition, cursor).await?;
        Ok(deadline)
    }

    /// Moves the cursor, however long the disk or the broker refuses: too many open files, a full disk
    /// and the like pass by.
    async fn commit(&self, number: u32, cursor: Cursor) -> Result<(), SinkError> {
        let mut backoff = Backoff::new();
        loop {
            match self.committer.commit(number, cursor.clone()).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Io(error)) => {
                    tracing::warn!(%error, "cannot store the cursor, trying again");
                    backoff.pause().await;
                }
                Err(error) => return Err(SinkError::Commit(error)),
            }
        }
    }

    /// One try.
    async fn insert(
        &self,
        batch: &Batch,
        doubt: Doubt,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let is_repair = doubt.repair > 0;
        if is_repair {
            metrics::repair_begun();
            if in_time(deadline, self.store.ledger_has(&batch.range)).await? {
                return Ok(());
            }
        }
        for target in Target::of(batch) {
            let put = Put { store: &self.store, batch, target, deadline };
            if is_repair {
                put.repair(doubt).await?;
            } else {
                put.send(&HashSet::new(), 0).await?;
            }
        }
        Ok(())
    }
}
