//! A part of a batch into its table, and what to do when it may be there already.
//!
//! Every owner of a partition inserts under the same token first. Of two such inserts at the same time
//! ClickHouse keeps one, and one that comes late, from a process that was stopped for an hour, is
//! dropped: a doubt does not have to wait until the owner before us is surely gone. Only when the token
//! is known and rows are still missing (the engine remembers a token before its rows are in place) are
//! they inserted under another one, and for that it is waited.

use std::collections::HashSet;

use candor_event::Purpose;
use candor_store::{Batch, Cause, InsertDeadline, Position, Store, StoreError};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::writer::Doubt;

/// Where a part of a batch goes.
#[derive(Debug)]
pub(crate) enum Target {
    Rows(Purpose),
    Quarantine,
    Ledger,
}

/// One part of a batch on its way, until a deadline.
#[derive(Debug)]
pub(crate) struct Put<'a> {
    pub(crate) store: &'a Store,
    pub(crate) batch: &'a Batch,
    pub(crate) target: Target,
    pub(crate) deadline: Instant,
}

// === impl Target ===

impl Target {
    /// The parts of a batch. The ledger comes last: when its row is there, so is everything else.
    pub(crate) fn of(batch: &Batch) -> Vec<Self> {
        let mut targets: Vec<_> = batch.purposes().into_iter().map(Self::Rows).collect();
        if !batch.quarantined.is_empty() {
            targets.push(Self::Quarantine);
        }
        targets.push(Self::Ledger);
        targets
    }
}

// === impl Put ===

impl Put<'_> {
    /// Inserts what is not present, under the token of this try.
    pub(crate) async fn send(
        &self,
        present: &HashSet<Position>,
        repair: u32,
    ) -> Result<(), StoreError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            // Whoever woke up late writes a new intent first, and hears whether it still owns the range.
            return Err(StoreError::Read(Cause::TimedOut));
        }
        let (store, batch, deadline) = (self.store, self.batch, InsertDeadline(left));
        match &self.target {
            Target::Rows(purpose) => {
                store.insert_rows(batch, purpose, present, repair, deadline).await
            }
            Target::Quarantine => store.insert_quarantined(batch, present, repair, deadline).await,
            Target::Ledger => store.insert_ledger(batch, repair, deadline).await,
        }
    }

    /// Inserts what is missing, under the token of the first try, and what is missing then under one of
    /// its own.
    pub(crate) async fn repair(&self, doubt: Doubt) -> Result<(), StoreError> {
        let present = self.present().await?;
        if self.is_complete(&present) {
            return Ok(());
        }
        self.send(&present, 0).await?;
        let mut present = self.present().await?;
        if let Some(until) = doubt.until
            && !self.is_complete(&present)
        {
            sleep_until(until).await;
            present = self.present().await?;
        }
        if self.is_complete(&present) {
            return Ok(());
        }
        self.send(&present, doubt.repair).await
    }

    /// What of it is in its table. The row of the ledger counts as the range's first position.
    async fn present(&self) -> Result<HashSet<Position>, StoreError> {
        let range = &self.batch.range;
        let read = async {
            match &self.target {
                Target::Rows(purpose) => self.store.stored_positions(purpose, range).await,
                Target::Quarantine => self.store.quarantined_positions(range).await,
                Target::Ledger => {
                    let is_there = self.store.ledger_has(range).await?;
                    Ok(is_there.then_some(ledger_position(self.batch)).into_iter().collect())
                }
            }
        };
        in_time(self.deadline, read).await
    }

    fn is_complete(&self, present: &HashSet<Position>) -> bool {
        let batch = self.batch;
        match &self.target {
            Target::Rows(purpose) => {
                let mut wanted = batch.events.iter().filter(|(_, event)| {
                    event.grants.iter().any(|grant| grant.purpose == purpose.as_str())
                });
                wanted.all(|(position, _)| present.contains(position))
            }
            Target::Quarantine => {
                let mut wanted = batch.quarantined.iter();
                wanted.all(|it| present.contains(&Position { offset: it.offset, index: 0 }))
            }
            Target::Ledger => present.contains(&ledger_position(batch)),
        }
    }
}

fn ledger_position(batch: &Batch) -> Position {
    Position { offset: batch.range.first, index: 0 }
}

/// Bounds a read.
pub(crate) async fn in_time<T>(
    deadline: Instant,
    read: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout_at(deadline, read).await.unwrap_or(Err(StoreError::Read(Cause::TimedOut)))
}
