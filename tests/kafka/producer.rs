//! How events become records.

use std::time::Duration;

use candor_tests::Broker;
use candor_transport::kafka::{KafkaError, KafkaProducer};
use candor_transport::{ProduceError, Producer};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::drive::{event, events, numbers, soon};
use crate::support::{begun, create, fresh, fresh_with, scan, start, stored};

#[tokio::test]
async fn one_alone_has_a_record_of_its_own_and_many_at_once_share() {
    let config = fresh(Broker::shared());
    create(&config).await;
    let producer = start(&config).await;
    for number in 0..5 {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    assert_eq!(scan(&config).await.len(), 5);

    let tasks: Vec<_> = (0..64_u64)
        .map(|task| {
            let producer = producer.clone();
            tokio::spawn(async move {
                for number in 0..20 {
                    soon(producer.produce(events([100 + task * 20 + number]))).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let records = scan(&config).await.len() - 5;
    assert!(records * 4 < 64 * 20, "{records} records for {} events", 64 * 20);
    assert_eq!(stored(&config).await, (0..5).chain(100..100 + 64 * 20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_call_with_many_events_is_answered_when_all_are_durable() {
    let config = fresh_with(Broker::shared(), 6);
    create(&config).await;
    let producer = start(&config).await;
    soon(producer.produce(events(0..5_000))).await.unwrap();
    assert_eq!(stored(&config).await, (0..5_000).collect::<Vec<_>>());
    let all = scan(&config).await;
    assert!(all.iter().all(|record| numbers(&record.record).len() <= 1_000));
}

/// As any other reader of the topic sees it.
#[tokio::test]
async fn records_have_no_key_and_no_headers_and_lie_where_the_id_says() {
    let config = fresh_with(Broker::shared(), 6);
    create(&config).await;
    let producer = start(&config).await;
    soon(producer.produce(events(0..60))).await.unwrap();
    let found = tokio::task::spawn_blocking(move || {
        let reader: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", config.bootstrap_servers.join(","))
            .set("group.id", "a-reader")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&config.topic, 0, 5);
        list.set_all_offsets(Offset::Beginning).unwrap();
        reader.assign(&list).unwrap();
        let mut found = 0;
        while found < 60 {
            let message = reader.poll(Duration::from_secs(30)).unwrap().unwrap();
            assert!(message.key().is_none() && message.headers().is_none());
            for number in numbers(message.payload().unwrap()) {
                // The first eight bytes of these ids are the number, lowest byte first.
                let head = u64::from_be_bytes(number.to_le_bytes());
                assert_eq!(message.partition(), i32::try_from(head % 6).unwrap());
                found += 1;
            }
        }
        found
    });
    assert_eq!(found.await.unwrap(), 60);
}

#[tokio::test]
async fn without_a_broker_events_are_refused_and_the_address_is_named() {
    let mut config = fresh(Broker::shared());
    config.bootstrap_servers = vec!["127.0.0.1:1".to_owned()];
    let producer = KafkaProducer::start(&config).unwrap();
    assert_eq!(soon(producer.produce(events([1]))).await, Err(ProduceError::Unavailable));
    let error = soon(producer.check()).await.unwrap_err();
    assert!(matches!(error, KafkaError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    soon(producer.close(Duration::from_secs(1))).await;
}

#[test]
fn without_a_runtime_it_says_so() {
    let config = fresh(Broker::shared());
    assert!(matches!(KafkaProducer::start(&config), Err(KafkaError::Runtime)));
}

#[tokio::test]
async fn closing_writes_what_waits_and_takes_no_more() {
    let config = fresh(Broker::shared());
    create(&config).await;
    let producer = start(&config).await;
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..500 {
        waiting.spawn(begun(&producer, event(number)).await);
    }
    let clone = producer.clone();
    soon(producer.close(Duration::from_secs(20))).await;
    assert_eq!(clone.produce(events([999])).await, Err(ProduceError::Unavailable));
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap(), Ok(()));
    }
    assert_eq!(stored(&config).await, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_waits_is_written_when_the_last_handle_is_dropped() {
    let config = fresh(Broker::shared());
    create(&config).await;
    let producer = start(&config).await;
    for number in 0..100 {
        tokio::select! {
            biased;
            answer = producer.produce(events([number])) => answer.unwrap(),
            () = std::future::ready(()) => {}
        }
    }
    drop(producer);
    soon(async {
        while stored(&config).await.len() < 100 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(stored(&config).await, (0..100).collect::<Vec<_>>());
}
