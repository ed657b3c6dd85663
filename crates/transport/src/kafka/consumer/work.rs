//! What the consumer does in the background, one thing at a time. It outlives a dropped `next`.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode as Code;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::KafkaConsumer;
use super::lookup::{self, Failure, Found};
use super::owned::{Owned, Slot};
use super::partition::Partition;
use crate::kafka::KafkaError;
use crate::kafka::error::is_missing;
use crate::kafka::metrics::{self, Role};
use crate::kafka::reader::{Note, Reader};
use crate::{Delivery, LogId};

/// Work that is under way.
pub(super) type Work = JoinHandle<Done>;

/// What it came to.
#[derive(Debug)]
pub(super) enum Done {
    Assigned(Result<(String, Vec<Found>), Failure>),
    /// And which partitions nobody has, if that was asked.
    Checked(Result<LogId, Code>, Option<Result<BTreeSet<u32>, Code>>),
    /// Perhaps with another client.
    Joined(Option<Arc<Reader>>, Result<LogId, KafkaError>),
    Skipped(BTreeMap<u32, u64>),
    Unassigned(Result<(), Code>),
}

// === impl KafkaConsumer ===

impl KafkaConsumer {
    /// Begins what is to be done next, if nothing is under way.
    pub(super) fn begin_work(&mut self) {
        let is_early = self.work_after.is_some_and(|after| Instant::now() < after);
        if self.work.is_some() || is_early {
            return;
        }
        self.work_after = None;
        let Some(log) = self.log else {
            if self.partitions.is_empty() {
                self.work = Some(self.join());
            }
            return;
        };
        let Some(reader) = self.owned.reader() else {
            return;
        };
        let owned = Arc::clone(&self.owned);
        match &self.rebalance {
            Some(Note::Assign(partitions)) => {
                let (member, partitions) = (self.member.clone(), partitions.clone());
                self.work = Some(spawn_blocking(move || {
                    let member = member.as_deref();
                    Done::Assigned(lookup::assign(&owned, &reader, log, member, &partitions))
                }));
            }
            Some(Note::Revoke { partitions, .. })
                if !partitions.iter().any(|it| self.partitions.contains_key(it)) =>
            {
                let (partitions, slots) = (partitions.clone(), std::mem::take(&mut self.released));
                self.work = Some(tokio::spawn(unassign(owned, reader, partitions, slots)));
            }
            _ if !self.skips.is_empty() => {
                let skips = std::mem::take(&mut self.skips);
                self.work = Some(spawn_blocking(move || {
                    lookup::seek(&owned, &reader, &skips);
                    Done::Skipped(skips)
                }));
            }
            _ if self.owned.take_suspect() || self.checked.elapsed() >= CHECK_EVERY => {
                let is_at_rest = self.rebalance.is_none();
                self.work = Some(spawn_blocking(move || {
                    let found = lookup::described(&owned, &reader);
                    let mut unowned = None;
                    if let Ok(topic) = found
                        && topic.id == log
                    {
                        lookup::measure(&owned, &reader);
                        // What we are to give away ourselves is nobody's, too.
                        let count = topic.partitions;
                        unowned = is_at_rest.then(|| lookup::unowned(&owned, &reader, count));
                    }
                    Done::Checked(found.map(|topic| topic.id), unowned)
                }));
            }
            _ => {}
        }
    }

    /// Takes up what the work came to.
    pub(super) fn finish(&mut self, done: Done) {
        match done {
            Done::Assigned(Ok((member, found))) => self.assigned(&member, found),
            Done::Assigned(Err(Failure::Another)) => self.another_log(),
            Done::Assigned(Err(Failure::Code(code))) => {
                self.fail("begin to read partitions", code);
                self.work_after = Some(Instant::now() + AGAIN_AFTER);
            }
            Done::Assigned(Err(Failure::Expelled)) | Done::Unassigned(Err(_)) => self.expelled(),
            Done::Checked(checked, unowned) => self.checked(checked, unowned),
            Done::Joined(fresh, joined) => self.joined(fresh, joined),
            Done::Skipped(skips) => {
                for number in skips.keys() {
                    if let Some(partition) = self.partitions.get_mut(number) {
                        partition.is_skipping = false;
                    }
                }
            }
            Done::Unassigned(Ok(())) => self.rebalance = None,
        }
    }

    /// Joins the group once the topic exists; with another client if this one has had its day.
    fn join(&mut self) -> Work {
        let owned = Arc::clone(&self.owned);
        let settings = self.is_leaving.then(|| self.settings.clone());
        if !self.unowned.is_due() {
            return spawn_blocking(move || join_with(&owned, settings.as_ref()));
        }
        let slots = std::mem::take(&mut self.released);
        tokio::spawn(async move {
            settle(slots).await;
            let joined = spawn_blocking(move || {
                if let Some(reader) = owned.reader() {
                    lookup::leave(&owned, &reader);
                }
                join_with(&owned, settings.as_ref())
            });
            joined.await.unwrap_or(Done::Joined(None, Err(KafkaError::Runtime)))
        })
    }

    fn joined(&mut self, fresh: Option<Arc<Reader>>, joined: Result<LogId, KafkaError>) {
        if fresh.is_some() {
            self.owned.set_reader(fresh);
            self.is_leaving = false;
            self.unowned.begin();
            self.released.clear();
        }
        match joined {
            Ok(log) => {
                self.log = Some(log);
                if self.last_log.replace(log).is_some_and(|last| last != log) {
                    metrics::log_changed(Role::Consumer);
                }
                self.checked = Instant::now();
            }
            Err(error) => {
                self.fail_with(error);
                self.work_after = Some(Instant::now() + AGAIN_AFTER);
            }
        }
    }

    fn assigned(&mut self, member: &str, found: Vec<Found>) {
        self.rebalance = None;
        self.member = Some(member.to_owned());
        let (Some(log), Some(reader)) = (self.log, self.owned.reader()) else {
            return;
        };
        for found in found {
            let (partition, low, high) = (found.partition, found.low, found.high);
            let committed = found.committed.clone();
            let start = committed.as_ref().map_or(low, |cursor| cursor.offset);
            let slot =
                Arc::new(Slot::new(partition, log, Arc::clone(&reader), member.to_owned(), start));
            self.owned.add(Arc::clone(&slot));
            self.partitions.insert(partition, Partition::new(slot, found));
            self.ready.push_back(Ok(Delivery::Assigned {
                partition,
                log,
                committed,
                low,
                high,
                previous_owner_may_live: true,
            }));
        }
        metrics::partitions(self.partitions.len());
    }

    fn checked(
        &mut self,
        checked: Result<LogId, Code>,
        unowned: Option<Result<BTreeSet<u32>, Code>>,
    ) {
        self.checked = Instant::now();
        match checked {
            Ok(log) if self.log == Some(log) => {
                self.resets = 0;
                if std::mem::take(&mut self.is_out_of_range) {
                    tracing::warn!(
                        "the log does not have the next offset, reading from the cursor"
                    );
                    self.reset(false);
                } else if let (Some(unowned), None) = (unowned, &self.rebalance)
                    && self.unowned.see(unowned, Instant::now())
                {
                    tracing::warn!("the group gave a partition to nobody, leaving and joining it");
                    self.reset(false);
                }
            }
            Err(code) if !is_missing(code) => {
                if self.is_out_of_range {
                    self.owned.suspect();
                    self.work_after = Some(Instant::now() + AGAIN_AFTER);
                }
            }
            _ => self.another_log(),
        }
    }

    fn another_log(&mut self) {
        tracing::warn!(topic = self.owned.config.topic, "the topic was deleted, or made anew");
        self.reset(true);
    }
}

/// Waits for the work, or for ever.
pub(super) async fn wait_for(work: Option<&mut Work>) -> Done {
    match work {
        Some(work) => match work.await {
            Ok(done) => done,
            Err(_) => Done::Unassigned(Err(Code::Fail)), // it died: begin anew
        },
        None => pending().await,
    }
}

fn renew(owned: &Owned, settings: &ClientConfig) -> Result<Arc<Reader>, KafkaError> {
    let reader = Reader::new(&owned.config, settings, Arc::clone(&owned.wake))?;
    metrics::client_made(Role::Consumer);
    Ok(Arc::new(reader))
}

fn join(owned: &Owned, reader: &Reader) -> Result<LogId, KafkaError> {
    let fail = |code| KafkaError::of(&owned.config, "join the group", code);
    let log = lookup::log_of(owned, reader).map_err(fail)?;
    let joined = reader.consumer().subscribe(&[&owned.config.topic]);
    joined.map_err(|_| fail(Code::InvalidTopic))?;
    Ok(log)
}

/// Joins, with another client if there are settings for it; not if we were dropped meanwhile.
fn join_with(owned: &Owned, settings: Option<&ClientConfig>) -> Done {
    let Some(reader) = owned.reader() else {
        return Done::Joined(None, Err(KafkaError::Runtime));
    };
    match settings.map(|settings| renew(owned, settings)) {
        Some(Ok(fresh)) => {
            let joined = join(owned, &fresh);
            Done::Joined(Some(fresh), joined)
        }
        Some(Err(error)) => Done::Joined(None, Err(error)),
        None => Done::Joined(None, join(owned, &reader)),
    }
}

/// Waits for the commits that are being made.
async fn settle(slots: Vec<Arc<Slot>>) {
    for slot in slots {
        slot.settle(&mut *slot.commits.lock().await).await.ok(); // whoever made it was told
    }
}

/// Gives partitions away, after the commits that are being made: see the committer for why.
async fn unassign(
    owned: Arc<Owned>,
    reader: Arc<Reader>,
    partitions: Vec<u32>,
    slots: Vec<Arc<Slot>>,
) -> Done {
    settle(slots).await;
    let done = spawn_blocking(move || lookup::unassign(&owned, &reader, &partitions)).await;
    Done::Unassigned(done.unwrap_or(Err(Code::Fail)))
}

/// How often the topic's id is asked for.
const CHECK_EVERY: Duration = Duration::from_secs(5);
const AGAIN_AFTER: Duration = Duration::from_millis(500);
