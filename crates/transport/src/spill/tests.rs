//! What is never guessed about a directory.

use candor_event::{EventId, ManualClock, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::{Committer, Consumer, Cursor};

fn kafka() -> KafkaConfig {
    KafkaConfig { bootstrap_servers: vec!["127.0.0.1:1".to_owned()], ..KafkaConfig::default() }
}

async fn open(dir: &Path) -> Result<SpillingProducer, SpillError> {
    let clock = ManualClock::at(Timestamp::from_unix(1_790_000_000));
    SpillingProducer::open(&kafka(), &SpillConfig::default(), dir, Arc::new(clock)).await
}

/// What the operator reads.
fn said(error: &SpillError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    format!("{error}: {}", cause.unwrap_or_default())
}

/// A spill with one event in it, which was closed in order.
async fn left_over(dir: &Path) -> LogId {
    let producer = open(dir).await.unwrap();
    let event = Outgoing { id: EventId::from_bytes([1; 16]), record: "event".into() };
    producer.produce(vec![event]).await.unwrap();
    assert_eq!((producer.health(), producer.left()), (SpillHealth::Spilling, 1));
    let id = producer.id();
    producer.close(Duration::from_secs(5)).await;
    id
}

#[tokio::test]
async fn a_spill_is_found_again_with_what_is_in_it() {
    let dir = TempDir::new().unwrap();
    let id = left_over(dir.path()).await;
    let again = open(dir.path()).await.unwrap();
    assert_eq!((again.id(), again.left()), (id, 1));
    again.close(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn closing_takes_no_more_for_kafka_and_spills_what_still_comes() {
    let dir = TempDir::new().unwrap();
    let producer = open(dir.path()).await.unwrap();
    producer.clone().close(Duration::from_secs(5)).await;
    let event = Outgoing { id: EventId::from_bytes([1; 16]), record: "event".into() };
    assert_eq!(producer.produce(vec![event]).await, Ok(()));
    assert_eq!(producer.left(), 1);
}

#[tokio::test]
async fn a_spill_and_a_log_are_not_taken_for_each_other() {
    let (spill, log) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    left_over(spill.path()).await;
    drop(Journal::open(log.path(), SpillConfig::default().journal()).unwrap());
    let refused = said(&open(log.path()).await.unwrap_err());
    assert!(refused.contains("holds the log itself, and no spill"), "{refused}");
    let refused = Journal::open(spill.path(), SpillConfig::default().journal());
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("holds a spill, and not the log itself"), "{refused}");
}

#[tokio::test]
async fn another_version_of_the_frames_is_refused_by_name() {
    let dir = TempDir::new().unwrap();
    left_over(dir.path()).await;
    let path = dir.path().join("spill");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..12]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let refused = said(&open(dir.path()).await.unwrap_err());
    assert!(refused.contains("spill has format version 2"), "{refused}");
    std::fs::write(&path, b"?").unwrap();
    let refused = said(&open(dir.path()).await.unwrap_err());
    assert!(refused.contains("is damaged"), "{refused}");
}

#[tokio::test]
async fn another_version_of_the_note_is_refused() {
    let dir = TempDir::new().unwrap();
    left_over(dir.path()).await;
    let bounds = SpillConfig::default().journal();
    let (producer, mut consumer) = Journal::open_spill(dir.path(), bounds).unwrap();
    consumer.next().await.unwrap();
    let cursor = Cursor { offset: 0, metadata: "spill-3 ? ?".to_owned() };
    consumer.committer().commit(0, cursor).await.unwrap();
    drop((producer, consumer));
    let refused = open(dir.path()).await.unwrap_err();
    assert!(matches!(refused, SpillError::Intent { .. }), "{refused}");
    assert!(refused.to_string().contains("use a newer one"), "{refused}");
}

#[tokio::test]
async fn what_is_too_large_for_kafka_is_too_large_for_the_spill() {
    let dir = TempDir::new().unwrap();
    let producer = open(dir.path()).await.unwrap();
    let event =
        |bytes| vec![Outgoing { id: EventId::from_bytes([1; 16]), record: vec![0; bytes].into() }];
    assert_eq!(producer.produce(event(512 << 10)).await, Ok(()));
    assert_eq!(producer.produce(event((512 << 10) + 1)).await, Err(ProduceError::TooLarge));
    assert_eq!(producer.produce(event(0)).await, Ok(()), "a batch of no events");
    assert_eq!(producer.left(), 1);
    producer.close(Duration::from_secs(5)).await;
}
