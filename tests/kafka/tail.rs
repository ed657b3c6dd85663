//! Reading beside the group.

use candor_tests::Broker;
use candor_transport::Producer;
use candor_transport::kafka::{From, KafkaConfig, KafkaError, KafkaTail, Tailed};

use crate::drive::soon;
use crate::support::{create, events_in, fresh, fresh_with, scan, start};

async fn filled(config: &KafkaConfig) -> candor_transport::kafka::KafkaProducer {
    create(config).await;
    let producer = start(config).await;
    for partition in [0, 0, 0, 1, 2, 2] {
        soon(producer.produce(events_in(partition, 1))).await.unwrap();
    }
    producer
}

fn places(all: &[Tailed]) -> Vec<(u32, u64)> {
    let mut places: Vec<_> = all.iter().map(|it| (it.partition, it.offset)).collect();
    places.sort_unstable();
    places
}

async fn rest(mut tail: KafkaTail) -> Vec<Tailed> {
    let mut all = Vec::new();
    while let Some(tailed) = soon(tail.next()).await.unwrap() {
        all.push(tailed);
    }
    all
}

#[tokio::test]
async fn all_partitions_are_read_to_their_ends() {
    let config = fresh_with(Broker::shared(), 4);
    let producer = filled(&config).await;
    assert_eq!(places(&scan(&config).await), [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1)]);

    let last = soon(KafkaTail::start(&config, From::Last(1))).await.unwrap().until_end();
    soon(producer.produce(events_in(1, 1))).await.unwrap(); // behind the end that was seen
    assert_eq!(places(&rest(last).await), [(0, 2), (1, 0), (2, 1)]);
    let latest = soon(KafkaTail::start(&config, From::Latest)).await.unwrap().until_end();
    assert!(rest(latest).await.is_empty());
}

#[tokio::test]
async fn what_comes_is_followed() {
    let config = fresh_with(Broker::shared(), 4);
    let producer = filled(&config).await;
    let mut tail = soon(KafkaTail::start(&config, From::Latest)).await.unwrap();
    let events = events_in(1, 1);
    soon(producer.produce(events.clone())).await.unwrap();
    let tailed = soon(tail.next()).await.unwrap().unwrap();
    let want = Tailed { partition: 1, offset: 1, record: events[0].record.clone(), spill: None };
    assert_eq!(tailed, want);
}

#[tokio::test]
async fn a_missing_topic_is_told() {
    let config = fresh(Broker::shared());
    let missing = soon(KafkaTail::start(&config, From::Earliest)).await.unwrap_err();
    assert!(matches!(missing, KafkaError::TopicMissing { .. }), "{missing}");
}

#[tokio::test]
async fn the_group_is_neither_joined_nor_moved() {
    let config = fresh_with(Broker::shared(), 4);
    filled(&config).await;
    assert_eq!(scan(&config).await.len(), 6);
    let admin = Broker::shared().admin();
    let groups = admin.inner().fetch_group_list(None, std::time::Duration::from_secs(10)).unwrap();
    assert!(groups.groups().iter().all(|group| group.name() != config.group));
}
