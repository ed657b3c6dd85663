//! A broker that falls silent, and one that dies.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use candor_tests::Broker;
use candor_transport::kafka::KafkaConsumer;
use candor_transport::{
    CommitError, Committer, Consumer, Cursor, Delivery, ProduceError, Producer,
};
use tokio::task::{JoinSet, block_in_place};

use crate::drive::{event, events, numbers, soon};
use crate::support::{STALL_MAX, begun, create, fresh, fresh_with, next, start, stored};

#[tokio::test]
async fn a_silent_broker_fills_the_queue_and_what_was_acknowledged_is_there_once() {
    let broker = Broker::start();
    let mut config = fresh_with(&broker, 3);
    config.queue_events_max = NonZeroU32::new(400).unwrap();
    create(&config).await;
    let producer = start(&config).await;
    broker.suspend();
    let mut waiting = JoinSet::new();
    for number in 0..400 {
        waiting.spawn(begun(&producer, event(number)).await);
    }
    assert_eq!(producer.produce(vec![event(1_000)]).await, Err(ProduceError::Full));
    assert!(waiting.try_join_next().is_none(), "acknowledged by nobody");
    broker.resume();
    while let Some(answer) = soon(waiting.join_next()).await {
        assert_eq!(answer.unwrap(), Ok(()));
    }
    soon(producer.produce(vec![event(400)])).await.unwrap();
    assert_eq!(stored(&config).await, (0..=400).collect::<Vec<_>>());

    broker.suspend();
    let last = tokio::spawn(begun(&producer, event(401)).await);
    let begun = Instant::now();
    soon(producer.close(Duration::from_millis(500))).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "closing is bounded: {:?}", begun.elapsed());
    assert_eq!(soon(last).await.unwrap(), Err(ProduceError::Unavailable));
    broker.resume();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_dies_under_load_loses_and_doubles_nothing() {
    let broker = Broker::start();
    let config = fresh_with(&broker, 3);
    create(&config).await;
    let producer = start(&config).await;
    let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut senders = JoinSet::new();
    for _ in 0..32 {
        let (producer, stop, next) = (producer.clone(), Arc::clone(&stop), Arc::clone(&next));
        senders.spawn(async move {
            let mut acknowledged = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                match soon(producer.produce(events([number]))).await {
                    Ok(()) => acknowledged.push(number),
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
            acknowledged
        });
    }
    let past = |number: u64| {
        let next = Arc::clone(&next);
        async move {
            while next.load(Ordering::Relaxed) < number {
                tokio::task::yield_now().await;
            }
        }
    };
    for _ in 0..2 {
        let now = next.load(Ordering::Relaxed);
        soon(past(now + 2_000)).await;
        block_in_place(|| {
            broker.kill();
            broker.restart();
        });
    }
    let now = next.load(Ordering::Relaxed);
    soon(past(now + 2_000)).await;
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    while let Some(numbers) = soon(senders.join_next()).await {
        acknowledged.extend(numbers.unwrap());
    }
    acknowledged.sort_unstable();

    let stored = stored(&config).await;
    let doubled: Vec<_> = stored.windows(2).filter(|two| two[0] == two[1]).collect();
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
    let lost: Vec<_> = acknowledged.iter().filter(|it| stored.binary_search(it).is_err()).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(acknowledged.len() > 6_000, "{} acknowledged", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_reads_and_commits_on_after_its_broker_died() {
    let broker = Broker::start();
    let mut config = fresh(&broker);
    config.session_timeout_s = NonZeroU32::new(30).unwrap();
    create(&config).await;
    let producer = start(&config).await;
    let mut consumer = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    assert!(matches!(next(&mut consumer).await, Delivery::Assigned { .. }));
    for round in 0..3 {
        soon(producer.produce(events([round]))).await.unwrap();
        let offset = match next(&mut consumer).await {
            Delivery::Record { offset, record, .. } => {
                assert_eq!(numbers(&record), [round]);
                offset
            }
            other => panic!("not a record: {other:?}"),
        };
        let cursor = Cursor { offset: offset + 1, metadata: format!("round {round}") };
        soon(async {
            loop {
                match consumer.committer().commit(0, cursor.clone()).await {
                    Ok(()) => return,
                    Err(CommitError::Io(_)) => {} // still ours: try again
                    Err(error) => panic!("not ours any more: {error}"),
                }
            }
        })
        .await;
        if round < 2 {
            block_in_place(|| {
                broker.kill();
                broker.restart();
            });
        }
    }
    drop(consumer);
    let mut again = KafkaConsumer::start(&config, STALL_MAX).unwrap();
    match next(&mut again).await {
        Delivery::Assigned { committed, .. } => {
            let want = Cursor { offset: 3, metadata: "round 2".to_owned() };
            assert_eq!(committed, Some(want));
        }
        other => panic!("not an assignment: {other:?}"),
    }
}
