//! Kafka with a spill: while brokers are away or slow, events go to a journal on this machine's disk, are
//! durable there, and reach the log later.
//!
//! ```text
//! produce ─► switch ─live──────► Kafka
//!               └───spilling──► journal ─► drain ─► Kafka, with two headers
//! ```
//!
//! Invariants, each held by a test:
//! - An event goes to Kafka's client or to the spill, never to both. Those that are with the client when
//!   trouble begins stay there, and it keeps trying: whoever waits for them gives up at its own deadline,
//!   and tries again with the same event id.
//! - A record of the spill has a mark, its spill and its sequence ([`SpillMark`]). Within a partition the
//!   sequences of a spill grow, and one sequence means the same events, whatever crashes: what a batch holds
//!   and to how many partitions it is dealt is written into the spill's cursor before it is sent
//!   (`spill/intent.rs`), and a record follows only after the one before it was acknowledged.
//! - An event goes to the partition of its id, by either way, so that a retry meets its first try.
//! - Nothing is deleted before Kafka has acknowledged it, but what is older than the notice allows.
//! - No order is promised between events that come by the spill and others.
//! - What it takes, on disk and in memory, is bounded; above it events are refused.

mod batch;
mod config;
mod drain;
mod frame;
#[cfg(test)]
mod hostile;
mod intent;
mod metrics;
mod shared;
mod switch;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use candor_event::Clock;
use tokio::task::JoinHandle;

pub use config::SpillConfig;

#[cfg(doc)]
use crate::SpillMark;
use crate::journal::{Journal, JournalError};
use crate::kafka::{KafkaConfig, KafkaError, KafkaProducer, NotTaken};
use crate::{LogId, Outgoing, ProduceError, Producer};
use drain::Drain;
use shared::Shared;

/// Puts events into Kafka, or into the spill. Clones share both.
#[derive(Clone, Debug)]
pub struct SpillingProducer {
    handles: Arc<Handles>,
}

/// How it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpillHealth {
    /// Events go to Kafka.
    Live,
    /// Events go to the spill, which has room.
    Spilling,
    /// Events go to the spill, which refuses them.
    Refusing,
}

/// Why there is no producer.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// Values that cannot be used.
    #[error("the configuration of the spill cannot work: {0}")]
    Config(&'static str),
    /// What was about to be sent was written down by another version.
    #[error(
        "the cursor in {} carries a note of a version that this program does not know: use a newer one",
        dir.display()
    )]
    Intent {
        /// The directory of the spill.
        dir: PathBuf,
    },
    /// The spill cannot be opened.
    #[error("cannot open the spill")]
    Journal(#[from] JournalError),
    /// Kafka's client cannot be made.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The spill cannot be read.
    #[error("cannot read the spill in {}", dir.display())]
    Read {
        /// The directory of the spill.
        dir: PathBuf,
        /// Why.
        #[source]
        source: crate::ConsumeError,
    },
}

/// All clones of a producer.
#[derive(Debug)]
struct Handles {
    shared: Arc<Shared>,
    tasks: tokio::sync::Mutex<Tasks>,
}

#[derive(Debug)]
struct Tasks {
    watching: JoinHandle<()>,
    draining: JoinHandle<()>,
}

// === impl SpillingProducer ===

impl SpillingProducer {
    /// A producer with a spill in `dir`, which is made if there is none. What an earlier run left there is
    /// drained. No broker needs to be reachable.
    ///
    /// # Errors
    /// The configuration does not fit; the spill is open elsewhere, damaged, or of another version; or this
    /// is no tokio runtime.
    pub async fn open(
        kafka: &KafkaConfig,
        config: &SpillConfig,
        dir: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SpillError> {
        config.check()?;
        metrics::describe();
        let kafka = KafkaProducer::start(kafka)?;
        let (at, bounds) = (dir.to_owned(), config.journal());
        let opened = tokio::task::spawn_blocking(move || Journal::open_spill(&at, bounds)).await;
        let (journal, consumer) = opened.map_err(|_| KafkaError::Runtime)??;
        let shared = Arc::new(Shared::new(kafka, journal, config, clock));
        let drain = Drain::begin(Arc::clone(&shared), consumer, dir).await?;
        let tasks = Tasks {
            watching: tokio::spawn(watch::run(Arc::clone(&shared))),
            draining: tokio::spawn(drain.run()),
        };
        Ok(Self { handles: Arc::new(Handles { shared, tasks: tasks.into() }) })
    }

    /// Resolves when events go to Kafka. Until a broker was met for the first time, they go to the spill.
    pub async fn becomes_live(&self) {
        self.handles.shared.becomes_live().await;
    }

    /// How it is doing.
    pub fn health(&self) -> SpillHealth {
        self.handles.shared.health()
    }

    /// Kafka's side of it, to ask how that is doing.
    pub fn kafka(&self) -> &KafkaProducer {
        &self.handles.shared.kafka
    }

    /// The spill's id, which its records carry.
    pub fn id(&self) -> LogId {
        self.handles.shared.id()
    }

    /// How many records lie in the spill, and were not given away yet.
    pub fn left(&self) -> u64 {
        self.handles.shared.left()
    }

    /// Puts whatever comes into the spill from now on: before the end, when there is no time left to wait
    /// for Kafka.
    pub fn retreat(&self) {
        self.handles.shared.retreat();
    }

    /// Takes no more events for Kafka, and waits, for `deadline` at most, for those that it was given. What
    /// lies in the spill stays there, for the next start; whatever still comes goes there, too. The spill is
    /// closed when the last clone is gone.
    pub async fn close(self, deadline: Duration) {
        let Handles { shared, tasks } = &*self.handles;
        shared.retreat();
        shared.stop();
        let mut tasks = tasks.lock().await;
        let Tasks { watching, draining } = &mut *tasks;
        watching.abort();
        let drained = async {
            if tokio::time::timeout(deadline, &mut *draining).await.is_err() {
                draining.abort(); // what it was sending is sent again
                draining.await.ok();
            }
        };
        tokio::join!(drained, shared.kafka.clone().close(deadline));
        watching.await.ok();
        let left = shared.left();
        if left > 0 {
            tracing::warn!(left, "records stay in the spill, until the next start here");
        }
    }
}

impl Producer for SpillingProducer {
    async fn produce(&self, events: Vec<Outgoing>) -> Result<(), ProduceError> {
        let shared = &self.handles.shared;
        if !shared.is_live() {
            return shared.spill(events).await;
        }
        match shared.kafka.take(events) {
            Ok(taken) => taken.answered().await,
            Err(NotTaken { error: ProduceError::TooLarge, .. }) => Err(ProduceError::TooLarge),
            Err(NotTaken { events, error }) => {
                shared.refused(error);
                shared.spill(events).await
            }
        }
    }
}

// === impl Handles ===

impl Drop for Handles {
    fn drop(&mut self) {
        let tasks = self.tasks.get_mut();
        tasks.watching.abort();
        tasks.draining.abort();
    }
}

#[cfg(test)]
mod tests;
