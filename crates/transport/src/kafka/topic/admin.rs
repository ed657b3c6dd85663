//! Asks the broker about the topic, and makes it. Everything here blocks.

use std::future::Future;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic as RdkafkaTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::metadata::Metadata;
use tokio::runtime::Handle;

use super::NewTopic;
use crate::kafka::error::{code_of, is_missing, is_unreachable};
use crate::kafka::side::Side;
use crate::kafka::{KafkaConfig, KafkaError, settings};

/// Speaks to the broker.
pub(super) struct Admin<'a> {
    client: AdminClient<Context>,
    side: Side,
    config: &'a KafkaConfig,
}

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// A topic; `replicas` are the fewest that a partition has.
    Is { partitions: u32, replicas: u32 },
    /// No topic.
    Missing,
    /// A topic that has no leaders yet.
    NotReady,
}

/// Nobody serves its callbacks: what there is to say comes through the side.
struct Context;

// === impl Admin ===

impl<'a> Admin<'a> {
    pub(super) fn new(config: &'a KafkaConfig) -> Result<Self, KafkaError> {
        let client = settings::base(config)?.create_with_context(Context);
        let client = client.map_err(|error| KafkaError::client(&error))?;
        Ok(Self { client, side: Side::new(config)?, config })
    }

    pub(super) fn size(&self) -> Result<Size, KafkaError> {
        let fail = |code| KafkaError::of(self.config, LOOK, code);
        let metadata = self.metadata().map_err(fail)?;
        let topic = metadata.topics().first().ok_or_else(|| fail(Code::BadMessage))?;
        match topic.error().map(Code::from) {
            None => {}
            Some(code) if is_missing(code) => return Ok(Size::Missing),
            Some(Code::LeaderNotAvailable) => return Ok(Size::NotReady),
            Some(code) => return Err(fail(code)),
        }
        let partitions = topic.partitions();
        if partitions.is_empty() || partitions.iter().any(|it| it.leader() < 0) {
            return Ok(Size::NotReady);
        }
        let replicas = partitions.iter().map(|it| it.replicas().len()).min().unwrap_or(0);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Size::Is { partitions: number(partitions.len()), replicas: number(replicas) })
    }

    /// Asks a few times, so that a broker that refuses us is told of soon.
    fn metadata(&self) -> Result<Metadata, Code> {
        let begun = Instant::now();
        loop {
            match self.side.metadata(&self.config.topic, ASK_TIMEOUT) {
                Err(code) if is_unreachable(code) && begun.elapsed() < TIMEOUT => {}
                answer => return answer,
            }
        }
    }

    pub(super) fn settings(&self) -> Result<ConfigResource, KafkaError> {
        let topic = ResourceSpecifier::Topic(&self.config.topic);
        let described = wait(self.client.describe_configs([&topic], &options()));
        let described = described.map_err(|error| code_of(&error));
        let described = described.and_then(|mut all| all.pop().unwrap_or(Err(Code::BadMessage)));
        described.map_err(|code| KafkaError::of(self.config, LOOK, code))
    }

    /// Makes the topic, and waits until it has leaders.
    pub(super) fn create(&self, new: &NewTopic) -> Result<(), KafkaError> {
        let fail = |code| KafkaError::of(self.config, "make the topic", code);
        let replication = TopicReplication::Fixed(new.replication.into());
        let partitions = i32::try_from(new.partitions).unwrap_or(i32::MAX);
        let mut topic = RdkafkaTopic::new(&new.name, partitions, replication);
        for (setting, value) in &new.settings {
            topic = topic.set(setting, value);
        }
        let made = wait(self.client.create_topics([&topic], &options()));
        let made = made.map_err(|error| fail(code_of(&error)))?.pop();
        match made {
            // If it exists by now, somebody makes the same at the same time.
            Some(Ok(_) | Err((_, Code::TopicAlreadyExists))) => {}
            Some(Err((_, code))) => return Err(fail(code)),
            None => return Err(fail(Code::BadMessage)),
        }
        let begun = Instant::now();
        while !matches!(self.size()?, Size::Is { .. }) {
            if begun.elapsed() > TIMEOUT {
                return Err(fail(Code::OperationTimedOut));
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

// === impl Context ===

impl ClientContext for Context {}

/// Admin calls are futures that need no executor of a certain kind.
fn wait<T>(call: impl Future<Output = T>) -> T {
    Handle::current().block_on(call)
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}

const LOOK: &str = "look at the topic";
const TIMEOUT: Duration = Duration::from_secs(10);
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
