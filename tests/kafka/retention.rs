//! What the log does not have any more, or not whole.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use candor_tests::Broker;
use candor_transport::kafka::{Compression, KafkaConfig, KafkaConsumer};
use candor_transport::{Committer, Consumer, Cursor, Damage, Delivery, Producer};
use rdkafka::admin::AdminOptions;
use rdkafka::{Offset, TopicPartitionList};

use crate::drive::{events, flat, padded, read, soon};
use crate::support::{STALL_MAX, create, fresh, next, start};

/// Deletes what lies before `offset`, as retention does.
async fn delete_before(config: &KafkaConfig, offset: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&config.topic, 0, Offset::Offset(offset)).unwrap();
    let admin = Broker::shared().admin();
    let deleted = soon(admin.delete_records(&list, &AdminOptions::new())).await.unwrap();
    deleted.elements()[0].error().unwrap();
}

fn cursor(offset: u64) -> Cursor {
    Cursor { offset, metadata: String::new() }
}

#[tokio::test]
async fn what_was_deleted_while_the_sink_was_away_is_told() {
    let config = fresh(Broker::shared());
    create(&config).await;
    let producer = start(&config).await;
    for number in 0..6 {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    assert!(matches!(next(&mut consumer).await, Delivery::Assigned { low: 0, .. }));
    read(&mut consumer, 2).await;
    soon(consumer.committer().commit(0, cursor(2))).await.unwrap();
    drop(consumer);
    delete_before(&config, 5).await;

    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    match next(&mut consumer).await {
        Delivery::Assigned { committed, low, high, .. } => {
            assert_eq!((committed, low, high), (Some(cursor(2)), 5, 6));
        }
        other => panic!("not an assignment: {other:?}"),
    }
    let gap = Delivery::Damaged { partition: 0, first: 2, last: 4, damage: Damage::Deleted };
    assert_eq!(next(&mut consumer).await, gap);
    soon(consumer.committer().commit(0, cursor(5))).await.unwrap();
    assert_eq!(flat(&read(&mut consumer, 1).await), [5]);
}

#[tokio::test]
async fn what_was_deleted_behind_a_paused_sink_is_told() {
    let mut config = fresh(Broker::shared());
    config.compression = Compression::None;
    create(&config).await;
    let producer = start(&config).await;
    for number in 0..40 {
        soon(producer.produce(vec![padded(number, 400_000)])).await.unwrap();
    }
    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    assert!(matches!(next(&mut consumer).await, Delivery::Assigned { .. }));
    read(&mut consumer, 1).await;
    soon(consumer.committer().commit(0, cursor(1))).await.unwrap();
    consumer.pause(0);
    delete_before(&config, 38).await;
    consumer.resume(0);

    let mut expected = 1;
    loop {
        match next(&mut consumer).await {
            Delivery::Record { offset, .. } => {
                assert_eq!(offset, expected, "read ahead before it was deleted");
                expected += 1;
            }
            Delivery::Revoked { partition: 0, lost } => {
                assert!(!lost, "it is still ours");
                break;
            }
            other => panic!("unexpected: {other:?}"),
        }
    }
    assert!(expected < 38, "more was read ahead than there is room for: {expected}");
    soon(consumer.committer().commit(0, cursor(expected))).await.unwrap();
    consumer.release(0);
    match next(&mut consumer).await {
        Delivery::Assigned { committed, low, .. } => {
            assert_eq!((committed, low), (Some(cursor(expected)), 38));
        }
        other => panic!("not an assignment: {other:?}"),
    }
    let gap =
        Delivery::Damaged { partition: 0, first: expected, last: 37, damage: Damage::Deleted };
    assert_eq!(next(&mut consumer).await, gap);
    assert_eq!(flat(&read(&mut consumer, 2).await), [38, 39]);
}

#[tokio::test]
async fn a_record_whose_checksum_does_not_fit_is_told() {
    let mut config = fresh(Broker::shared());
    config.compression = Compression::None;
    create(&config).await;
    let producer = start(&config).await;
    for number in 0..3 {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    flip_a_bit(&config, "xxxxxxxxxx", 1);

    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    assert!(matches!(next(&mut consumer).await, Delivery::Assigned { .. }));
    assert_eq!(flat(&read(&mut consumer, 1).await), [0]);
    let gap = Delivery::Damaged { partition: 0, first: 1, last: 1, damage: Damage::Corrupt };
    assert_eq!(next(&mut consumer).await, gap);
    assert_eq!(flat(&read(&mut consumer, 1).await), [2]);
}

/// Flips a bit in the given occurrence of a text in the topic's file.
fn flip_a_bit(config: &KafkaConfig, text: &str, occurrence: usize) {
    let dir = Broker::shared().log_dir().join(format!("{}-0", config.topic));
    let path = dir.join("00000000000000000000.log");
    let bytes = std::fs::read(&path).unwrap();
    let places = bytes.windows(text.len()).enumerate();
    let place = places.filter(|(_, it)| *it == text.as_bytes()).nth(occurrence).unwrap().0;
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[bytes[place] ^ 1], place as u64).unwrap();
}
