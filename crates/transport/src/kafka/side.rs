//! A client that only asks, over connections of its own: a broker answers nothing behind a fetch that waits
//! for records.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};
use rdkafka::metadata::Metadata;

use super::ask::Asker;
use super::error::{code_of, is_refused, is_unreachable};
use super::native::{self, Described, Group};
use super::{KafkaConfig, KafkaError, log, settings};

/// Asks. Everything here blocks, for `timeout` at most, and a moment.
pub(super) struct Side {
    consumer: BaseConsumer<Context>,
    asker: Asker,
}

/// Why a broker does not talk to us, which its silence does not tell.
#[derive(Debug, Default)]
pub(super) struct Refusal(Mutex<Option<Code>>);

struct Context {
    refusal: Refusal,
    /// How many events were served, which polling does not tell.
    served: AtomicU64,
}

// === impl Side ===

impl Side {
    pub(super) fn new(config: &KafkaConfig) -> Result<Self, KafkaError> {
        let context = Context { refusal: Refusal::default(), served: AtomicU64::new(0) };
        let consumer = settings::base(config)?.create_with_context(context);
        let consumer = consumer.map_err(|error| KafkaError::client(&error))?;
        Ok(Self { consumer, asker: Asker::new() })
    }

    /// What the broker says about the topic.
    pub(super) fn describe(&self, topic: &str, timeout: Duration) -> Result<Described, Code> {
        self.serve();
        self.explain(self.asker.describe(self.consumer.client(), topic, timeout))
    }

    /// The first offset of a partition, and the next one that it will use.
    pub(super) fn ends(
        &self,
        topic: &str,
        partition: i32,
        timeout: Duration,
    ) -> Result<(i64, i64), Code> {
        let ends = self.consumer.fetch_watermarks(topic, partition, timeout);
        self.explain(ends.map_err(|error| code_of(&error)))
    }

    /// How the group of the topic's readers stands.
    pub(super) fn group(&self, config: &KafkaConfig, timeout: Duration) -> Result<Group, Code> {
        self.serve();
        let (client, group, topic) = (self.consumer.client(), &config.group, &config.topic);
        self.explain(native::describe_group(client, group, topic, timeout))
    }

    /// Where the topic's partitions are.
    pub(super) fn metadata(&self, topic: &str, timeout: Duration) -> Result<Metadata, Code> {
        self.serve();
        let metadata = self.consumer.fetch_metadata(Some(topic), timeout);
        self.explain(metadata.map_err(|error| code_of(&error)))
    }

    fn explain<T>(&self, answer: Result<T, Code>) -> Result<T, Code> {
        self.serve();
        self.consumer.context().refusal.explain(answer)
    }

    /// Log lines and errors wait until somebody serves them.
    fn serve(&self) {
        let served = || self.consumer.context().served.load(Ordering::Acquire);
        loop {
            let before = served();
            let polled = self.consumer.poll(Duration::ZERO);
            if polled.is_none() && served() == before {
                return;
            }
        }
    }
}

// === impl Refusal ===

impl Refusal {
    /// An error that librdkafka told of.
    pub(super) fn note(&self, code: Code) {
        if is_refused(code) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        }
    }

    /// Puts the reason in the place of a silence.
    pub(super) fn explain<T>(&self, answer: Result<T, Code>) -> Result<T, Code> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Err(code) if is_unreachable(code) => Err(known.unwrap_or(code)),
            Err(code) => Err(code),
            Ok(answer) => {
                *known = None;
                Ok(answer)
            }
        }
    }
}

// === impl Context ===

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.served.fetch_add(1, Ordering::AcqRel);
        log::forward(level, facility, text);
    }

    fn error(&self, error: ClientError, reason: &str) {
        self.served.fetch_add(1, Ordering::AcqRel);
        tracing::debug!(%error, reason, "asking Kafka");
        self.refusal.note(code_of(&error));
    }
}

impl ConsumerContext for Context {}
