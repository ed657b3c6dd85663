//! The spill: what becomes of events while Kafka is away, slow, or comes and goes.

mod away;
mod draining;
mod slow;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use candor_event::{ManualClock, Timestamp};
use candor_transport::Producer;
use candor_transport::journal::JournalError;
use candor_transport::kafka::{KafkaConfig, Tailed};
use candor_transport::spill::{SpillConfig, SpillError, SpillHealth, SpillingProducer};
use tokio::task::JoinSet;

use crate::drive::{events, numbers, soon};
use crate::support::scan;

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_unix(1_790_000_000))
}

async fn open_with(
    kafka: &KafkaConfig,
    dir: &Path,
    config: &SpillConfig,
    clock: &ManualClock,
) -> SpillingProducer {
    soon(async {
        loop {
            let clock = Arc::new(clock.clone());
            match SpillingProducer::open(kafka, config, dir, clock).await {
                Ok(producer) => return producer,
                // One that was dropped is still ending.
                Err(SpillError::Journal(JournalError::Locked { .. })) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(error) => panic!("no spill: {error:?}"),
            }
        }
    })
    .await
}

/// The same Kafka where nobody answers.
fn away(kafka: &KafkaConfig) -> KafkaConfig {
    KafkaConfig { bootstrap_servers: vec!["127.0.0.1:1".to_owned()], ..kafka.clone() }
}

async fn open(kafka: &KafkaConfig, dir: &Path) -> SpillingProducer {
    open_with(kafka, dir, &SpillConfig::default(), &clock()).await
}

async fn becomes(producer: &SpillingProducer, health: SpillHealth) {
    soon(async {
        while producer.health() != health {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Waits until all that lay in the spill is in the log; gives back what a sink would keep of it.
async fn drained(producer: &SpillingProducer, config: &KafkaConfig) -> Vec<u64> {
    soon(async {
        while producer.left() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    once(&scan(config).await)
}

/// What a sink keeps of the log: of a spill and a partition, no sequence that is not above the last. The
/// numbers of the events, sorted: a double shows.
fn once(all: &[Tailed]) -> Vec<u64> {
    let mut last = BTreeMap::<(u32, [u8; 16]), u64>::new();
    let mut kept = Vec::new();
    let mut sorted: Vec<_> = all.iter().collect();
    sorted.sort_unstable_by_key(|tailed| (tailed.partition, tailed.offset));
    for tailed in sorted {
        if let Some(mark) = tailed.spill {
            let last = last.entry((tailed.partition, *mark.id.as_bytes()));
            if let std::collections::btree_map::Entry::Occupied(last) = &last
                && *last.get() >= mark.sequence
            {
                continue;
            }
            last.insert_entry(mark.sequence);
        }
        kept.extend(numbers(&tailed.record));
    }
    kept.sort_unstable();
    kept
}

/// Two records with one mark are one record.
fn assert_marks_mean_one_thing(all: &[Tailed]) {
    let mut meaning = BTreeMap::new();
    for tailed in all {
        if let Some(mark) = tailed.spill {
            let key = (tailed.partition, *mark.id.as_bytes(), mark.sequence);
            let before = meaning.entry(key).or_insert(&tailed.record);
            assert_eq!(*before, &tailed.record, "{mark:?} stands for two things");
        }
    }
}

fn spilled(all: &[Tailed]) -> BTreeSet<u64> {
    let marked = all.iter().filter(|tailed| tailed.spill.is_some());
    marked.flat_map(|tailed| numbers(&tailed.record)).collect()
}

/// Sends events, each once, until told to stop; gives back which were acknowledged.
async fn send_all(
    producer: impl Producer + Clone,
    next: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> Vec<u64> {
    let mut senders = JoinSet::new();
    for _ in 0..16 {
        let (producer, next, stop) = (producer.clone(), Arc::clone(&next), Arc::clone(&stop));
        senders.spawn(async move {
            let mut acknowledged = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                // As a collector does, it gives up in time.
                let answer = producer.produce(events([number]));
                let answer = tokio::time::timeout(Duration::from_secs(10), answer).await;
                if answer == Ok(Ok(())) {
                    acknowledged.push(number);
                }
            }
            acknowledged
        });
    }
    senders.join_all().await.concat()
}
