//! Does things to the log of a candor that has stopped, whichever log it is.

use std::time::Duration;

use candor_tests::Candor;
use candor_transport::journal::{Journal, JournalConfig};
use candor_transport::kafka::{KafkaConsumer, KafkaProducer};
use candor_transport::{Committer, Consumer, Cursor, Delivery, Outgoing, Producer};

/// As the sink's own: whoever holds the partition must not be taken for dead meanwhile.
const STALL_MAX: Duration = Duration::from_mins(1);

/// Puts something into the log.
pub(crate) fn put(candor: &Candor, events: Vec<Outgoing>) {
    match candor.kafka() {
        Some(kafka) => run(async {
            let producer = KafkaProducer::start(&kafka).unwrap();
            produce(&producer, events).await;
        }),
        None => run(async { produce(&journal(candor).0, events).await }),
    }
}

/// Every event that the log still has to give, decoded.
pub(crate) fn events(candor: &Candor) -> Vec<candor_event::Event> {
    match candor.kafka() {
        Some(kafka) => {
            run(async { read(&mut KafkaConsumer::start(&kafka, STALL_MAX).unwrap()).await })
        }
        None => run(async { read(&mut journal(candor).1).await }),
    }
}

/// Moves the cursor; `cursor` is told the next offset that the log will use.
pub(crate) fn commit(candor: &Candor, cursor: impl FnOnce(u64) -> Cursor) {
    match candor.kafka() {
        Some(kafka) => run(async {
            move_cursor(&mut KafkaConsumer::start(&kafka, STALL_MAX).unwrap(), cursor).await;
        }),
        None => run(async { move_cursor(&mut journal(candor).1, cursor).await }),
    }
}

fn run<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(what)
}

fn journal(candor: &Candor) -> (impl Producer, impl Consumer) {
    Journal::open(candor.data().join("journal"), JournalConfig::default()).unwrap()
}

/// A broker that was just found may take a moment.
async fn produce(producer: &impl Producer, events: Vec<Outgoing>) {
    let mut tries = 0..100;
    while let Err(error) = producer.produce(events.clone()).await {
        assert!(tries.next().is_some(), "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn read(consumer: &mut impl Consumer) -> Vec<candor_event::Event> {
    let (mut next, high) = match consumer.next().await.unwrap() {
        Delivery::Assigned { committed, low, high, .. } => {
            (committed.map_or(low, |cursor| cursor.offset), high)
        }
        other => panic!("not assigned first: {other:?}"),
    };
    let mut events = Vec::new();
    while next < high {
        match consumer.next().await.unwrap() {
            Delivery::Record { offset, record, .. } => {
                next = offset + 1;
                events.extend(candor_event::wire::decode(&record).unwrap().events);
            }
            Delivery::Damaged { last, .. } => next = last + 1,
            Delivery::Assigned { .. } | Delivery::Revoked { .. } => {}
        }
    }
    events
}

async fn move_cursor(consumer: &mut impl Consumer, cursor: impl FnOnce(u64) -> Cursor) {
    let Delivery::Assigned { partition, high, .. } = consumer.next().await.unwrap() else {
        unreachable!("the first delivery");
    };
    consumer.committer().commit(partition, cursor(high)).await.unwrap();
}
