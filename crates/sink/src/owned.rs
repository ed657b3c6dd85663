//! The partitions that are ours, and the work that is under way for them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use candor_event::Timestamp;
use candor_transport::{CommitError, Committer, Consumer, Damage};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::config::Config;
use crate::error::SinkError;
use crate::metrics;
use crate::partition::{Load, Partition, State, Taken, Work};
use crate::writer::Writer;

/// How long a store that is under way may go on when its partition is to be given away. It ends well
/// before the broker takes the partition from us, and what is broken off is settled by the next owner.
const GRACE: Duration = Duration::from_secs(5);

/// The partitions that are ours.
#[derive(Debug)]
pub(crate) struct Owned<K> {
    partitions: BTreeMap<u32, Partition>,
    writer: Writer<K>,
    config: Config,
    work: JoinSet<Result<(), SinkError>>,
    numbers: HashMap<Id, u32>,
}

/// How a piece of work ended, and which.
pub(crate) type Done = Result<(Id, Result<(), SinkError>), JoinError>;

impl<K: Committer> Owned<K> {
    pub(crate) fn new(writer: Writer<K>, config: Config) -> Self {
        Self {
            partitions: BTreeMap::new(),
            writer,
            config,
            work: JoinSet::new(),
            numbers: HashMap::new(),
        }
    }

    // --- what the log delivers ---

    pub(crate) fn assign(&mut self, number: u32, taken: &Taken) -> Result<(), SinkError> {
        let mut partition = Partition::assigned(number, taken)?;
        if taken.committed.is_none() {
            let begin = self.writer.clone().begin(taken.log, number, taken.low);
            let handle = self.work.spawn(begin);
            self.numbers.insert(handle.id(), number);
            partition.work = Some(Work { handle, load: Load::default() });
        }
        self.partitions.insert(number, partition);
        metrics::partitions(self.partitions.len());
        Ok(())
    }

    pub(crate) fn revoke<C: Consumer>(&mut self, number: u32, lost: bool, consumer: &mut C) {
        let Some(partition) = self.partitions.get_mut(&number) else {
            return consumer.release(number);
        };
        partition.forget();
        let Some(work) = &partition.work else {
            return self.release(number, consumer);
        };
        if lost {
            work.handle.abort();
        }
        partition.state = State::Revoked { until: Instant::now() + GRACE };
    }

    pub(crate) fn push(
        &mut self,
        number: u32,
        offset: u64,
        record: &Bytes,
        now: Timestamp,
    ) -> Result<(), SinkError> {
        if self.ours(number)?.must_settle_before(offset) {
            self.store(number);
        }
        self.ours(number)?.push(offset, record, now)
    }

    pub(crate) fn damaged(
        &mut self,
        number: u32,
        (first, last): (u64, u64),
        damage: Damage,
        now: Timestamp,
    ) -> Result<(), SinkError> {
        let mut first = first;
        // An intent covers exactly its range, also of what was lost.
        if let Some(end) = self.ours(number)?.doubt_end()
            && last > end
        {
            if first <= end {
                self.ours(number)?.damaged(first, end, damage, now);
                first = end + 1;
            }
            self.store(number);
        }
        self.ours(number)?.damaged(first, last, damage, now);
        Ok(())
    }

    fn ours(&mut self, number: u32) -> Result<&mut Partition, SinkError> {
        self.partitions.get_mut(&number).ok_or(SinkError::NotAssigned)
    }

    // --- work ---

    pub(crate) fn is_at_work(&self) -> bool {
        !self.work.is_empty()
    }

    /// Waits for a piece of work to end; for ever when there is none. Cancel safe.
    pub(crate) async fn join_next(&mut self) -> Done {
        match self.work.join_next_with_id().await {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    pub(crate) fn finish<C: Consumer>(
        &mut self,
        done: Done,
        consumer: &mut C,
    ) -> Result<(), SinkError> {
        let (id, result) = match done {
            Ok(done) => done,
            Err(error) if error.is_cancelled() => (error.id(), Ok(())),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let number = self.numbers.remove(&id).ok_or(SinkError::NotAssigned)?;
        let partition = self.ours(number)?;
        partition.work = None;
        match result {
            Ok(()) => {}
            Err(SinkError::Commit(CommitError::Fenced)) => {
                tracing::warn!(number, "another sink owns the partition");
                partition.forget();
                if partition.state == State::Ours {
                    partition.state = State::Fenced;
                }
            }
            Err(error) => return Err(error),
        }
        if matches!(partition.state, State::Revoked { .. }) {
            self.release(number, consumer);
        }
        Ok(())
    }

    fn release<C: Consumer>(&mut self, number: u32, consumer: &mut C) {
        self.partitions.remove(&number);
        metrics::partitions(self.partitions.len());
        consumer.release(number);
    }

    /// Begins to store what is collected of a partition.
    fn store(&mut self, number: u32) {
        let Some(partition) = self.partitions.get_mut(&number) else {
            return;
        };
        let Some((batch, doubt, load)) = partition.close() else {
            return;
        };
        let handle = self.work.spawn(self.writer.clone().store(batch, doubt));
        self.numbers.insert(handle.id(), number);
        partition.work = Some(Work { handle, load });
    }

    /// Begins to store everything that is collected and can be.
    pub(crate) fn store_all(&mut self) {
        let ready = self.partitions.iter().filter(|(_, partition)| {
            partition.state == State::Ours && partition.work.is_none() && !partition.is_incomplete()
        });
        let ready: Vec<_> = ready.map(|(number, _)| *number).collect();
        for number in ready {
            self.store(number);
        }
    }

    // --- what is due, and what there is room for ---

    /// When something must be done although nothing happens.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let due = self.partitions.values().filter_map(|partition| match partition.state {
            State::Revoked { until } => Some(until),
            State::Ours if partition.work.is_none() => partition.due_at(&self.config),
            State::Ours | State::Fenced => None,
        });
        due.min()
    }

    /// Begins what is due, breaks off what is too late, holds back what there is no room for.
    pub(crate) fn regulate<C: Consumer>(&mut self, consumer: &mut C) {
        let now = Instant::now();
        let mut ready = Vec::new();
        for (number, partition) in &mut self.partitions {
            match (partition.state, &partition.work) {
                (State::Revoked { until }, Some(work)) if until <= now => {
                    work.handle.abort();
                    // Once is enough; its end is waited for.
                    partition.state = State::Revoked { until: now + GRACE };
                }
                (State::Ours, None)
                    if partition.is_full(&self.config)
                        || partition.due_at(&self.config).is_some_and(|due| due <= now) =>
                {
                    ready.push(*number);
                }
                _ => {}
            }
        }
        for number in ready {
            self.store(number);
        }
        self.make_room();
        self.pause(consumer);
    }

    /// When memory is used up and nothing is under way, the largest batch is stored before its time.
    fn make_room(&mut self) {
        if self.has_room() || self.is_at_work() {
            return;
        }
        let complete = self.partitions.iter().filter(|(_, partition)| !partition.is_incomplete());
        let largest = complete.max_by_key(|(_, partition)| partition.collected().bytes);
        if let Some(number) = largest.map(|(number, _)| *number) {
            self.store(number);
        }
    }

    fn has_room(&self) -> bool {
        let load: Load = self.partitions.values().map(Partition::load).sum();
        load.events < 2 * u64::from(self.config.batch_events.get())
            && load.bytes < 2 * self.config.batch_bytes.get()
    }

    fn pause<C: Consumer>(&mut self, consumer: &mut C) {
        let has_room = self.has_room();
        for (number, partition) in &mut self.partitions {
            let may_read = partition.state == State::Ours
                && (partition.is_incomplete() || has_room)
                && (partition.work.is_none() || !partition.is_full(&self.config));
            if partition.is_paused == may_read {
                partition.is_paused = !may_read;
                if may_read { consumer.resume(*number) } else { consumer.pause(*number) }
            }
        }
    }
}
