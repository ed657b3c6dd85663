//! The producing end.
//!
//! A call's events go to the bundles of their partitions ([`lanes`]); a bundle becomes one record.
//! librdkafka's thread leaves acknowledged bundles in an inbox and wakes one task ([`tasks`]), which
//! answers all calls in them: a wake-up for each bundle, not for each request.

mod bundle;
mod client;
mod lanes;
mod shared;
mod tasks;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::config::RECORD_BYTES_MAX;
use super::metrics;
use super::{KafkaConfig, KafkaError};
use crate::{LogId, Outgoing, ProduceError, Producer};
use bundle::Answer;
pub(crate) use bundle::Drained;
use shared::Shared;
pub(crate) use shared::{NotTaken, Pulse};

/// Puts events into a topic. Clones share one client and one queue.
///
/// Events that wait are bounded by `queue_events_max` and `queue_bytes_max`; librdkafka keeps trying for
/// as long as it takes, and whoever waits has a deadline of its own. Dropping the last clone still writes
/// what waits, for 10 s at most and as long as the runtime lives; [`Self::close`] waits for it.
#[derive(Clone, Debug)]
pub struct KafkaProducer {
    handles: Arc<Handles>,
}

/// All clones of a producer.
#[derive(Debug)]
struct Handles {
    shared: Arc<Shared>,
}

// === impl KafkaProducer ===

impl KafkaProducer {
    /// A producer. No broker needs to be reachable: until one has told how many partitions the topic has,
    /// [`produce`](Producer::produce) answers [`ProduceError::Unavailable`].
    ///
    /// # Errors
    /// The configuration does not fit, or this is no tokio runtime.
    pub fn start(config: &KafkaConfig) -> Result<Self, KafkaError> {
        let runtime = Handle::try_current().map_err(|_| KafkaError::Runtime)?;
        metrics::describe();
        let shared = Arc::new(Shared::new(config)?);
        runtime.spawn(tasks::run(Arc::clone(&shared)));
        runtime.spawn(tasks::keep(Arc::clone(&shared)));
        Ok(Self { handles: Arc::new(Handles { shared }) })
    }

    /// Whether the topic can be written now: asks the broker, for 2 s at most. Once this was answered
    /// well, events are taken.
    ///
    /// # Errors
    /// [`KafkaError::TopicMissing`], [`KafkaError::Unreachable`], [`KafkaError::Denied`].
    pub async fn check(&self) -> Result<(), KafkaError> {
        let shared = &self.handles.shared;
        let fail = |code| KafkaError::of(&shared.config, "ask about the topic", code);
        let described = tasks::describe(shared).await.map_err(fail)?;
        if shared.learn(described) {
            shared.inbox.suspect.notify_one(); // another topic: its keeper has something to do first
        }
        Ok(())
    }

    /// Takes all events or none.
    pub(crate) fn take(&self, mut events: Vec<Outgoing>) -> Result<Taken, NotTaken> {
        if events.iter().any(|event| event.record.len() > RECORD_BYTES_MAX) {
            return Err(NotTaken { events, error: ProduceError::TooLarge });
        }
        events.retain(|event| !event.record.is_empty()); // batches of no events
        if events.is_empty() {
            return Ok(Taken(None));
        }
        let answer = self.handles.shared.push(events).inspect_err(|not_taken| {
            if not_taken.error == ProduceError::Full {
                metrics::full();
            }
        })?;
        Ok(Taken(Some(answer)))
    }

    /// Sends a record of a spill, unless the topic is not `log`.
    pub(crate) fn drain(&self, log: LogId, drained: Drained) -> Result<Taken, ProduceError> {
        self.handles.shared.push_drained(log, drained).map(|answer| Taken(Some(answer)))
    }

    /// How the brokers are doing.
    pub(crate) fn pulse(&self) -> Pulse {
        self.handles.shared.pulse()
    }

    /// Takes no more events from any clone, and writes what waits, for `deadline` at most; what is not
    /// acknowledged by then is answered [`ProduceError::Unavailable`].
    pub async fn close(self, deadline: Duration) {
        let shared = Arc::clone(&self.handles.shared);
        shared.close(Instant::now() + deadline);
        // What is given up comes back through librdkafka's thread.
        let patience = deadline + Duration::from_secs(2);
        if tokio::time::timeout(patience, shared.closed()).await.is_err() {
            tracing::warn!("the Kafka producer did not give everything back");
        }
    }
}

/// What a call was taken for.
#[derive(Debug)]
pub(crate) struct Taken(Option<oneshot::Receiver<Answer>>);

// === impl Taken ===

impl Taken {
    /// Resolves when all is durable.
    pub(crate) async fn answered(self) -> Answer {
        match self.0 {
            Some(answer) => answer.await.unwrap_or(Err(ProduceError::Unavailable)),
            None => Ok(()),
        }
    }
}

impl Producer for KafkaProducer {
    async fn produce(&self, events: Vec<Outgoing>) -> Result<(), ProduceError> {
        match self.take(events) {
            Ok(taken) => taken.answered().await,
            Err(not_taken) => Err(not_taken.error),
        }
    }
}

// === impl Handles ===

impl Drop for Handles {
    fn drop(&mut self) {
        self.shared.close(Instant::now() + CLOSE_AFTER_DROP);
    }
}

/// What waits when the last clone is dropped is written for so long.
const CLOSE_AFTER_DROP: Duration = Duration::from_secs(10);
