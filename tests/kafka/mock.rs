//! Faults that a real broker does not have on demand: librdkafka's mock cluster.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use candor_transport::kafka::{KafkaConfig, KafkaConsumer};
use candor_transport::{
    CommitError, Committer, Consumer, Cursor, Delivery, ProduceError, Producer,
};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as ApiKey, RDKafkaRespErr as Code};

use crate::drive::{event, events, read, soon};
use crate::support::{STALL_MAX, assigned, next, sink, start, stored};

pub(crate) type Mock = MockCluster<'static, DefaultProducerContext>;

fn mock() -> (Mock, KafkaConfig) {
    mock_with(1)
}

/// A cluster with a topic of so many partitions.
pub(crate) fn mock_with(partitions: i32) -> (Mock, KafkaConfig) {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic("candor", partitions, 1).unwrap();
    let config = KafkaConfig {
        bootstrap_servers: vec![mock.bootstrap_servers()],
        instance: Some("sink-1".to_owned()),
        session_timeout_s: NonZeroU32::new(3).unwrap(),
        ..KafkaConfig::default()
    };
    (mock, config)
}

#[tokio::test]
async fn a_write_that_the_broker_refuses_for_now_is_tried_again() {
    let (mock, config) = mock();
    let producer = start(&config).await;
    mock.request_errors(
        ApiKey::Produce,
        &[
            Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        ],
    );
    soon(producer.produce(events([1]))).await.unwrap();
    assert_eq!(stored(&config).await, [1]);
}

#[tokio::test]
async fn a_broken_client_is_replaced() {
    let (mock, config) = mock();
    let producer = start(&config).await;
    soon(producer.produce(events([1]))).await.unwrap();
    mock.request_errors(ApiKey::Produce, &[Code::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
    assert_eq!(soon(producer.produce(events([2]))).await, Err(ProduceError::Unavailable));
    soon(async {
        while producer.produce(events([3])).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(stored(&config).await, [1, 3]);
}

#[tokio::test]
async fn a_slow_broker_gets_larger_records_not_more_of_them() {
    let (mock, config) = mock();
    let producer = start(&config).await;
    mock.broker_round_trip_time(1, Duration::from_millis(50)).unwrap();
    let begun = Instant::now();
    soon(producer.produce(events([0]))).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(50), "acknowledged before it could be");
    let mut waiting = tokio::task::JoinSet::new();
    for number in 1..=200 {
        let producer = producer.clone();
        waiting.spawn(async move { producer.produce(vec![event(number)]).await });
    }
    while let Some(answer) = soon(waiting.join_next()).await {
        assert_eq!(answer.unwrap(), Ok(()));
    }
    mock.broker_round_trip_time(1, Duration::ZERO).unwrap();
    let records = crate::support::scan(&config).await.len();
    assert!(records < 20, "{records} records");
}

/// A sink that has read a record of its partition.
async fn reading(config: &KafkaConfig) -> KafkaConsumer {
    let producer = start(config).await;
    soon(producer.produce(events([1]))).await.unwrap();
    let mut consumer = KafkaConsumer::start(config, STALL_MAX).unwrap();
    assert!(matches!(next(&mut consumer).await, Delivery::Assigned { .. }));
    read(&mut consumer, 1).await;
    consumer
}

fn cursor() -> Cursor {
    Cursor { offset: 1, metadata: "note".to_owned() }
}

#[tokio::test]
async fn a_commit_that_fails_for_now_may_be_tried_again() {
    let (mock, config) = mock();
    let consumer = reading(&config).await;
    let committer = consumer.committer();
    for code in [
        Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
    ] {
        mock.request_errors(ApiKey::OffsetCommit, &[code]);
        let refused = soon(committer.commit(0, cursor())).await;
        assert!(matches!(refused, Err(CommitError::Io(_))), "{code:?}: {refused:?}");
        soon(committer.commit(0, cursor())).await.unwrap();
    }
    // These are tried again by librdkafka itself.
    for code in [
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    ] {
        mock.request_errors(ApiKey::OffsetCommit, &[code]);
        soon(committer.commit(0, cursor())).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_is_unknown_to_the_coordinator_commits_nothing_and_joins_again() {
    let (mock, config) = mock();
    let mut consumer = reading(&config).await;
    mock.request_errors(ApiKey::OffsetCommit, &[Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID]);
    let refused = soon(consumer.committer().commit(0, cursor())).await;
    assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    assert_eq!(next(&mut consumer).await, Delivery::Revoked { partition: 0, lost: true });
    consumer.release(0);
    match next(&mut consumer).await {
        Delivery::Assigned { committed, .. } => assert_eq!(committed, None),
        other => panic!("not an assignment: {other:?}"),
    }
    read(&mut consumer, 1).await;
    soon(consumer.committer().commit(0, cursor())).await.unwrap();
}

/// librdkafka does not tell of a loss while a partition is being given away; it would join again, and keep
/// the other partition where it stopped.
#[tokio::test]
async fn whoever_is_expelled_while_it_gives_something_away_keeps_nothing() {
    let (mock, mut config) = mock();
    config.topic = "two".to_owned();
    mock.create_topic("two", 2, 1).unwrap();
    let mut first = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    assigned(&mut first, 2).await;
    let mut second = KafkaConsumer::start(&sink(&config, "sink-2"), STALL_MAX).unwrap();
    let leaving = soon(async {
        tokio::select! {
            delivery = first.next() => match delivery.unwrap() {
                Delivery::Revoked { partition, lost: false } => partition,
                other => panic!("not a revocation: {other:?}"),
            },
            delivery = second.next() => panic!("it is still the first's: {delivery:?}"),
        }
    })
    .await;
    let staying = 1 - leaving;
    let start = Cursor::default();
    mock.request_errors(ApiKey::Heartbeat, &[Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID; 4]);
    let told = soon(async {
        loop {
            match first.committer().commit(staying, start.clone()).await {
                Ok(()) | Err(CommitError::Io(_)) => tokio::task::yield_now().await,
                Err(CommitError::Fenced) => break,
                Err(error) => panic!("not fenced: {error}"),
            }
        }
        next(&mut first).await
    })
    .await;
    assert_eq!(told, Delivery::Revoked { partition: staying, lost: true });
    first.release(staying);
    first.release(leaving);

    let mut owners = [None, None];
    soon(async {
        while owners.contains(&None) {
            let (owner, delivery) = tokio::select! {
                delivery = first.next() => (1, delivery.unwrap()),
                delivery = second.next() => (2, delivery.unwrap()),
            };
            match delivery {
                Delivery::Assigned { partition, .. } => {
                    let before = owners[partition as usize].replace(owner);
                    assert_eq!(before, None, "{partition} has two owners");
                }
                Delivery::Revoked { partition, .. } => {
                    owners[partition as usize] = None;
                    let consumer = if owner == 1 { &mut first } else { &mut second };
                    consumer.release(partition);
                }
                other => panic!("unexpected: {other:?}"),
            }
        }
    })
    .await;
}
