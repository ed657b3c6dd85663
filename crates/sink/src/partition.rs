//! One partition and its protocol: intent, insert, commit; after any doubt, read back.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use candor_event::Timestamp;
use candor_store::{Batch, InsertDeadline, Store, StoreError};
use candor_transport::{CommitError, Consumer, Cursor, Damage};
use tokio::time::Instant;

use crate::batch::Open;
use crate::config::Config;
use crate::error::SinkError;
use crate::intent::Intent;
use crate::metrics;

/// A partition that is ours.
#[derive(Debug)]
pub(crate) struct Partition {
    log: String,
    number: u32,
    /// The next offset that has not been committed.
    next: u64,
    open: Option<Open>,
    /// What the owner before us left to be settled, and until when it may still be at work.
    in_doubt: Option<Intent>,
    wait_until: Option<Instant>,
}

/// The first offset that a partition still has, and the next one that it will use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogEnds {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// The first wait after a failed insert, and the longest.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

impl Partition {
    /// Takes a partition over: reads where its owner before us stood.
    pub(crate) async fn assigned<C: Consumer>(
        consumer: &mut C,
        store: &Store,
        number: u32,
        committed: Option<Cursor>,
        ends: LogEnds,
        previous_owner_may_live: bool,
    ) -> Result<Self, SinkError> {
        let log = consumer.log_id().to_string();
        let cursor = match committed {
            Some(cursor) => cursor,
            None => first_start(consumer, store, &log, number, ends.low).await?,
        };
        let in_doubt = Intent::decode(&cursor.metadata)?;
        if let Some(intent) = in_doubt {
            if intent.end >= ends.high {
                // The numbers will be used again: rows of the old range would pass for the new one's.
                return Err(SinkError::LogCutOff { log, last: intent.end, next: ends.high });
            }
            tracing::info!(number, first = cursor.offset, last = intent.end, "settling a doubt");
        }
        let wait_until = in_doubt
            .filter(|_| previous_owner_may_live)
            .map(|intent| Instant::now() + Duration::from_secs(intent.deadline_s));
        Ok(Self { log, number, next: cursor.offset, open: None, in_doubt, wait_until })
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Adds a record.
    pub(crate) fn push(
        &mut self,
        offset: u64,
        record: &Bytes,
        now: Timestamp,
    ) -> Result<(), SinkError> {
        self.open(now).push(offset, record)
    }

    /// Accounts for offsets that cannot be read.
    pub(crate) fn damaged(&mut self, first: u64, last: u64, damage: Damage, now: Timestamp) {
        self.open(now).damaged(first, last, damage);
    }

    fn open(&mut self, now: Timestamp) -> &mut Open {
        let (log, number, next) = (&self.log, self.number, self.next);
        self.open.get_or_insert_with(|| Open::begin(log.clone(), number, next, now))
    }

    /// Whether what is collected must be stored before this offset is added.
    pub(crate) fn must_settle_before(&self, offset: u64) -> bool {
        self.open.is_some() && self.in_doubt.is_some_and(|intent| offset > intent.end)
    }

    /// Whether what is collected should be stored now. A range in doubt is complete at its end, not
    /// before, whatever its size.
    pub(crate) fn is_full(&self, config: &Config) -> bool {
        let Some(open) = &self.open else {
            return false;
        };
        match self.in_doubt {
            Some(intent) => open.last() >= intent.end,
            None => open.is_full(config),
        }
    }

    /// Whether what is collected is a range in doubt of which the end is still to be read.
    pub(crate) fn is_incomplete(&self) -> bool {
        let last = self.open.as_ref().map(Open::last);
        self.in_doubt.is_some_and(|intent| last.is_none_or(|last| last < intent.end))
    }

    /// When what is collected should be stored at the latest.
    pub(crate) fn due_at(&self, config: &Config) -> Option<Instant> {
        let open = self.open.as_ref().filter(|_| self.in_doubt.is_none())?;
        Some(open.due_at(config))
    }

    /// Stores what is collected, and does not return before it is stored and committed.
    pub(crate) async fn store<C: Consumer>(
        &mut self,
        consumer: &mut C,
        store: &Store,
        config: &Config,
    ) -> Result<(), SinkError> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let began = Instant::now();
        let mut batch = open.close();
        let mut repair = 0;
        if let Some(intent) = self.in_doubt.take() {
            if let Some(wait_until) = self.wait_until.take() {
                tokio::time::sleep_until(wait_until).await;
            }
            batch.range.last = intent.end;
            repair = intent.repair + 1;
        }
        let mut backoff = BACKOFF_MIN;
        loop {
            self.intend(consumer, &batch, repair, config).await?;
            let tried_at = Instant::now();
            match insert(store, &batch, repair, config).await {
                Ok(()) => break,
                Err(error) if error.is_transient() => {
                    metrics::insert_failed();
                    tracing::warn!(%error, repair, "storing failed, trying again");
                    if !error.is_over() {
                        tokio::time::sleep_until(tried_at + config.insert_deadline()).await;
                    }
                }
                Err(error) => return Err(SinkError::Store(error)),
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
            repair += 1;
        }
        self.confirm(consumer, &batch).await?;
        metrics::batch_stored(batch.events.len(), began.elapsed());
        Ok(())
    }

    async fn intend<C: Consumer>(
        &self,
        consumer: &mut C,
        batch: &Batch,
        repair: u32,
        config: &Config,
    ) -> Result<(), SinkError> {
        let intent = Intent::new(batch.range.last, repair, config.insert_deadline_s.get());
        let cursor = Cursor { offset: batch.range.first, metadata: intent.encode() };
        commit(consumer, self.number, cursor).await
    }

    async fn confirm<C: Consumer>(
        &mut self,
        consumer: &mut C,
        batch: &Batch,
    ) -> Result<(), SinkError> {
        self.next = batch.range.last + 1;
        let cursor = Cursor { offset: self.next, metadata: String::new() };
        commit(consumer, self.number, cursor).await
    }
}

/// Moves the cursor, however long the disk or the broker refuses: too many open files, a full disk and
/// the like pass by.
async fn commit<C: Consumer>(
    consumer: &mut C,
    number: u32,
    cursor: Cursor,
) -> Result<(), SinkError> {
    let mut backoff = BACKOFF_MIN;
    loop {
        match consumer.commit(number, cursor.clone()).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Io(error)) => {
                tracing::warn!(%error, "cannot store the cursor, trying again");
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
            Err(error) => return Err(SinkError::Commit(error)),
        }
    }
}

/// A partition without a cursor: begin at its beginning, unless rows say that somebody did already.
async fn first_start<C: Consumer>(
    consumer: &mut C,
    store: &Store,
    log: &str,
    number: u32,
    low: u64,
) -> Result<Cursor, SinkError> {
    let mut backoff = BACKOFF_MIN;
    let is_known = loop {
        match store.ledger_knows(log, number).await {
            Ok(is_known) => break is_known,
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "cannot ask the ledger, trying again");
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
            Err(error) => return Err(SinkError::Store(error)),
        }
    };
    if is_known {
        return Err(SinkError::CursorLost { log: log.to_owned() });
    }
    let cursor = Cursor { offset: low, metadata: String::new() };
    commit(consumer, number, cursor.clone()).await?;
    Ok(cursor)
}

/// One try. A repair reads back first, and inserts what is missing. The ledger's row comes last: when it
/// is there, so is everything else.
async fn insert(
    store: &Store,
    batch: &Batch,
    repair: u32,
    config: &Config,
) -> Result<(), StoreError> {
    let deadline = InsertDeadline(config.insert_deadline());
    let is_repair = repair > 0;
    if is_repair {
        metrics::repair_begun();
        if store.ledger_has(&batch.range).await? {
            return Ok(());
        }
    }
    for purpose in batch.purposes() {
        let present = if is_repair {
            store.stored_positions(&purpose, &batch.range).await?
        } else {
            HashSet::new()
        };
        let rows = store.insert_rows(batch, &purpose, &present, repair, deadline).await?;
        metrics::rows_inserted(rows);
    }
    if !batch.quarantined.is_empty() {
        let present = if is_repair {
            store.quarantined_positions(&batch.range).await?
        } else {
            HashSet::new()
        };
        store.insert_quarantined(batch, &present, repair, deadline).await?;
    }
    store.insert_ledger(batch, repair, deadline).await
}
