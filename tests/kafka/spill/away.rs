//! Kafka is away: from the start, under load, for too long.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use candor_tests::Broker;
use candor_transport::memory::{MemoryBounds, MemoryProducer};
use candor_transport::spill::{SpillConfig, SpillHealth, SpillingProducer};
use candor_transport::{ProduceError, Producer};
use tempfile::TempDir;
use tokio::task::block_in_place;

use crate::drive::{event, events, numbers, padded, soon};
use crate::support::{create, fresh, fresh_with, scan};

use super::{
    assert_marks_mean_one_thing, becomes, clock, drained, open, open_with, send_all, spilled,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_from_the_start_is_waited_for() {
    let broker = Broker::start();
    let config = fresh_with(&broker, 3);
    create(&config).await;
    block_in_place(|| broker.kill());
    let dir = TempDir::new().unwrap();
    let producer = open(&config, dir.path()).await;
    let begun = Instant::now();
    for number in 0..300 {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody waits for the broker");
    assert_eq!(producer.health(), SpillHealth::Spilling);
    block_in_place(|| broker.restart());
    becomes(&producer, SpillHealth::Live).await;
    soon(producer.produce(events([300]))).await.unwrap();

    assert_eq!(drained(&producer, &config).await, (0..=300).collect::<Vec<_>>());
    let all = scan(&config).await;
    assert_eq!(spilled(&all), (0..300).collect(), "and the last one went straight");
    for tailed in &all {
        for number in numbers(&tailed.record) {
            // The first eight bytes of these ids are the number, lowest byte first.
            let head = u64::from_be_bytes(number.to_le_bytes());
            assert_eq!(u64::from(tailed.partition), head % 3, "a retry meets its first try");
        }
        assert!(tailed.spill.is_none_or(|mark| mark.id == producer.id()));
    }
    soon(producer.close(Duration::from_secs(10))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_dies_under_load_and_comes_back_costs_nothing() {
    let broker = Broker::start();
    let config = fresh_with(&broker, 3);
    create(&config).await;
    let dir = TempDir::new().unwrap();
    let producer = open(&config, dir.path()).await;
    becomes(&producer, SpillHealth::Live).await;
    let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let sending = tokio::spawn(send_all(producer.clone(), Arc::clone(&next), Arc::clone(&stop)));
    let past = async |more: u64| {
        let until = next.load(Ordering::Relaxed) + more;
        while next.load(Ordering::Relaxed) < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    for _ in 0..3 {
        soon(past(2_000)).await;
        block_in_place(|| broker.kill());
        becomes(&producer, SpillHealth::Spilling).await;
        soon(past(2_000)).await;
        block_in_place(|| broker.restart());
        becomes(&producer, SpillHealth::Live).await;
    }
    soon(past(2_000)).await;
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = soon(sending).await.unwrap();
    acknowledged.sort_unstable();

    let once = drained(&producer, &config).await;
    let doubled: Vec<_> = once.windows(2).filter(|two| two[0] == two[1]).collect();
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
    let lost: Vec<_> = acknowledged.iter().filter(|it| once.binary_search(it).is_err()).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let all = scan(&config).await;
    assert_marks_mean_one_thing(&all);
    let spilled = spilled(&all).len();
    assert!(spilled >= 6_000 && spilled < once.len(), "{spilled} of {}", once.len());
    soon(producer.close(Duration::from_secs(10))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spill_refuses_and_takes_again_when_there_is_room() {
    let broker = Broker::start();
    let config = fresh(&broker);
    create(&config).await;
    block_in_place(|| broker.kill());
    let dir = TempDir::new().unwrap();
    let small = SpillConfig { bytes: 4 << 20, ..SpillConfig::default() };
    let producer = open_with(&config, dir.path(), &small, &clock()).await;
    let mut taken = Vec::new();
    for number in 0.. {
        match soon(producer.produce(vec![padded(number, 10_000)])).await {
            Ok(()) => taken.push(number),
            Err(error) => {
                assert_eq!(error, ProduceError::Full);
                break;
            }
        }
    }
    assert!((300..420).contains(&taken.len()), "{} events of 10 kB in 4 MiB", taken.len());
    assert_eq!(producer.health(), SpillHealth::Refusing);
    let on_disk: u64 = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(on_disk <= (4 << 20) + 20_000, "{on_disk} bytes");
    block_in_place(|| broker.restart());
    becomes(&producer, SpillHealth::Live).await;
    soon(producer.produce(vec![event(1_000_000)])).await.unwrap();
    taken.push(1_000_000);
    assert_eq!(drained(&producer, &config).await, taken);
}

#[tokio::test]
async fn what_is_older_than_the_notice_allows_is_deleted() {
    let mut config = fresh(Broker::shared());
    create(&config).await;
    let address = std::mem::replace(&mut config.bootstrap_servers, vec!["127.0.0.1:1".to_owned()]);
    let (dir, clock) = (TempDir::new().unwrap(), clock());
    let hours = |hours| SpillConfig {
        hours_max: NonZeroU32::new(hours).unwrap(),
        ..SpillConfig::default()
    };
    let producer = open_with(&config, dir.path(), &hours(2), &clock).await;
    soon(producer.produce(events(0..10))).await.unwrap();
    clock.advance(2 * 3_600 + 1);
    soon(producer.produce(events(10..20))).await.unwrap();
    // Those on the disk, and the ones that were read already.
    let bytes = || -> Vec<u8> {
        let entries = std::fs::read_dir(dir.path()).unwrap().flatten();
        let segments = entries.filter(|it| it.path().extension().is_some_and(|it| it == "seg"));
        segments.flat_map(|it| std::fs::read(it.path()).unwrap_or_default()).collect()
    };
    let holds = |number: u64| {
        let record = event(number).record;
        bytes().windows(record.len()).any(|window| window == &record[..])
    };
    assert!(holds(0) && holds(15));
    soon(async {
        while holds(0) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    assert!(holds(15));
    drop(producer);
    config.bootstrap_servers = address;
    let producer = open_with(&config, dir.path(), &hours(2), &clock).await;
    assert_eq!(drained(&producer, &config).await, (10..20).collect::<Vec<_>>());
    drop(producer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_in_memory_is_spilled_by_an_orderly_end() {
    let broker = Broker::start();
    let config = fresh_with(&broker, 2);
    create(&config).await;
    let dir = TempDir::new().unwrap();
    let producer = Arc::new(open(&config, dir.path()).await);
    becomes(&producer, SpillHealth::Live).await;
    broker.suspend();
    let bounds = MemoryBounds {
        events: NonZeroU32::new(2_000).unwrap(),
        bytes: NonZeroU32::new(1 << 20).unwrap(),
    };
    let memory = MemoryProducer::start(Arc::clone(&producer), bounds);
    let begun = Instant::now();
    for number in 0..2_000 {
        soon(memory.produce(events([number]))).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_millis(900), "it waits for nobody");
    memory.stop();
    producer.retreat();
    soon((*producer).clone().close(Duration::from_secs(1))).await;
    assert!(soon(memory.flush(Duration::from_secs(30))).await, "the rest is in the spill");
    memory.close(Duration::ZERO).await;
    drop(producer);
    broker.resume();
    let producer = open(&config, dir.path()).await;
    let mut all = drained(&producer, &config).await;
    all.dedup(); // what Kafka was given and did not acknowledge may be there twice, by its event id
    assert_eq!(all, (0..2_000).collect::<Vec<_>>());
    drop(producer);
}

#[tokio::test]
async fn without_a_broker_it_says_which_and_the_spill_says_how_it_is() {
    let mut config = fresh(Broker::shared());
    config.bootstrap_servers = vec!["127.0.0.1:1".to_owned()];
    let dir = TempDir::new().unwrap();
    let producer = open(&config, dir.path()).await;
    let error = soon(producer.kafka().check()).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1"), "{error}");
    assert_eq!(producer.health(), SpillHealth::Spilling);
    let (bounds, clock) = (SpillConfig::default(), Arc::new(clock()));
    let again = SpillingProducer::open(&config, &bounds, dir.path(), clock);
    let error = again.await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("open elsewhere"), "{cause}");
}
