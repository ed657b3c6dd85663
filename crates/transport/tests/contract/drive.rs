//! Events that can be told apart, and a reader that keeps account of them.

use std::time::Duration;

use candor_event::{Basis, Event, EventId, Field, FieldSet, Grant, Kind, wire};
use candor_transport::{ConsumeError, Consumer, Cursor, Delivery, LogId, Outgoing};

/// The event with this number, in about as many bytes more as `padding`.
pub(crate) fn padded(number: u64, padding: usize) -> Outgoing {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    let event = Event {
        id: id.to_vec(),
        site: "demo".to_owned(),
        kind: Kind::Pageview.into(),
        received_at: 1_790_000_000,
        policy_version: vec![0; 16],
        path: "x".repeat(padding),
        grants: vec![Grant {
            purpose: "statistics".to_owned(),
            basis: Basis::Consent.into(),
            expires_at: 1_850_000_000,
            fields: FieldSet::of(&[Field::Path]).bits(),
        }],
        ..Event::default()
    };
    Outgoing { id: EventId::from_bytes(id), record: wire::encode(&event) }
}

/// The event with this number.
pub(crate) fn event(number: u64) -> Outgoing {
    padded(number, 10)
}

/// The events with these numbers.
pub(crate) fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<Outgoing> {
    numbers.into_iter().map(event).collect()
}

/// The numbers of the events in a record.
pub(crate) fn numbers(record: &[u8]) -> Vec<u64> {
    let batch = wire::decode(record).expect("a record is an event batch");
    let number = |event: &Event| u64::from_le_bytes(event.id[..8].try_into().unwrap());
    batch.events.iter().map(number).collect()
}

/// What was delivered, with its partition and offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    pub(crate) numbers: Vec<u64>,
}

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), what).await.expect("it came to pass")
}

/// The next delivery.
pub(crate) async fn next(consumer: &mut impl Consumer) -> Delivery {
    soon(consumer.next()).await.expect("the log can be read")
}

/// The first delivery of a log with one partition.
pub(crate) async fn assigned(consumer: &mut impl Consumer) -> (u32, Option<Cursor>, u64) {
    match next(consumer).await {
        Delivery::Assigned { partition, committed, low, .. } => (partition, committed, low),
        other => panic!("not assigned first: {other:?}"),
    }
}

/// The log that the first delivery names.
pub(crate) async fn log_id(consumer: &mut impl Consumer) -> LogId {
    match next(consumer).await {
        Delivery::Assigned { log, .. } => log,
        other => panic!("not assigned first: {other:?}"),
    }
}

/// Reads records until `count` events have come; nothing but records may come.
pub(crate) async fn read(consumer: &mut impl Consumer, count: usize) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    while seen.iter().map(|it| it.numbers.len()).sum::<usize>() < count {
        match next(consumer).await {
            Delivery::Record { partition, offset, record, .. } => {
                let before = seen.iter().rfind(|it| it.partition == partition);
                assert!(before.is_none_or(|it| it.offset < offset), "offsets grow");
                seen.push(Seen { partition, offset, numbers: numbers(&record) });
            }
            other => panic!("not a record: {other:?}"),
        }
    }
    seen
}

/// The numbers of all events, in order.
pub(crate) fn flat(seen: &[Seen]) -> Vec<u64> {
    seen.iter().flat_map(|it| it.numbers.iter().copied()).collect()
}

/// The cursor behind everything seen.
pub(crate) fn behind(seen: &[Seen], metadata: &str) -> Cursor {
    Cursor {
        offset: seen.last().expect("something was seen").offset + 1,
        metadata: metadata.to_owned(),
    }
}

/// Reads all that is left of a log whose producers are gone, but for the assignment.
pub(crate) async fn drain(consumer: &mut impl Consumer) -> Vec<Delivery> {
    let mut all = Vec::new();
    loop {
        match soon(consumer.next()).await {
            Ok(Delivery::Assigned { .. }) => {}
            Ok(delivery) => all.push(delivery),
            Err(ConsumeError::Closed) => return all,
            Err(error) => panic!("the log cannot be read: {error}"),
        }
    }
}
