//! What the tests share.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::task::Poll;
use std::time::Duration;

use candor_event::EventId;
use candor_tests::Broker;
use candor_transport::kafka::{
    From, KafkaConfig, KafkaConsumer, KafkaProducer, KafkaTail, Tailed, Topic, TopicConfig,
    TopicPlan,
};
use candor_transport::{Consumer, Cursor, Delivery, Outgoing, ProduceError, Producer};

use crate::drive::{event, numbers, soon};

/// A topic of one partition and a group that no other test has.
pub(crate) fn fresh(broker: &Broker) -> KafkaConfig {
    let topic = broker.fresh_topic();
    KafkaConfig {
        bootstrap_servers: vec![broker.address()],
        group: format!("sinks-of-{topic}"),
        topic,
        instance: Some("sink-1".to_owned()),
        session_timeout_s: NonZeroU32::new(6).unwrap(),
        create: TopicConfig { partitions: NonZeroU32::MIN, ..TopicConfig::default() },
        ..KafkaConfig::default()
    }
}

/// The same with more partitions.
pub(crate) fn fresh_with(broker: &Broker, partitions: u32) -> KafkaConfig {
    let mut config = fresh(broker);
    config.create.partitions = NonZeroU32::new(partitions).unwrap();
    config
}

/// Makes the topic as `candor migrate` does.
pub(crate) async fn create(config: &KafkaConfig) {
    let plan = soon(Topic::plan(config)).await.unwrap();
    assert!(matches!(plan, TopicPlan::Create(_)), "{plan}");
    soon(plan.create(config)).await.unwrap();
}

/// A producer that takes events.
pub(crate) async fn start(config: &KafkaConfig) -> KafkaProducer {
    let producer = KafkaProducer::start(config).unwrap();
    ready(&producer).await;
    producer
}

/// Waits until the producer takes events.
pub(crate) async fn ready(producer: &KafkaProducer) {
    soon(async {
        while producer.check().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Everything in the log.
pub(crate) async fn scan(config: &KafkaConfig) -> Vec<Tailed> {
    let tail = soon(KafkaTail::start(config, From::Earliest)).await.unwrap();
    let mut tail = tail.until_end();
    let mut all = Vec::new();
    while let Some(tailed) = soon(tail.next()).await.unwrap() {
        all.push(tailed);
    }
    all
}

/// The numbers of all events in the log, sorted: a double shows.
pub(crate) async fn stored(config: &KafkaConfig) -> Vec<u64> {
    let mut all: Vec<_> =
        scan(config).await.iter().flat_map(|tailed| numbers(&tailed.record)).collect();
    all.sort_unstable();
    all
}

/// Another sink of the same group.
pub(crate) fn sink(config: &KafkaConfig, name: &str) -> KafkaConfig {
    KafkaConfig { instance: Some(name.to_owned()), ..config.clone() }
}

/// What comes next, other than failures that may pass.
pub(crate) async fn next(consumer: &mut KafkaConsumer) -> Delivery {
    soon(async {
        loop {
            match consumer.next().await {
                Ok(delivery) => return delivery,
                Err(error) => assert!(error.is_transient(), "the log cannot be read: {error}"),
            }
        }
    })
    .await
}

/// Reads assignments, and nothing else, until these partitions are there.
pub(crate) async fn assigned(
    consumer: &mut KafkaConsumer,
    count: usize,
) -> BTreeMap<u32, Option<Cursor>> {
    let mut all = BTreeMap::new();
    while all.len() < count {
        match next(consumer).await {
            Delivery::Assigned { partition, committed, .. } => {
                assert!(all.insert(partition, committed).is_none(), "{partition} twice");
            }
            other => panic!("not an assignment: {other:?}"),
        }
    }
    all
}

/// Whether nothing is delivered for a while.
pub(crate) async fn is_quiet(consumer: &mut KafkaConsumer) -> bool {
    tokio::time::timeout(Duration::from_millis(700), consumer.next()).await.is_err()
}

/// Events that lie in this partition of so many.
pub(crate) fn events_in(partition: u8, count: usize) -> Vec<Outgoing> {
    (0..count)
        .map(|number| {
            let id = [0, 0, 0, 0, 0, 0, 0, partition, 0, 0, 0, 0, 0, 0, 0, 0];
            Outgoing { id: EventId::from_bytes(id), record: event(number as u64).record }
        })
        .collect()
}

/// A produce call that is in the queue, as soon as this is back; what is left of it is given back.
pub(crate) async fn begun(
    producer: &KafkaProducer,
    event: Outgoing,
) -> impl Future<Output = Result<(), ProduceError>> + Send + 'static + use<> {
    begun_on(producer, event).await
}

/// The same of any producer.
pub(crate) async fn begun_on<P: Producer + Clone>(
    producer: &P,
    event: Outgoing,
) -> impl Future<Output = Result<(), ProduceError>> + Send + 'static + use<P> {
    let producer = producer.clone();
    let mut call = Box::pin(async move { producer.produce(vec![event]).await });
    let answer = std::future::poll_fn(|context| {
        Poll::Ready(match call.as_mut().poll(context) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        })
    })
    .await;
    async move {
        match answer {
            Some(answer) => answer,
            None => call.await,
        }
    }
}

pub(crate) const STALL_MAX: Duration = Duration::from_mins(1);
