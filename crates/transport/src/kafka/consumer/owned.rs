//! Which partitions are ours, and how far each was delivered and committed: what the consumer and its
//! committers share.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::kafka::KafkaConfig;
use crate::kafka::reader::Reader;
use crate::{CommitError, LogId};

/// Everything that is ours.
#[derive(Debug)]
pub(in crate::kafka) struct Owned {
    pub(in crate::kafka) config: KafkaConfig,
    pub(in crate::kafka) wake: Arc<Notify>,
    slots: Mutex<BTreeMap<u32, Arc<Slot>>>,
    /// None: the consumer is gone.
    reader: Mutex<Option<Arc<Reader>>>,
    /// Another consumer has our name.
    fenced: AtomicBool,
    /// Somebody met a sign that the log is another one by now.
    suspect: AtomicBool,
    /// A committer found that nothing is ours any more.
    expelled: AtomicBool,
    /// When the consumer polled last, in milliseconds since `begun`.
    polled_ms: AtomicU64,
    begun: Instant,
    stall_max: Duration,
}

/// A partition that was assigned to us.
#[derive(Debug)]
pub(in crate::kafka) struct Slot {
    pub(in crate::kafka) partition: u32,
    pub(in crate::kafka) log: LogId,
    pub(in crate::kafka) reader: Arc<Reader>,
    /// Who we were in the group when it was assigned.
    pub(in crate::kafka) member: String,
    /// Nothing is committed any more.
    over: AtomicBool,
    /// No commit may go below this.
    committed: AtomicU64,
    /// No commit may go above this.
    delivered: AtomicU64,
    pub(in crate::kafka) commits: tokio::sync::Mutex<Commits>,
}

/// The commits of a partition, one after the other.
#[derive(Debug, Default)]
pub(in crate::kafka) struct Commits {
    /// The commit that is being made. It outlives its future: two must not overtake each other.
    pub(in crate::kafka) under_way: Option<JoinHandle<(u64, Result<(), CommitError>)>>,
}

// === impl Owned ===

impl Owned {
    pub(super) fn new(
        config: KafkaConfig,
        reader: Arc<Reader>,
        wake: Arc<Notify>,
        stall_max: Duration,
    ) -> Self {
        Self {
            config,
            wake,
            slots: Mutex::default(),
            reader: Mutex::new(Some(reader)),
            fenced: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
            expelled: AtomicBool::new(false),
            polled_ms: AtomicU64::new(0),
            begun: Instant::now(),
            stall_max,
        }
    }

    /// The partition, if it is ours.
    pub(in crate::kafka) fn slot(&self, partition: u32) -> Option<Arc<Slot>> {
        self.slots().get(&partition).filter(|slot| !slot.is_over()).cloned()
    }

    /// All that is ours.
    pub(super) fn all(&self) -> Vec<Arc<Slot>> {
        self.slots().values().cloned().collect()
    }

    pub(super) fn add(&self, slot: Arc<Slot>) {
        self.slots().insert(slot.partition, slot);
    }

    /// Nothing of the partition is committed any more; what is being committed still is.
    pub(super) fn end(&self, partition: u32) -> Option<Arc<Slot>> {
        let slot = self.slots().remove(&partition)?;
        slot.over();
        Some(slot)
    }

    pub(super) fn end_all(&self) {
        for slot in std::mem::take(&mut *self.slots()).into_values() {
            slot.over();
        }
    }

    pub(super) fn reader(&self) -> Option<Arc<Reader>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another client, or none, in the place of the one that is there, and closes that.
    pub(super) fn set_reader(&self, reader: Option<Arc<Reader>>) {
        let mut place = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *place, reader);
        drop(place);
        drop(before);
    }

    pub(super) fn fence(&self) {
        self.fenced.store(true, Ordering::Release);
        self.end_all();
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }

    /// Makes the consumer look whether the log is still the same.
    pub(in crate::kafka) fn suspect(&self) {
        self.suspect.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub(super) fn take_suspect(&self) -> bool {
        self.suspect.swap(false, Ordering::AcqRel)
    }

    /// Nothing is ours any more: the group does not know us, or the log is another one.
    pub(in crate::kafka) fn expel(&self) {
        self.expelled.store(true, Ordering::Release);
        self.end_all();
        self.wake.notify_one();
    }

    pub(super) fn take_expelled(&self) -> bool {
        self.expelled.swap(false, Ordering::AcqRel)
    }

    pub(super) fn polled(&self) {
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.polled_ms.store(ms, Ordering::Release);
    }

    /// Whether nobody called `next` for so long that the group takes us for dead, or is about to.
    pub(in crate::kafka) fn is_stalled(&self) -> bool {
        let polled = Duration::from_millis(self.polled_ms.load(Ordering::Acquire));
        self.begun.elapsed().saturating_sub(polled) >= self.stall_max
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Slot ===

impl Slot {
    pub(super) fn new(
        partition: u32,
        log: LogId,
        reader: Arc<Reader>,
        member: String,
        start: u64,
    ) -> Self {
        Self {
            partition,
            log,
            reader,
            member,
            over: AtomicBool::new(false),
            committed: AtomicU64::new(start),
            delivered: AtomicU64::new(start),
            commits: tokio::sync::Mutex::default(),
        }
    }

    /// Everything below `offset` was handed over.
    pub(super) fn deliver(&self, offset: u64) {
        self.delivered.store(offset, Ordering::Release);
    }

    pub(in crate::kafka) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Acquire)
    }

    pub(in crate::kafka) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    pub(in crate::kafka) fn over(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(in crate::kafka) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Waits for the commit that is being made, if one is.
    pub(in crate::kafka) async fn settle(&self, commits: &mut Commits) -> Result<(), CommitError> {
        let Some(task) = commits.under_way.as_mut() else {
            return Ok(());
        };
        let done = task.await;
        commits.under_way = None;
        let (offset, made) = done.map_err(|error| CommitError::Io(io::Error::other(error)))?;
        made?;
        self.committed.store(offset, Ordering::Release);
        Ok(())
    }
}
