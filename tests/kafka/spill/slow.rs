//! Kafka is slow, or comes and goes.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use candor_transport::Producer;
use candor_transport::spill::{SpillConfig, SpillHealth};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::drive::{event, events, soon};
use crate::mock::mock_with;
use crate::support::{begun_on, scan};

use super::{becomes, clock, drained, open, open_with, send_all, spilled};

#[tokio::test]
async fn a_full_queue_is_a_detour_and_no_refusal() {
    let (mock, mut config) = mock_with(1);
    config.queue_events_max = NonZeroU32::new(100).unwrap();
    let dir = TempDir::new().unwrap();
    let patient =
        SpillConfig { after_ms: NonZeroU32::new(8_000).unwrap(), ..SpillConfig::default() };
    let producer = open_with(&config, dir.path(), &patient, &clock()).await;
    becomes(&producer, SpillHealth::Live).await;
    mock.broker_round_trip_time(1, Duration::from_secs(2)).unwrap();
    let mut waiting = JoinSet::new();
    for number in 0..100 {
        waiting.spawn(begun_on(&producer, event(number)).await);
    }
    for number in 100..300 {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    assert_eq!(producer.health(), SpillHealth::Spilling);
    mock.broker_round_trip_time(1, Duration::ZERO).unwrap();
    while let Some(answer) = soon(waiting.join_next()).await {
        assert_eq!(answer.unwrap(), Ok(()), "those with Kafka are Kafka's");
    }
    becomes(&producer, SpillHealth::Live).await;
    assert_eq!(drained(&producer, &config).await, (0..300).collect::<Vec<_>>());
    assert_eq!(spilled(&scan(&config).await), (100..300).collect(), "never both");
}

#[tokio::test]
async fn a_slow_broker_is_spared_and_trusted_again() {
    let (mock, config) = mock_with(2);
    let dir = TempDir::new().unwrap();
    let producer = open(&config, dir.path()).await;
    becomes(&producer, SpillHealth::Live).await;
    mock.broker_round_trip_time(1, Duration::from_secs(4)).unwrap();
    let first = tokio::spawn(begun_on(&producer, event(0)).await);
    becomes(&producer, SpillHealth::Spilling).await;
    let begun = Instant::now();
    for number in 1..50 {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(soon(first).await.unwrap(), Ok(()), "the one that it was given");
    mock.broker_round_trip_time(1, Duration::ZERO).unwrap();
    becomes(&producer, SpillHealth::Live).await;
    assert_eq!(drained(&producer, &config).await, (0..50).collect::<Vec<_>>());
    assert_eq!(spilled(&scan(&config).await), (1..50).collect());
}

#[tokio::test]
async fn a_broker_that_comes_and_goes_does_not_make_it_flap() {
    let (mock, config) = mock_with(2);
    let dir = TempDir::new().unwrap();
    let producer = open(&config, dir.path()).await;
    becomes(&producer, SpillHealth::Live).await;
    let stop = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicU64::new(0));
    let sending = tokio::spawn(send_all(producer.clone(), Arc::clone(&next), Arc::clone(&stop)));
    let (begun, mut changes, mut before) = (Instant::now(), 0, SpillHealth::Live);
    while begun.elapsed() < Duration::from_secs(12) {
        let is_up = begun.elapsed().as_millis() / 700 % 2 == 0;
        if is_up {
            mock.broker_up(1).unwrap();
        } else {
            mock.broker_down(1).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        let health = producer.health();
        changes += u32::from(health != before);
        before = health;
    }
    mock.broker_up(1).unwrap();
    assert!((1..=6).contains(&changes), "{changes} changes in 17 goings and comings");
    becomes(&producer, SpillHealth::Live).await;
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = soon(sending).await.unwrap();
    acknowledged.sort_unstable();
    let once = drained(&producer, &config).await;
    assert!(once.windows(2).all(|two| two[0] < two[1]), "doubled");
    assert!(acknowledged.iter().all(|it| once.binary_search(it).is_ok()), "lost");
}
