//! The log into ClickHouse: read a range, decode, insert, commit. Effectively once.
//!
//! A partition has one owner, which goes through these steps for one batch after the other:
//!
//! 1. collect records up to a number of rows, of bytes, or an age;
//! 2. write the *intent* into the cursor's metadata: this range is about to be inserted;
//! 3. insert one block per purpose, what is quarantined, and the range's row of the ledger;
//! 4. commit the cursor past the range.
//!
//! Whoever finds an intent, after a crash or a failed insert, does not believe in tokens: it reads back
//! which events of the range have rows and inserts only the missing ones. Rows are made from the grants
//! of an event alone; the sink never reads a policy.
#![forbid(unsafe_code)]

mod batch;
mod config;
mod error;
mod intent;
mod metrics;
mod partition;

use std::sync::Arc;
use std::time::Duration;

use candor_event::Clock;
use candor_store::Store;
use candor_transport::{ConsumeError, Consumer, Delivery};

pub use config::{Config, TooManyInserts};
pub use error::SinkError;

use partition::{LogEnds, Partition};

/// The pause after a failed read of the log.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// Carries one log into one store.
#[derive(Debug)]
pub struct Sink<C> {
    consumer: C,
    store: Store,
    config: Config,
    clock: Arc<dyn Clock>,
    partitions: Vec<Partition>,
}

impl<C: Consumer> Sink<C> {
    /// A sink that has read nothing yet.
    pub fn new(consumer: C, store: Store, config: Config, clock: Arc<dyn Clock>) -> Self {
        Self { consumer, store, config, clock, partitions: Vec::new() }
    }

    /// Runs until the log is closed and everything in it is stored. May be dropped at any moment:
    /// whatever is under way is settled by the next owner.
    ///
    /// # Errors
    /// [`SinkError`]: somebody must do something first; nothing is skipped.
    pub async fn run(mut self) -> Result<(), SinkError> {
        loop {
            let due = self.partitions.iter().filter_map(|p| p.due_at(&self.config)).min();
            tokio::select! {
                delivery = self.consumer.next() => match delivery {
                    Ok(delivery) => self.accept(delivery).await?,
                    Err(ConsumeError::Closed) => return self.store_all().await,
                    Err(error) if error.is_transient() => {
                        tracing::warn!(%error, "cannot read the log, trying again");
                        tokio::time::sleep(READ_PAUSE).await;
                    }
                    Err(error) => return Err(SinkError::Consume(error)),
                },
                () = sleep_until(due) => self.store_due().await?,
            }
        }
    }

    async fn accept(&mut self, delivery: Delivery) -> Result<(), SinkError> {
        match delivery {
            Delivery::Assigned { partition, committed, low, high, previous_owner_may_live } => {
                let log = LogEnds { low, high };
                let assigned = Partition::assigned(
                    &mut self.consumer,
                    &self.store,
                    partition,
                    committed,
                    log,
                    previous_owner_may_live,
                );
                self.partitions.push(assigned.await?);
                Ok(())
            }
            Delivery::Revoked { partition } => {
                self.partitions.retain(|p| p.number() != partition);
                Ok(())
            }
            Delivery::Damaged { partition, first, last, damage } => {
                let at = self.position(partition)?;
                self.store_before(at, first).await?;
                let now = self.clock.now();
                self.partition(at)?.damaged(first, last, damage, now);
                self.store_if_full(at).await
            }
            Delivery::Record { partition, offset, record } => {
                let at = self.position(partition)?;
                self.store_before(at, offset).await?;
                let now = self.clock.now();
                self.partition(at)?.push(offset, &record, now)?;
                self.store_if_full(at).await
            }
        }
    }

    /// An intent covers exactly its range: what lies behind it waits until it is settled.
    async fn store_before(&mut self, at: usize, offset: u64) -> Result<(), SinkError> {
        if self.partition(at)?.must_settle_before(offset) {
            self.store_batch(at).await?;
        }
        Ok(())
    }

    async fn store_if_full(&mut self, at: usize) -> Result<(), SinkError> {
        let is_full = self.partitions.get(at).is_some_and(|p| p.is_full(&self.config));
        if is_full {
            self.store_batch(at).await?;
        }
        Ok(())
    }

    async fn store_due(&mut self) -> Result<(), SinkError> {
        let now = tokio::time::Instant::now();
        for at in 0..self.partitions.len() {
            let due = self.partitions.get(at).and_then(|p| p.due_at(&self.config));
            if due.is_some_and(|due| due <= now) {
                self.store_batch(at).await?;
            }
        }
        Ok(())
    }

    /// Stores what is left. A range in doubt whose end was not read stays in doubt.
    async fn store_all(&mut self) -> Result<(), SinkError> {
        for at in 0..self.partitions.len() {
            if self.partitions.get(at).is_some_and(|partition| !partition.is_incomplete()) {
                self.store_batch(at).await?;
            }
        }
        Ok(())
    }

    async fn store_batch(&mut self, at: usize) -> Result<(), SinkError> {
        let partition = self.partitions.get_mut(at).ok_or(SinkError::NotAssigned)?;
        partition.store(&mut self.consumer, &self.store, &self.config).await
    }

    fn partition(&mut self, at: usize) -> Result<&mut Partition, SinkError> {
        self.partitions.get_mut(at).ok_or(SinkError::NotAssigned)
    }

    fn position(&self, number: u32) -> Result<usize, SinkError> {
        let found = self.partitions.iter().position(|partition| partition.number() == number);
        found.ok_or(SinkError::NotAssigned)
    }
}

async fn sleep_until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
