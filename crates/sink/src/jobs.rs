//! The tasks that are under way: the machine's questions to the log's cursors and to ClickHouse.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use candor_store::{Batch, Cause, InsertDeadline, Position, Store, StoreError};
use candor_transport::Committer;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Instant, timeout_at};

use crate::machine::{Answer, Insert, Job, Target, Task};

/// Tasks under way. Dropping it breaks them off.
#[derive(Debug)]
pub(crate) struct Jobs<K> {
    hands: Hands<K>,
    tasks: JoinSet<Answer>,
    handles: HashMap<Job, AbortHandle>,
    by_task: HashMap<Id, Job>,
}

/// What tasks are done with.
#[derive(Clone, Debug)]
struct Hands<K> {
    committer: K,
    store: Store,
    /// When the machine's time began.
    began: Instant,
}

// === impl Jobs ===

impl<K: Committer> Jobs<K> {
    pub(crate) fn new(committer: K, store: Store, began: Instant) -> Self {
        let hands = Hands { committer, store, began };
        Self { hands, tasks: JoinSet::new(), handles: HashMap::new(), by_task: HashMap::new() }
    }

    pub(crate) fn begin(&mut self, job: Job, task: Task) {
        let handle = self.tasks.spawn(self.hands.clone().perform(job.partition, task));
        self.by_task.insert(handle.id(), job);
        self.handles.insert(job, handle);
    }

    pub(crate) fn break_off(&self, job: Job) {
        if let Some(handle) = self.handles.get(&job) {
            handle.abort();
        }
    }

    /// Waits for a task to end; for ever when there is none. Cancel safe.
    pub(crate) async fn next(&mut self) -> (Job, Answer) {
        loop {
            let (id, answer) = match self.tasks.join_next_with_id().await {
                Some(Ok(done)) => done,
                Some(Err(error)) if error.is_cancelled() => (error.id(), Answer::BrokenOff),
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                None => std::future::pending().await,
            };
            if let Some(job) = self.by_task.remove(&id) {
                self.handles.remove(&job);
                return (job, answer);
            }
        }
    }
}

// === impl Hands ===

impl<K: Committer> Hands<K> {
    async fn perform(self, partition: u32, task: Task) -> Answer {
        match task {
            Task::Commit(cursor) => {
                Answer::Committed(self.committer.commit(partition, cursor).await)
            }
            Task::Insert(insert) => Answer::Inserted(self.insert(&insert).await),
            Task::ReadBack { batch, target, deadline } => {
                let read = self.present(&batch, &target);
                Answer::Present(self.in_time(deadline, read).await)
            }
            Task::AskLedger { log, deadline } => {
                let read = self.store.ledger_end(&log, partition);
                Answer::Known(self.in_time(deadline, read).await)
            }
            Task::AskMarks { log, before, spills, deadline } => {
                let read = self.store.marks_before(&log, partition, before, &spills);
                Answer::Marks(self.in_time(deadline, read).await)
            }
            Task::AskIds { log, before, since, deadline } => {
                let read = self.store.recent_ids(&log, partition, before, since);
                Answer::Ids(self.in_time(deadline, read).await)
            }
        }
    }

    async fn insert(&self, insert: &Insert) -> Result<(), StoreError> {
        let Insert { batch, target, present, attempt, deadline } = insert;
        let left = (self.began + *deadline).saturating_duration_since(Instant::now());
        if left.is_zero() {
            // Whoever woke up late writes a new intent first, and hears whether it still owns the range.
            return Err(StoreError::Read(Cause::TimedOut));
        }
        let (store, deadline) = (&self.store, InsertDeadline(left));
        match target {
            Target::Rows(purpose) => {
                store.insert_rows(batch, purpose, present, *attempt, deadline).await
            }
            Target::Quarantine => {
                store.insert_quarantined(batch, present, *attempt, deadline).await
            }
            Target::Ledger => store.insert_ledger(batch, *attempt, deadline).await,
        }
    }

    /// What of a batch is in a table. The row of the ledger counts as the range's first position.
    async fn present(
        &self,
        batch: &Batch,
        target: &Target,
    ) -> Result<HashSet<Position>, StoreError> {
        let range = &batch.range;
        match target {
            Target::Rows(purpose) => self.store.stored_positions(purpose, range).await,
            Target::Quarantine => self.store.quarantined_positions(range).await,
            Target::Ledger => {
                let is_there = self.store.ledger_has(range).await?;
                Ok(if is_there { target.positions(batch).collect() } else { HashSet::new() })
            }
        }
    }

    /// Bounds what ClickHouse is waited for.
    async fn in_time<T>(
        &self,
        deadline: Duration,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let late = Err(StoreError::Read(Cause::TimedOut));
        timeout_at(self.began + deadline, read).await.unwrap_or(late)
    }
}
