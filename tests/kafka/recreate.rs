//! A topic that is deleted and made anew under the same name is another log.

use candor_tests::Broker;
use candor_transport::kafka::{KafkaConfig, KafkaConsumer, KafkaError, Topic, TopicPlan};
use candor_transport::{CommitError, Committer, Consumer, Cursor, Delivery, LogId, Producer};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::drive::{self, events, flat, read, soon};
use crate::support::{STALL_MAX, create, fresh, is_quiet, next, ready, start, stored};

async fn make_anew(config: &KafkaConfig) {
    Broker::shared().delete_topic(&config.topic).await;
    soon(async {
        while !matches!(Topic::plan(config).await, Ok(TopicPlan::Create(_))) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    create(config).await;
}

/// What the group's coordinator has.
async fn committed(config: &KafkaConfig) -> (Offset, String) {
    let config = config.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let mut list = TopicPartitionList::new();
        list.add_partition(&config.topic, 0);
        let list = plain(&config).committed_offsets(list, STALL_MAX).unwrap();
        let element = &list.elements()[0];
        (element.offset(), element.metadata().to_owned())
    });
    soon(asked).await.unwrap()
}

/// A consumer as an operator's tools are.
fn plain(config: &KafkaConfig) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", config.bootstrap_servers.join(","))
        .set("group.id", &config.group)
        .create()
        .unwrap()
}

async fn opened(consumer: &mut KafkaConsumer) -> (LogId, Option<Cursor>, u64, u64) {
    match next(consumer).await {
        Delivery::Assigned { log, committed, low, high, .. } => (log, committed, low, high),
        other => panic!("not an assignment: {other:?}"),
    }
}

#[tokio::test]
async fn it_is_noticed_and_read_from_its_beginning() {
    let config = fresh(Broker::shared());
    create(&config).await;
    let producer = start(&config).await;
    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    let (before, committed, ..) = opened(&mut consumer).await;
    assert_eq!(committed, None);
    soon(producer.produce(events(0..3))).await.unwrap();
    let cursor = drive::behind(&read(&mut consumer, 3).await, "v1 end=9");
    soon(consumer.committer().commit(0, cursor.clone())).await.unwrap();

    make_anew(&config).await;
    let lost = next(&mut consumer).await;
    assert_eq!(lost, Delivery::Revoked { partition: 0, lost: true });
    let refused = soon(consumer.committer().commit(0, cursor)).await;
    assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    consumer.release(0);
    let (after, committed, low, high) = opened(&mut consumer).await;
    assert_ne!(after, before);
    assert_eq!((committed, low, high), (None, 0, 0), "the old log's cursor is not this one's");

    soon(async {
        while producer.produce(events([7])).await.is_err() {
            ready(&producer).await;
        }
    })
    .await;
    assert_eq!(flat(&read(&mut consumer, 1).await), [7]);
    assert_eq!(stored(&config).await, [7]);
}

#[tokio::test]
async fn a_commit_of_the_old_log_does_not_reach_the_new_one() {
    let config = fresh(Broker::shared());
    create(&config).await;
    let producer = start(&config).await;
    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    opened(&mut consumer).await;
    for number in 0..3 {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    let cursor = drive::behind(&read(&mut consumer, 3).await, "");
    assert_eq!(cursor.offset, 3);

    make_anew(&config).await;
    let other = start(&config).await;
    for number in 10..15 {
        soon(other.produce(events([number]))).await.unwrap(); // offset 3 exists again
    }
    let refused = soon(consumer.committer().commit(0, cursor)).await;
    assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    assert_eq!(committed(&config).await, (Offset::Invalid, String::new()));
    assert_eq!(next(&mut consumer).await, Delivery::Revoked { partition: 0, lost: true });
    consumer.release(0);
    assert_eq!(opened(&mut consumer).await.1, None);
    assert_eq!(flat(&read(&mut consumer, 5).await), (10..15).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_commit_carries_its_log_and_an_operators_carries_none() {
    let config = fresh(Broker::shared());
    create(&config).await;
    let producer = start(&config).await;
    for number in 0..4 {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    let (log, ..) = opened(&mut consumer).await;
    let cursor = drive::behind(&read(&mut consumer, 4).await, "intent");
    soon(consumer.committer().commit(0, cursor)).await.unwrap();
    assert_eq!(committed(&config).await, (Offset::Offset(4), format!("{log}:intent")));
    drop(consumer);

    // As `kafka-consumer-groups.sh --reset-offsets` does, which the group must be empty for.
    let by_hand = KafkaConfig { group: format!("{}-by-hand", config.group), ..config.clone() };
    let operator = plain(&by_hand);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&config.topic, 0, Offset::Offset(2)).unwrap();
    operator.commit(&list, CommitMode::Sync).unwrap();
    let mut consumer = KafkaConsumer::start(&by_hand, STALL_MAX).unwrap();
    let reset = Cursor { offset: 2, metadata: String::new() };
    assert_eq!(opened(&mut consumer).await.1, Some(reset));
    assert_eq!(flat(&read(&mut consumer, 2).await), [2, 3]);
}

#[tokio::test]
async fn a_cursor_behind_the_end_is_handed_over_as_it_is() {
    let config = fresh(Broker::shared());
    create(&config).await;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&config.topic, 0, Offset::Offset(99)).unwrap();
    plain(&config).commit(&list, CommitMode::Sync).unwrap();
    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    let (_, committed, low, high) = opened(&mut consumer).await;
    assert_eq!((committed.unwrap().offset, low, high), (99, 0, 0));
    let producer = start(&config).await;
    soon(producer.produce(events([1]))).await.unwrap();
    assert!(is_quiet(&mut consumer).await, "nothing is read on a guess");
}

#[tokio::test]
async fn a_topic_that_comes_later_just_works() {
    let config = fresh(Broker::shared());
    let producer = candor_transport::kafka::KafkaProducer::start(&config).unwrap();
    let missing = soon(producer.check()).await.unwrap_err();
    assert!(matches!(missing, KafkaError::TopicMissing { .. }));
    let hint = format!("the topic {} does not exist: run `candor migrate`", config.topic);
    assert_eq!(missing.to_string(), hint);
    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    let error = soon(consumer.next()).await.unwrap_err();
    assert!(error.is_transient());
    assert!(matches!(soon(consumer.health().check()).await, Err(KafkaError::TopicMissing { .. })));

    create(&config).await;
    ready(&producer).await;
    soon(producer.produce(events([1]))).await.unwrap();
    opened(&mut consumer).await;
    assert_eq!(flat(&read(&mut consumer, 1).await), [1]);
    soon(consumer.health().check()).await.unwrap();
}
