//! The log into ClickHouse: read a range, decode, insert, commit. Effectively once.
//!
//! A partition has one owner, which goes through these steps for one batch after the other:
//!
//! 1. collect records up to a number of rows, of bytes, or an age;
//! 2. write the *intent* into the cursor's metadata: this range is about to be inserted;
//! 3. insert one block per purpose, what is quarantined, and the range's row of the ledger;
//! 4. commit the cursor past the range.
//!
//! Partitions do not wait for each other, and reading goes on while batches are stored, up to a bound.
//!
//! Whoever finds an intent, after a crash or a failed insert, does not believe in tokens: it reads back
//! which events of the range have rows and inserts only the missing ones. Rows are made from the grants
//! of an event alone; the sink never reads a policy.
#![forbid(unsafe_code)]

mod backoff;
mod batch;
mod config;
mod error;
mod intent;
mod metrics;
mod owned;
mod partition;
mod target;
mod writer;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use candor_event::Clock;
use candor_store::Store;
use candor_transport::{ConsumeError, Consumer, Delivery};
use tokio::time::Instant;

pub use config::{Config, TooManyInserts};
pub use error::SinkError;

use owned::Owned;
use writer::Writer;

/// The pause after a failed read of the log.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// Carries one log into one store.
#[derive(Debug)]
pub struct Sink<C: Consumer> {
    consumer: C,
    owned: Owned<C::Committer>,
    clock: Arc<dyn Clock>,
}

impl<C: Consumer> Sink<C> {
    /// A sink that has read nothing yet.
    pub fn new(consumer: C, store: Store, config: Config, clock: Arc<dyn Clock>) -> Self {
        let writer = Writer::new(consumer.committer(), store, config.insert_deadline());
        Self { consumer, owned: Owned::new(writer, config), clock }
    }

    /// Runs until `stop` resolves or the log is closed, and everything that was read is stored. May be
    /// dropped at any moment: whatever is under way is settled by the next owner.
    ///
    /// # Errors
    /// [`SinkError`]: somebody must do something first; nothing is skipped.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) -> Result<(), SinkError> {
        let mut stop = pin!(stop);
        // While the log cannot be read, this is when it is tried again.
        let mut pause = None;
        let mut told = String::new();
        loop {
            let due = self.owned.due_at();
            tokio::select! {
                delivery = self.consumer.next(), if pause.is_none() => match delivery {
                    Ok(delivery) => {
                        told.clear();
                        self.accept(delivery)?;
                    }
                    Err(ConsumeError::Closed) => break,
                    Err(error) if error.is_transient() => {
                        let reason = with_causes(&error);
                        if reason != told {
                            tracing::warn!(reason, "trying again to read the log");
                            told = reason;
                        }
                        pause = Some(Instant::now() + READ_PAUSE);
                    }
                    Err(error) => return Err(SinkError::Consume(error)),
                },
                done = self.owned.join_next() => self.owned.finish(done, &mut self.consumer)?,
                () = sleep_until(pause) => pause = None,
                () = sleep_until(due) => {}
                () = &mut stop => break,
            }
            self.owned.regulate(&mut self.consumer);
        }
        self.owned.store_all();
        while self.owned.is_at_work() {
            let done = self.owned.join_next().await;
            self.owned.finish(done, &mut self.consumer)?;
            self.owned.store_all();
        }
        Ok(())
    }

    fn accept(&mut self, delivery: Delivery) -> Result<(), SinkError> {
        let now = self.clock.now();
        match delivery {
            Delivery::Assigned {
                partition,
                log,
                committed,
                low,
                high,
                previous_owner_may_live,
            } => {
                let taken = partition::Taken { log, committed, low, high, previous_owner_may_live };
                self.owned.assign(partition, &taken)
            }
            Delivery::Revoked { partition, lost } => {
                self.owned.revoke(partition, lost, &mut self.consumer);
                Ok(())
            }
            Delivery::Damaged { partition, first, last, damage } => {
                self.owned.damaged(partition, (first, last), damage, now)
            }
            Delivery::Record { partition, offset, record, .. } => {
                self.owned.push(partition, offset, &record, now)
            }
        }
    }
}

/// An error and what it came from, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

async fn sleep_until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}
