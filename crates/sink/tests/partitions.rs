//! What the sink does about its partitions while ClickHouse does not answer.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeSet, VecDeque};
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use candor_event::{Basis, Event, Field, FieldSet, Grant, Kind, ManualClock, Timestamp, wire};
use candor_sink::{Config, Sink, SinkError};
use candor_store::Store;
use candor_transport::{
    CommitError, Committer, ConsumeError, Consumer, Cursor, Damage, Delivery, LogId,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A log that delivers what the test says, and remembers what it is told.
#[derive(Clone, Default)]
struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    deliveries: VecDeque<(u32, Delivery)>,
    paused: BTreeSet<u32>,
    released: Vec<u32>,
    commits: Vec<(u32, Cursor)>,
    fenced: BTreeSet<u32>,
}

impl Log {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.0.state.lock().unwrap());
        self.0.changed.notify_waiters();
        result
    }

    fn deliver(&self, partition: u32, delivery: Delivery) {
        self.change(|state| state.deliveries.push_back((partition, delivery)));
    }

    /// Waits until the state is so.
    async fn until(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let wait = async {
            loop {
                let changed = self.0.changed.notified();
                if is_so(&self.0.state.lock().unwrap()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_mins(5), wait).await.expect(what);
    }

    fn assign(&self, partition: u32, committed: &str) {
        let committed = Some(Cursor { offset: 0, metadata: committed.to_owned() });
        let (log, low, high) = (LogId::from_bytes([7; 16]), 0, 1_000);
        let previous_owner_may_live = true;
        self.deliver(
            partition,
            Delivery::Assigned { partition, log, committed, low, high, previous_owner_may_live },
        );
    }

    fn record(&self, partition: u32, offset: u64) {
        let record = record();
        self.deliver(partition, Delivery::Record { partition, offset, record, spill: None });
    }

    fn revoke(&self, partition: u32, lost: bool) {
        self.deliver(partition, Delivery::Revoked { partition, lost });
    }
}

impl Consumer for Log {
    type Committer = Self;

    fn committer(&self) -> Self {
        self.clone()
    }

    async fn next(&mut self) -> Result<Delivery, ConsumeError> {
        loop {
            let changed = self.0.changed.notified();
            let next = self.change_quietly(|state| {
                let paused = &state.paused;
                let at = state.deliveries.iter().position(|(partition, delivery)| {
                    !paused.contains(partition) || matches!(delivery, Delivery::Revoked { .. })
                })?;
                state.deliveries.remove(at)
            });
            if let Some((_, delivery)) = next {
                self.0.changed.notify_waiters();
                return Ok(delivery);
            }
            changed.await;
        }
    }

    fn pause(&mut self, partition: u32) {
        self.change(|state| assert!(state.paused.insert(partition), "paused twice"));
    }

    fn resume(&mut self, partition: u32) {
        self.change(|state| assert!(state.paused.remove(&partition), "was not paused"));
    }

    fn release(&mut self, partition: u32) {
        self.change(|state| {
            state.released.push(partition);
            state.paused.remove(&partition);
        });
    }
}

impl Log {
    fn change_quietly<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.state.lock().unwrap())
    }
}

impl Committer for Log {
    async fn commit(&self, partition: u32, cursor: Cursor) -> Result<(), CommitError> {
        if self.change_quietly(|state| state.fenced.contains(&partition)) {
            return Err(CommitError::Fenced);
        }
        self.change(|state| state.commits.push((partition, cursor)));
        Ok(())
    }
}

/// A record of one event.
fn record() -> Bytes {
    wire::encode(&Event {
        id: vec![1; 16],
        site: "demo".to_owned(),
        kind: Kind::Pageview.into(),
        received_at: 1_790_000_000,
        policy_version: vec![0; 16],
        grants: vec![Grant {
            purpose: "statistics".to_owned(),
            basis: Basis::Consent.into(),
            expires_at: 1_850_000_000,
            fields: FieldSet::of(&[Field::Path]).bits(),
        }],
        ..Event::default()
    })
}

/// A sink with batches of two events, before a ClickHouse that refuses connections.
fn start() -> (Log, JoinHandle<Result<(), SinkError>>) {
    let log = Log::default();
    let url = "http://127.0.0.1:1".to_owned();
    let store = Store::new(&candor_store::Config { url, ..candor_store::Config::default() });
    let config = Config {
        batch_events: NonZeroU32::new(2).unwrap(),
        batch_age_ms: NonZeroU64::new(3_600_000),
        ..Config::default()
    };
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix(1_790_000_000)));
    let sink = Sink::new(log.clone(), store, config, clock);
    (log, tokio::spawn(sink.run(std::future::pending())))
}

/// What an owner left that did not look at ids: nothing is asked before it is settled.
const LEFT: &str = r#"{"v":2,"end":1,"repair":0,"deadline_s":30,"stored_at":1790000000}"#;

/// Delivers a batch, and waits until its intent is written.
async fn begin_to_store(log: &Log, partition: u32) {
    log.assign(partition, LEFT);
    log.record(partition, 0);
    log.record(partition, 1);
    log.until("an intent", |state| state.commits.iter().any(|(number, _)| *number == partition))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_partition_is_let_go_at_once() {
    let (log, _sink) = start();
    begin_to_store(&log, 3).await;
    let began = Instant::now();
    log.revoke(3, true);
    log.until("released", |state| state.released == [3]).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_revoked_partition_is_let_go_after_a_grace() {
    let (log, _sink) = start();
    begin_to_store(&log, 3).await;
    let began = Instant::now();
    log.revoke(3, false);
    log.until("released", |state| state.released == [3]).await;
    let took = began.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(7)).contains(&took), "{took:?}");
    let commits = log.change_quietly(|state| state.commits.len());
    tokio::time::sleep(Duration::from_mins(1)).await;
    let after = log.change_quietly(|state| state.commits.len());
    assert_eq!(commits, after, "nothing is committed after the release");
}

#[tokio::test(start_paused = true)]
async fn an_idle_partition_is_let_go_at_once() {
    let (log, _sink) = start();
    log.assign(3, "");
    log.record(3, 0);
    log.revoke(3, false);
    log.revoke(4, false);
    log.until("released", |state| state.released == [3, 4]).await;
    assert!(log.change_quietly(|state| state.commits.is_empty()), "somebody else reads it again");
}

#[tokio::test(start_paused = true)]
async fn a_fenced_commit_gives_up_one_partition() {
    let (log, sink) = start();
    log.change(|state| state.fenced.insert(1));
    log.assign(1, LEFT);
    log.record(1, 0);
    log.record(1, 1);
    begin_to_store(&log, 2).await;
    log.revoke(1, true);
    log.until("released", |state| state.released == [1]).await;
    assert!(!sink.is_finished());
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_while_nothing_can_be_stored() {
    let (log, _sink) = start();
    for partition in 0..3 {
        log.assign(partition, "");
    }
    for offset in 0..100 {
        for partition in 0..3 {
            log.record(partition, offset);
        }
    }
    log.until("all are held back", |state| state.paused.len() == 3).await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    let left = log.change_quietly(|state| state.deliveries.len());
    assert!(left >= 300 - 3 - 4, "more than two batches in memory: {left} of 300 left");
}

#[tokio::test(start_paused = true)]
async fn a_cursor_behind_the_log_is_refused() {
    let (log, sink) = start();
    let intent = r#"{"v":1,"end":1000,"repair":0,"deadline_s":30}"#;
    log.assign(0, intent);
    let error = sink.await.unwrap().unwrap_err();
    assert!(matches!(error, SinkError::LogCutOff { behind: 1_001, next: 1_000, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn damage_across_the_end_of_a_doubt_is_split() {
    let (log, _sink) = start();
    log.assign(0, r#"{"v":1,"end":9,"repair":0,"deadline_s":30}"#);
    let damage = Damage::Deleted;
    log.deliver(0, Delivery::Damaged { partition: 0, first: 0, last: 19, damage });
    log.until("the doubt is settled first", |state| !state.commits.is_empty()).await;
    let (_, cursor) = log.change_quietly(|state| state.commits.remove(0));
    assert_eq!(cursor.offset, 0);
    assert!(cursor.metadata.contains(r#""end":9,"repair":0"#), "{}", cursor.metadata);
}
