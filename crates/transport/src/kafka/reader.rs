//! A librdkafka consumer, whose callbacks only note what happened.
//!
//! librdkafka (2.12.1) tells that all partitions are lost only when no rebalance is under way. A member that
//! is expelled while its owner still brings to an end what it was asked to give away joins again as another
//! member, and keeps those partitions that it was not asked for and that the group happens to assign to it
//! again, at the place where it stopped, although somebody else may have had them in between. So we compare
//! the member's id ([`super::native::member_id`]) before each commit and at each assignment, and begin
//! anew with another client if it is not the one that the partitions were assigned to.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::client::Client;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, ClientContext, Statistics, TopicPartitionList};
use tokio::sync::Notify;

use super::error::{code_of, is_unreachable};
use super::metrics::{self, Role};
use super::side::Side;
use super::{KafkaConfig, KafkaError, log, native};

/// A consumer. Dropping it closes it, on a thread of its own.
pub(super) struct Reader {
    consumer: Arc<BaseConsumer<Context>>,
    side: Arc<Side>,
}

/// What the group decided. Nothing was done about it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// These are to be ours.
    Assign(Vec<u32>),
    /// These are not to be ours any more; `lost`: they are somebody else's already.
    Revoke {
        /// Which.
        partitions: Vec<u32>,
        /// Whether nothing can be done about them any more.
        lost: bool,
    },
}

/// librdkafka's callbacks, which whoever polls calls.
pub(super) struct Context {
    notes: Mutex<Vec<Note>>,
    /// How many events were served, which polling does not tell.
    served: AtomicU64,
    /// Whoever leaves answers by himself.
    leaving: AtomicBool,
    closing: AtomicBool,
}

// === impl Reader ===

impl Reader {
    /// Makes the client, which notifies `wake` when its queue is not empty any more.
    pub(super) fn new(
        config: &KafkaConfig,
        settings: &ClientConfig,
        wake: Arc<Notify>,
    ) -> Result<Self, KafkaError> {
        let context = Context {
            notes: Mutex::default(),
            served: AtomicU64::new(0),
            leaving: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        };
        let made = settings.create_with_context(context);
        let mut consumer: BaseConsumer<_> = made.map_err(|error| KafkaError::client(&error))?;
        consumer.set_nonempty_callback(move || wake.notify_one());
        Ok(Self { consumer: Arc::new(consumer), side: Arc::new(Side::new(config)?) })
    }

    pub(super) const fn consumer(&self) -> &Arc<BaseConsumer<Context>> {
        &self.consumer
    }

    pub(super) fn client(&self) -> &Client<Context> {
        self.consumer.client()
    }

    /// Asks beside reading.
    pub(super) fn side(&self) -> &Side {
        &self.side
    }

    /// Who we are in the group; empty when we are in none, or not any more. Blocks a moment.
    pub(super) fn member_id(&self) -> String {
        native::member_id(self.client())
    }

    /// Leaves the group, also as a member with a name of its own, which closing alone does not: then the group shares
    /// out all partitions anew. Nothing is read any more. Blocks until librdkafka sends word of it, for
    /// [`CLOSE_TIMEOUT`] at most; whether it did.
    pub(super) fn leave(&self) -> bool {
        self.consumer.context().leaving.store(true, Ordering::Release);
        self.consumer.unsubscribe();
        let begun = Instant::now();
        while !self.member_id().is_empty() {
            if begun.elapsed() > CLOSE_TIMEOUT {
                return false;
            }
            // Answers what the group decides meanwhile, and what it decided before and nobody acted on: librdkafka
            // waits for one or the other, and only then leaves.
            self.consumer.incremental_assign(&TopicPartitionList::new()).ok();
            if let Ok(all) = self.consumer.assignment() {
                self.consumer.incremental_unassign(&all).ok();
            }
            drop(self.consumer.poll(CLOSE_POLL));
        }
        true
    }

    /// Serves events until there is a message or an error, or nothing any more. Does not wait.
    pub(super) fn poll(&self) -> Option<Result<BorrowedMessage<'_>, ClientError>> {
        let served = || self.consumer.context().served.load(Ordering::Acquire);
        loop {
            let before = served();
            let polled = self.consumer.poll(Duration::ZERO);
            if polled.is_some() || served() == before {
                return polled;
            }
        }
    }

    /// What the group decided since the last time.
    pub(super) fn take_notes(&self) -> Vec<Note> {
        let notes = &self.consumer.context().notes;
        std::mem::take(&mut *notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let (consumer, side) = (Arc::clone(&self.consumer), Arc::clone(&self.side));
        let named = thread::Builder::new().name("kafka-close".to_owned());
        let closing = named.spawn(move || {
            close(&consumer);
            drop((consumer, side)); // which waits for librdkafka's threads
        });
        if closing.is_err() {
            close(&self.consumer);
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

// === impl Context ===

impl Context {
    fn serve(&self) {
        self.served.fetch_add(1, Ordering::AcqRel);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.serve();
        log::forward(level, facility, text);
    }

    fn stats(&self, figures: Statistics) {
        self.serve();
        metrics::statistics(Role::Consumer, &figures);
        metrics::reading(&figures);
    }

    /// The same error is given back by polling, too, without its text.
    fn error(&self, error: ClientError, reason: &str) {
        self.serve();
        match code_of(&error) {
            Code::PartitionEOF | Code::AutoOffsetReset | Code::BadMessage => {} // handled
            code if is_unreachable(code) => {} // logged by librdkafka, too
            _ => tracing::warn!(%error, reason, "the Kafka consumer"),
        }
    }
}

impl ConsumerContext for Context {
    /// Notes what the group decided. Whoever polls must not do more: a partition is given away only when
    /// its owner has brought to an end what is under way.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        decision: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        self.serve();
        if self.closing.load(Ordering::Acquire) {
            consumer.unassign().ok(); // nobody is left to act on a note
            return;
        }
        if self.leaving.load(Ordering::Acquire) {
            return;
        }
        let elements = partitions.elements();
        let numbers = elements.iter().filter_map(|it| u32::try_from(it.partition()).ok()).collect();
        let note = match decision {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Note::Assign(numbers),
            _ => Note::Revoke { partitions: numbers, lost: consumer.assignment_lost() },
        };
        metrics::rebalanced();
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    fn commit_callback(&self, _: rdkafka::error::KafkaResult<()>, _: &TopicPartitionList) {
        self.serve();
    }
}

/// Leaves the group, or lets its session run out: a member with a name of its own may come back.
fn close(consumer: &BaseConsumer<Context>) {
    consumer.context().closing.store(true, Ordering::Release);
    if consumer.close_queue().is_err() {
        return; // a broken one has nothing to close
    }
    let begun = Instant::now();
    while !consumer.closed() && begun.elapsed() < CLOSE_TIMEOUT {
        // Answers what the group decided before, and nobody acted on: closing waits for it.
        consumer.unassign().ok();
        drop(consumer.poll(CLOSE_POLL));
    }
}

const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_POLL: Duration = Duration::from_millis(50);
