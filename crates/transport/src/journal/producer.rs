//! The producing end.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::metrics::{self, Cause};
use super::queue::Call;
use super::shared::ProducerEnd;
use crate::{LogId, Outgoing, ProduceError, Producer};

/// Puts events into a journal. Clones share one queue.
///
/// When the last clone is dropped, what waits is still written; the consumer then reads to the end
/// and is told [`ConsumeError::Closed`](crate::ConsumeError::Closed). Dropping the last handle of a
/// journal waits for the group that is being written.
#[derive(Clone, Debug)]
pub struct JournalProducer {
    end: Arc<ProducerEnd>,
    event_bytes_max: usize,
    log_id: LogId,
}

// === impl JournalProducer ===

impl JournalProducer {
    pub(super) fn new(end: ProducerEnd, event_bytes_max: usize, log_id: LogId) -> Self {
        Self { end: Arc::new(end), event_bytes_max, log_id }
    }

    /// Whose log it is.
    pub(crate) const fn log_id(&self) -> LogId {
        self.log_id
    }

    /// What the segments take on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.end.shared.segments().bytes()
    }

    /// The number after the last record that is durable or was given up.
    pub(crate) fn end(&self) -> u64 {
        self.end.shared.segments().next()
    }
}

impl Producer for JournalProducer {
    async fn produce(&self, events: Vec<Outgoing>) -> Result<(), ProduceError> {
        let mut bytes = 0;
        for event in &events {
            if event.record.len() > self.event_bytes_max {
                return Err(ProduceError::TooLarge);
            }
            bytes += event.record.len();
        }
        let (done, answer) = oneshot::channel();
        let call =
            Call { events: events.into_iter().map(|event| event.record).collect(), bytes, done };
        let queue = &self.end.shared.queue;
        queue.push(call).inspect_err(|error| {
            if *error == ProduceError::Full {
                metrics::full(Cause::Queue, 1);
            }
        })?;
        answer.await.map_or(Err(ProduceError::Unavailable), |told| told.answer())
    }
}
