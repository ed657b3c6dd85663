//! The librdkafka client, and where it hands back what it is done with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Statistics};
use tokio::sync::Notify;

use super::bundle::Bundle;
use super::lanes::Refusal;
use crate::kafka::ask::Asker;
use crate::kafka::error::{code_of, is_missing, is_unreachable};
use crate::kafka::metrics::{self, Cause, Role};
use crate::kafka::native::Described;
use crate::kafka::{KafkaConfig, KafkaError, log, mark, settings, side};

/// A client. Dropping the last handle gives up what is not acknowledged, on a thread of its own.
pub(in crate::kafka) struct Client {
    producer: Option<ThreadedProducer<Context>>,
    asker: Asker,
}

/// What a client hands back. Its thread only leaves things here and wakes one task.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    returned: Mutex<Vec<Returned>>,
    /// No broker is connected, as far as librdkafka has told.
    down: AtomicBool,
    /// Something was returned, or is to be sent.
    pub(super) wake: Notify,
    /// The topic or the client is not what it was.
    pub(super) suspect: Notify,
}

/// A bundle that librdkafka is done with.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) bundle: Box<Bundle>,
    pub(super) result: Result<(), Cause>,
}

/// librdkafka's callbacks.
pub(in crate::kafka) struct Context {
    inbox: Arc<Inbox>,
    refusal: side::Refusal,
}

// === impl Client ===

impl Client {
    pub(super) fn new(config: &KafkaConfig, inbox: Arc<Inbox>) -> Result<Self, KafkaError> {
        let settings = settings::producer(config)?;
        let context = Context { inbox, refusal: side::Refusal::default() };
        let producer = settings.create_with_context(context);
        metrics::client_made(Role::Producer);
        let producer = producer.map_err(|error| KafkaError::client(&error))?;
        Ok(Self { producer: Some(producer), asker: Asker::new() })
    }

    /// Hands a bundle over; it comes back through the inbox.
    pub(super) fn send(
        &self,
        topic: &str,
        mut bundle: Box<Bundle>,
    ) -> Result<(), (Refusal, Box<Bundle>)> {
        let Some(producer) = &self.producer else {
            return Err((Refusal::Failed(Cause::Client), bundle));
        };
        let payload = bundle.take_payload();
        let partition = i32::try_from(bundle.partition()).unwrap_or(i32::MAX);
        let mark = bundle.mark();
        let mut record = BaseRecord::<(), [u8], _>::with_opaque_to(topic, bundle)
            .partition(partition)
            .payload(payload.as_slice());
        if let Some(mark) = mark {
            record = record.headers(mark::headers(mark));
        }
        match producer.send(record) {
            Ok(()) => Ok(()),
            Err((error, record)) => {
                let mut bundle = record.delivery_opaque;
                bundle.restore(payload);
                Err((refusal_of(code_of(&error)), bundle))
            }
        }
    }

    /// What the broker says about the topic. Blocks for `timeout` at most, and a moment.
    pub(super) fn describe(&self, topic: &str, timeout: Duration) -> Result<Described, Code> {
        let producer = self.producer.as_ref().ok_or(Code::Fail)?;
        let described = self.asker.describe(producer.client(), topic, timeout);
        producer.context().refusal.explain(described)
    }

    /// Whether it can never send again.
    pub(super) fn is_broken(&self) -> bool {
        let producer = self.producer.as_ref();
        producer.is_none_or(|producer| producer.client().fatal_error().is_some())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let producer = self.producer.take();
        // Purging waits for librdkafka's threads. Where no thread can be had, so does whoever drops it.
        let named = thread::Builder::new().name("kafka-close".to_owned());
        drop(named.spawn(move || drop(producer)));
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

// === impl Inbox ===

impl Inbox {
    /// Leaves a bundle for the task; only the first one wakes it, for it takes all.
    pub(super) fn put(&self, returned: Returned) {
        let mut waiting = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        waiting.push(returned);
        drop(waiting);
        if first {
            self.wake.notify_one();
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Acquire)
    }

    /// Whether no broker is there; librdkafka tells only that the last one went.
    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Release);
    }

    pub(super) fn take(&self) -> Vec<Returned> {
        std::mem::take(&mut *self.returned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// === impl Context ===

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log::forward(level, facility, text);
    }

    fn stats(&self, figures: Statistics) {
        metrics::statistics(Role::Producer, &figures);
    }

    fn error(&self, error: ClientError, reason: &str) {
        match code_of(&error) {
            Code::Fatal => {
                tracing::error!(reason, "the Kafka producer broke, another takes its place");
                self.inbox.suspect.notify_one();
            }
            Code::AllBrokersDown => self.inbox.set_down(true), // logged by librdkafka, too
            code if is_unreachable(code) => {}                 // likewise
            code => {
                self.refusal.note(code);
                tracing::warn!(%error, reason, "the Kafka producer");
            }
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Bundle>;

    fn delivery(&self, result: &DeliveryResult<'_>, bundle: Box<Bundle>) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(cause_of(code_of(error))),
        };
        if matches!(result, Err(Cause::Fatal | Cause::Topic | Cause::Other)) {
            self.inbox.suspect.notify_one();
        }
        self.inbox.put(Returned { bundle, result });
    }
}

fn refusal_of(code: Code) -> Refusal {
    match code {
        Code::QueueFull => Refusal::Full,
        code => Refusal::Failed(cause_of(code)),
    }
}

fn cause_of(code: Code) -> Cause {
    match code {
        Code::Fatal => Cause::Fatal,
        Code::PurgeInflight | Code::PurgeQueue => Cause::Client,
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
            Cause::Size
        }
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => Cause::Denied,
        code if is_missing(code) => Cause::Topic,
        _ => Cause::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_full_queue_holds_back_and_everything_else_gives_up() {
        assert_eq!(refusal_of(Code::QueueFull), Refusal::Full);
        for (code, cause) in [
            (Code::UnknownPartition, Cause::Topic),
            (Code::UnknownTopicOrPartition, Cause::Topic),
            (Code::Fatal, Cause::Fatal),
            (Code::PurgeInflight, Cause::Client),
            (Code::MessageSizeTooLarge, Cause::Size),
            (Code::TopicAuthorizationFailed, Cause::Denied),
            (Code::NotEnoughReplicas, Cause::Other),
        ] {
            assert_eq!(refusal_of(code), Refusal::Failed(cause), "{code}");
        }
    }

    #[test]
    fn only_the_first_of_those_that_came_back_together_wakes() {
        let inbox = Inbox::default();
        let put = || {
            let bundle = Box::new(Bundle::open(0, bytes::Bytes::new(), Instant::now()));
            inbox.put(Returned { bundle, result: Ok(()) });
        };
        put();
        put();
        assert_eq!(inbox.take().len(), 2);
        assert!(inbox.take().is_empty());
    }
}
