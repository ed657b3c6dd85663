//! What lies in the spill reaches the log once, wherever it breaks off.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use candor_tests::Broker;
use candor_transport::kafka::{KafkaConfig, KafkaConsumer, Tailed, Topic, TopicPlan};
use candor_transport::spill::SpillHealth;
use candor_transport::{ConsumeError, Consumer, Delivery, LogId, Producer};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tempfile::TempDir;

use crate::drive::{event, events, padded, soon};
use crate::mock::mock_with;
use crate::support::{STALL_MAX, create, fresh, fresh_with, scan};

use super::{assert_marks_mean_one_thing, away, becomes, drained, once, open};

/// A spill with so many events in it, each in about so many bytes.
async fn filled(config: &KafkaConfig, dir: &Path, count: u64, padding: usize) -> LogId {
    let producer = open(&away(config), dir).await;
    for first in (0..count).step_by(200) {
        let chunk = (first..first + 200).map(|number| padded(number, padding));
        soon(producer.produce(chunk.collect())).await.unwrap();
    }
    producer.id()
}

/// Each drop ends draining wherever it is, as a crash does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_that_breaks_off_anywhere_goes_on_with_the_same_marks() {
    let broker = Broker::shared();
    let config = fresh_with(broker, 2);
    create(&config).await;
    let dir = TempDir::new().unwrap();
    let id = filled(&config, dir.path(), 12_000, 2_000).await;
    let mut broke_off = 0;
    for round in 0..30_u64 {
        let producer = open(&config, dir.path()).await;
        assert_eq!(producer.id(), id, "a spill keeps its name");
        tokio::time::sleep(Duration::from_millis(round * 7 % 160)).await;
        drop(producer);
        broke_off += u32::from(says_what_is_under_way(dir.path()));
        if round == 15 {
            let more = NewPartitions::new(&config.topic, 5);
            broker.admin().create_partitions([&more], &AdminOptions::new()).await.unwrap();
        }
    }
    let producer = open(&config, dir.path()).await;
    assert_eq!(drained(&producer, &config).await, (0..12_000).collect::<Vec<_>>());
    becomes(&producer, SpillHealth::Live).await;
    let all = scan(&config).await;
    assert_marks_mean_one_thing(&all);
    let (records, marks) = (all.len(), distinct(&all));
    println!("{broke_off} times while sending; {records} records under {marks} marks");
    assert!(broke_off > 0, "it never broke off while sending");
}

/// Whether the cursor has a note.
fn says_what_is_under_way(dir: &Path) -> bool {
    let cursor = std::fs::read(dir.join("cursor")).unwrap();
    cursor.windows(8).any(|window| window == b"spill-1 ")
}

fn distinct(all: &[Tailed]) -> usize {
    let marks = all.iter().filter_map(|tailed| Some((tailed.partition, tailed.spill?)));
    marks.collect::<HashSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_anew_gets_what_was_under_way() {
    let broker = Broker::shared();
    let config = fresh_with(broker, 4);
    create(&config).await;
    let dir = TempDir::new().unwrap();
    filled(&config, dir.path(), 12_000, 2_000).await;
    soon(async {
        loop {
            let producer = open(&config, dir.path()).await;
            while !says_what_is_under_way(dir.path()) {
                assert!(producer.left() > 0, "it never broke off while sending");
                tokio::task::yield_now().await;
            }
            drop(producer);
            if says_what_is_under_way(dir.path()) {
                return;
            }
        }
    })
    .await;
    let before: BTreeSet<_> = once(&scan(&config).await).into_iter().collect();
    broker.delete_topic(&config.topic).await;
    let smaller = KafkaConfig { create: fresh(broker).create, ..config.clone() };
    soon(async {
        while !matches!(Topic::plan(&smaller).await, Ok(TopicPlan::Create(_))) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    create(&smaller).await;
    let producer = open(&smaller, dir.path()).await;
    let after = drained(&producer, &smaller).await;
    assert!(after.windows(2).all(|two| two[0] < two[1]), "doubled");
    let missing: Vec<_> =
        (0..12_000).filter(|it| !before.contains(it) && after.binary_search(it).is_err()).collect();
    assert!(missing.is_empty() && !after.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn a_client_that_breaks_while_draining_is_replaced_and_nothing_is_skipped() {
    use rdkafka::types::{RDKafkaApiKey as ApiKey, RDKafkaRespErr as Code};
    let (mock, config) = mock_with(1);
    let dir = TempDir::new().unwrap();
    mock.broker_down(1).unwrap();
    let producer = open(&config, dir.path()).await;
    for number in 0..20 {
        soon(producer.produce(vec![padded(number, 400_000)])).await.unwrap();
    }
    let broken = Code::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    let fine = Code::RD_KAFKA_RESP_ERR_NO_ERROR;
    mock.request_errors(ApiKey::Produce, &[fine, broken, fine, fine, broken]);
    mock.broker_up(1).unwrap();
    assert_eq!(drained(&producer, &config).await, (0..20).collect::<Vec<_>>());
    assert_marks_mean_one_thing(&scan(&config).await);
    becomes(&producer, SpillHealth::Live).await;
}

#[tokio::test]
async fn a_consumer_hands_the_mark_on_and_stops_at_one_that_it_does_not_know() {
    let broker = Broker::shared();
    let config = fresh(broker);
    create(&config).await;
    let dir = TempDir::new().unwrap();
    let producer = open(&away(&config), dir.path()).await;
    soon(producer.produce(events([1]))).await.unwrap();
    soon(producer.close(Duration::from_secs(1))).await;
    let producer = open(&config, dir.path()).await;
    drained(&producer, &config).await;
    let id = producer.id();
    drop(producer);
    let strange: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker.address()).create().unwrap();
    let headers = OwnedHeaders::new().insert(Header { key: "candor-spill", value: Some("new") });
    let record = event(2).record;
    let record = BaseRecord::<(), _>::to(&config.topic).payload(&record[..]).headers(headers);
    strange.send(record).map_err(|(error, _)| error).unwrap();
    strange.flush(Duration::from_secs(30)).unwrap();

    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    assert!(matches!(crate::support::next(&mut consumer).await, Delivery::Assigned { .. }));
    match crate::support::next(&mut consumer).await {
        Delivery::Record { spill: Some(mark), .. } => assert_eq!((mark.id, mark.sequence), (id, 0)),
        other => panic!("no record with a mark: {other:?}"),
    }
    for _ in 0..2 {
        let error = soon(consumer.next()).await.unwrap_err();
        assert!(matches!(error, ConsumeError::Mark { partition: 0, offset: 1 }), "{error}");
        assert!(!error.is_transient());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catching_up_is_much_faster_than_what_came_in() {
    const EVENTS: u64 = 200_000;
    let config = fresh_with(Broker::shared(), 6);
    create(&config).await;
    let dir = TempDir::new().unwrap();
    let begun = Instant::now();
    filled(&config, dir.path(), EVENTS, 200).await;
    println!("spilled: {:.0} events/s", per_second(EVENTS, begun.elapsed()));
    let producer = open(&config, dir.path()).await;
    let begun = Instant::now();
    soon(async {
        while producer.left() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    println!("drained: {:.0} events/s", per_second(EVENTS, begun.elapsed()));
    assert_eq!(drained(&producer, &config).await, (0..EVENTS).collect::<Vec<_>>());
}

#[expect(clippy::cast_precision_loss, reason = "a figure to print")]
fn per_second(events: u64, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}
