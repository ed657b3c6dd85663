//! The contract of `Producer` and `Consumer`. Every log passes it: `contract!(Harness)` makes each
//! claim a test.

use std::collections::BTreeSet;
use std::time::Duration;

use candor_transport::{CommitError, Committer, Consumer, Cursor, ProduceError, Producer};

use crate::drive::{assigned, behind, event, events, flat, log_id, padded, read, soon};

/// A log of one partition.
pub(crate) trait Harness: Sized {
    /// Its producer.
    type Producer: Producer + Clone;
    /// Its consumer.
    type Consumer: Consumer;
    /// An event of more bytes than this is refused.
    const EVENT_BYTES_MAX: usize;

    /// Makes a log that is empty.
    fn start() -> impl Future<Output = Self>;

    /// Opens it; the ends that were open before have been dropped.
    fn open(&mut self) -> impl Future<Output = (Self::Producer, Self::Consumer)>;
}

macro_rules! contract {
    ($harness:ty) => {
        $crate::suite::contract!($harness:
            a_fresh_log_has_no_cursor,
            events_come_out_once_and_in_order,
            what_was_acknowledged_survives,
            a_cursor_comes_back_with_its_metadata,
            an_intent_replaces_the_metadata_only,
            what_was_not_committed_comes_again,
            producers_share_the_log,
            next_is_cancel_safe,
            a_cursor_goes_neither_back_nor_ahead,
            long_metadata_is_refused,
            a_dropped_future_takes_nothing_back,
            the_log_id_stays,
            a_pause_holds_records_back,
            a_large_event_is_refused_alone,
            nothing_is_soon_produced,
        );
    };
    ($harness:ty: $($claim:ident,)*) => {
        $(
            #[tokio::test]
            async fn $claim() {
                suite::$claim::<$harness>().await;
            }
        )*
    };
}
pub(crate) use contract;

pub(crate) async fn a_fresh_log_has_no_cursor<H: Harness>() {
    let mut log = H::start().await;
    let (_producer, mut consumer) = log.open().await;
    let (_, committed, _) = assigned(&mut consumer).await;
    assert_eq!(committed, None);
}

pub(crate) async fn events_come_out_once_and_in_order<H: Harness>() {
    let mut log = H::start().await;
    let (producer, mut consumer) = log.open().await;
    for first in (0..100).step_by(10) {
        soon(producer.produce(events(first..first + 10))).await.unwrap();
    }
    assigned(&mut consumer).await;
    let seen = read(&mut consumer, 100).await;
    assert_eq!(flat(&seen), (0..100).collect::<Vec<_>>());
}

pub(crate) async fn what_was_acknowledged_survives<H: Harness>() {
    let mut log = H::start().await;
    for round in 0..3 {
        let (producer, consumer) = log.open().await;
        soon(producer.produce(events([round]))).await.unwrap();
        drop((producer, consumer));
    }
    let (_producer, mut consumer) = log.open().await;
    assigned(&mut consumer).await;
    assert_eq!(flat(&read(&mut consumer, 3).await), [0, 1, 2]);
}

pub(crate) async fn a_cursor_comes_back_with_its_metadata<H: Harness>() {
    let mut log = H::start().await;
    let (producer, mut consumer) = log.open().await;
    let (partition, _, _) = assigned(&mut consumer).await;
    soon(producer.produce(events(0..5))).await.unwrap();
    let cursor = behind(&read(&mut consumer, 5).await, "v1 end=9");
    soon(consumer.committer().commit(partition, cursor.clone())).await.unwrap();
    soon(producer.produce(events(5..8))).await.unwrap();
    drop((producer, consumer));

    let (_producer, mut consumer) = log.open().await;
    let (_, committed, low) = assigned(&mut consumer).await;
    assert_eq!(committed, Some(cursor.clone()));
    assert!(low <= cursor.offset, "nothing unconfirmed is deleted");
    let seen = read(&mut consumer, 3).await;
    assert_eq!(flat(&seen), [5, 6, 7]);
    assert!(seen[0].offset >= cursor.offset);
}

pub(crate) async fn an_intent_replaces_the_metadata_only<H: Harness>() {
    let mut log = H::start().await;
    let (producer, mut consumer) = log.open().await;
    let (partition, _, low) = assigned(&mut consumer).await;
    soon(producer.produce(events(0..2))).await.unwrap();
    let at_low = |metadata: &str| Cursor { offset: low, metadata: metadata.to_owned() };
    for metadata in ["", "intent", "another"] {
        soon(consumer.committer().commit(partition, at_low(metadata))).await.unwrap();
    }
    drop((producer, consumer));
    let (_producer, mut consumer) = log.open().await;
    let (_, committed, _) = assigned(&mut consumer).await;
    assert_eq!(committed, Some(at_low("another")));
    assert_eq!(flat(&read(&mut consumer, 2).await), [0, 1]);
}

pub(crate) async fn what_was_not_committed_comes_again<H: Harness>() {
    let mut log = H::start().await;
    let (producer, mut consumer) = log.open().await;
    assigned(&mut consumer).await;
    soon(producer.produce(events(0..3))).await.unwrap();
    let first = read(&mut consumer, 3).await;
    drop((producer, consumer));
    let (_producer, mut consumer) = log.open().await;
    assigned(&mut consumer).await;
    assert_eq!(read(&mut consumer, 3).await, first, "at the same offsets");
}

pub(crate) async fn producers_share_the_log<H: Harness>() {
    let mut log = H::start().await;
    let (producer, mut consumer) = log.open().await;
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let producer = producer.clone();
            tokio::spawn(async move {
                for number in task * 20..task * 20 + 20 {
                    soon(producer.produce(events([number]))).await.unwrap();
                }
            })
        })
        .collect();
    assigned(&mut consumer).await;
    let seen = flat(&read(&mut consumer, 320).await);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(seen.len(), 320);
    assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), (0..320).collect::<BTreeSet<_>>());
    for task in 0..16 {
        let own = seen.iter().filter(|number| **number / 20 == task);
        assert!(own.is_sorted(), "a producer's own events stay in order");
    }
}

pub(crate) async fn next_is_cancel_safe<H: Harness>() {
    let mut log = H::start().await;
    let (producer, mut consumer) = log.open().await;
    assigned(&mut consumer).await;
    let producing = tokio::spawn(async move {
        for number in 0..50 {
            soon(producer.produce(events([number]))).await.unwrap();
        }
        producer
    });
    let mut seen = Vec::new();
    soon(async {
        while seen.len() < 50 {
            tokio::select! {
                biased;
                delivery = consumer.next() => match delivery.unwrap() {
                    candor_transport::Delivery::Record { record, .. } => {
                        seen.extend(crate::drive::numbers(&record));
                    }
                    other => panic!("not a record: {other:?}"),
                },
                () = tokio::task::yield_now() => {}
            }
        }
    })
    .await;
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
    producing.await.unwrap();
}

pub(crate) async fn a_cursor_goes_neither_back_nor_ahead<H: Harness>() {
    let mut log = H::start().await;
    let (producer, mut consumer) = log.open().await;
    let (partition, _, low) = assigned(&mut consumer).await;
    soon(producer.produce(events(0..4))).await.unwrap();
    let cursor = behind(&read(&mut consumer, 4).await, "");
    soon(consumer.committer().commit(partition, cursor.clone())).await.unwrap();
    for offset in [low, cursor.offset + 1] {
        let wrong = Cursor { offset, metadata: String::new() };
        let refused = soon(consumer.committer().commit(partition, wrong)).await;
        assert!(matches!(refused, Err(CommitError::OutOfOrder)), "{offset}");
    }
    drop((producer, consumer));
    let (_producer, mut consumer) = log.open().await;
    assert_eq!(assigned(&mut consumer).await.1, Some(cursor));
}

pub(crate) async fn long_metadata_is_refused<H: Harness>() {
    let mut log = H::start().await;
    let (_producer, mut consumer) = log.open().await;
    let (partition, _, low) = assigned(&mut consumer).await;
    let with = |length| Cursor { offset: low, metadata: "m".repeat(length) };
    let longest = with(Cursor::METADATA_BYTES_MAX);
    soon(consumer.committer().commit(partition, longest)).await.unwrap();
    let longer = with(Cursor::METADATA_BYTES_MAX + 1);
    let refused = soon(consumer.committer().commit(partition, longer)).await;
    assert!(matches!(refused, Err(CommitError::MetadataTooLong)));
}

pub(crate) async fn a_dropped_future_takes_nothing_back<H: Harness>() {
    let mut log = H::start().await;
    let (producer, mut consumer) = log.open().await;
    tokio::select! {
        biased;
        answer = producer.produce(events([0])) => answer.unwrap(),
        () = std::future::ready(()) => {}
    }
    soon(producer.produce(events([1]))).await.unwrap();
    assigned(&mut consumer).await;
    assert_eq!(flat(&read(&mut consumer, 2).await), [0, 1]);
}

pub(crate) async fn the_log_id_stays<H: Harness>() {
    let mut log = H::start().await;
    let id = log_id(&mut log.open().await.1).await;
    assert_eq!(log_id(&mut log.open().await.1).await, id);
    let another = log_id(&mut H::start().await.open().await.1).await;
    assert_ne!(another, id);
}

pub(crate) async fn a_pause_holds_records_back<H: Harness>() {
    let mut log = H::start().await;
    let (producer, mut consumer) = log.open().await;
    let (partition, _, _) = assigned(&mut consumer).await;
    soon(producer.produce(events(0..3))).await.unwrap();
    let first = read(&mut consumer, 1).await;
    consumer.pause(partition);
    soon(producer.produce(events(3..6))).await.unwrap();
    let held = tokio::time::timeout(Duration::from_millis(200), consumer.next()).await;
    assert!(held.is_err(), "delivered during a pause: {held:?}");
    consumer.resume(partition);
    let rest = read(&mut consumer, 6 - flat(&first).len()).await;
    assert_eq!([flat(&first), flat(&rest)].concat(), (0..6).collect::<Vec<_>>());
}

pub(crate) async fn a_large_event_is_refused_alone<H: Harness>() {
    let mut log = H::start().await;
    let (producer, mut consumer) = log.open().await;
    let large = vec![event(0), padded(1, H::EVENT_BYTES_MAX)];
    let refused = soon(producer.produce(large)).await;
    assert_eq!(refused, Err(ProduceError::TooLarge));
    soon(producer.produce(events([2]))).await.unwrap();
    assigned(&mut consumer).await;
    let seen = flat(&read(&mut consumer, 1).await);
    assert!(matches!(seen[..], [2 | 0] | [0, 2]), "{seen:?}");
}

pub(crate) async fn nothing_is_soon_produced<H: Harness>() {
    let mut log = H::start().await;
    let (producer, _consumer) = log.open().await;
    soon(producer.produce(vec![])).await.unwrap();
}
