//! The task that gives away what lies in the spill: batch by batch, in order, one record of each partition
//! on its way at a time. This bounds it, and lets live events pass between.
//!
//! A batch is read, written down ([`super::intent`]), sent until all of it is acknowledged, and confirmed.
//! After a crash at any place the same batch is sent again, with the same marks.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::batch::{Hands, Spilled, deal};
use super::intent::Intent;
use super::shared::{Gate, Shared};
use super::{SpillError, metrics};
use crate::journal::{JournalCommitter, JournalConsumer};
use crate::kafka::{Drained, Taken};
use crate::{Committer, ConsumeError, Consumer, Cursor, Damage, Delivery, LogId, SpillMark};

/// Drains a spill.
#[derive(Debug)]
pub(super) struct Drain {
    shared: Arc<Shared>,
    consumer: JournalConsumer,
    committer: JournalCommitter,
    gate: watch::Receiver<Gate>,
    id: LogId,
    /// The first number that was not given away.
    next: u64,
    /// What is being read. It outlives an error, for nothing is read twice.
    batch: Batch,
}

/// Records of the spill that are sent together.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<Spilled>,
    bytes: usize,
    /// The number after its last record; 0 while nothing was read.
    end: u64,
    /// What was written down about it.
    intent: Option<Intent>,
}

/// What sending came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    All,
    /// Not all of it; the topic may be another one, or it is time to look at the gate.
    NotAll,
    /// It lay there for too long.
    Overdue,
}

/// The task is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Over;

// === impl Drain ===

impl Drain {
    /// Takes a spill, and finds out where an earlier run stopped.
    pub(super) async fn begin(
        shared: Arc<Shared>,
        mut consumer: JournalConsumer,
        dir: &Path,
    ) -> Result<Self, SpillError> {
        let first = consumer.next().await;
        let first = first.map_err(|source| SpillError::Read { dir: dir.to_owned(), source })?;
        let (mut next, mut intent) = (0, None);
        if let Delivery::Assigned { committed, low, .. } = first {
            let cursor = committed.unwrap_or(Cursor { offset: low, metadata: String::new() });
            next = cursor.offset;
            intent = Intent::parse(&cursor.metadata)
                .map_err(|_| SpillError::Intent { dir: dir.to_owned() })?;
        }
        shared.progress(|progress| progress.next = next);
        let (committer, gate, id) = (consumer.committer(), shared.gate(), shared.id());
        let batch = Batch { intent, ..Batch::default() };
        Ok(Self { shared, consumer, committer, gate, id, next, batch })
    }

    /// Works until it is told to end.
    pub(super) async fn run(mut self) {
        let mut gate = self.gate.clone();
        let mut is_over = async move || drop(gate.wait_for(|gate| *gate == Gate::Over).await);
        loop {
            let read = tokio::select! {
                read = self.read() => read,
                () = is_over() => return,
            };
            match read {
                Ok(()) => {}
                Err(ConsumeError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "the spill cannot be read, trying again");
                    tokio::time::sleep(DISK_PAUSE).await;
                    continue;
                }
            }
            let batch = std::mem::take(&mut self.batch);
            let oldest = batch.records.first().and_then(Spilled::oldest);
            self.shared.progress(|progress| progress.oldest = oldest);
            if self.give_away(batch).await == Err(Over) {
                return;
            }
            self.shared.progress(|progress| progress.oldest = None);
        }
    }

    /// Reads the next batch: the one that an earlier run had begun to send, or what there is.
    async fn read(&mut self) -> Result<(), ConsumeError> {
        let Self { batch, consumer, .. } = self;
        while batch.end == 0 || (!batch.is_whole() && batch.end < consumer.end()) {
            match consumer.next().await? {
                Delivery::Record { offset, record, .. } => {
                    let spilled = Spilled { number: offset, payload: record };
                    if !spilled.is_whole() {
                        tracing::error!(
                            number = offset,
                            "a record of the spill is no row of frames"
                        );
                        metrics::lost(1);
                    }
                    batch.bytes += spilled.payload.len();
                    batch.end = offset + 1;
                    batch.records.push(spilled);
                }
                Delivery::Damaged { first, last, damage, .. } => {
                    if damage != Damage::Torn {
                        metrics::lost(last - first + 1);
                    }
                    batch.end = last + 1;
                }
                Delivery::Assigned { .. } | Delivery::Revoked { .. } => {}
            }
        }
        Ok(())
    }

    /// Sends a batch until all of it is acknowledged, and confirms it.
    async fn give_away(&mut self, mut batch: Batch) -> Result<(), Over> {
        while !batch.records.is_empty() {
            self.wait(&mut batch).await?;
            if batch.records.is_empty() {
                break; // overdue
            }
            let Some((log, partitions)) = self.shared.kafka.pulse().topic else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let is_dealt_anew = batch.intent.is_some();
            let intent = match batch.intent.filter(|intent| intent.log == log) {
                Some(intent) => intent,
                None => Intent { log, is_dealt_anew, partitions, end: batch.end },
            };
            if batch.intent != Some(intent) {
                self.commit(self.next, intent.to_note()).await?;
                batch.intent = Some(intent);
            }
            match self.send(&batch, intent).await? {
                Sent::All => break,
                Sent::NotAll => {}
                Sent::Overdue => batch.expire(batch.records.len()),
            }
        }
        self.commit(batch.end, String::new()).await?;
        self.next = batch.end;
        self.shared.progress(|progress| progress.next = batch.end);
        Ok(())
    }

    /// Waits until the spill may be drained. What becomes overdue meanwhile is deleted.
    async fn wait(&mut self, batch: &mut Batch) -> Result<(), Over> {
        loop {
            let overdue = batch.overdue(&self.shared);
            if overdue > 0 {
                batch.expire(overdue);
                let first = batch.records.first().map_or(batch.end, |first| first.number);
                self.commit(first, String::new()).await?;
                self.next = first;
                self.shared.progress(|progress| progress.next = first);
            }
            if batch.records.is_empty() {
                return Ok(());
            }
            let open = self.gate.wait_for(|gate| *gate != Gate::Closed);
            match tokio::time::timeout(LOOK_EVERY, open).await {
                Ok(Ok(gate)) if *gate == Gate::Open => return Ok(()),
                Ok(_) => return Err(Over),
                Err(_) => {}
            }
        }
    }

    async fn send(&mut self, batch: &Batch, intent: Intent) -> Result<Sent, Over> {
        let (mut hands, id) = (deal(&batch.records, intent.partitions), intent.name(self.id));
        loop {
            let mut under_way = Vec::new();
            let mut sent = Sent::All;
            for (partition, hand) in &hands {
                let Some(dealt) = hand.front() else {
                    continue;
                };
                let mark = SpillMark { id, sequence: dealt.sequence };
                let (record, events) = (dealt.record.clone(), dealt.events);
                let drained = Drained { partition: *partition, record, events, mark };
                match self.shared.kafka.drain(intent.log, drained) {
                    Ok(taken) => under_way.push((*partition, taken)),
                    Err(_) => sent = Sent::NotAll,
                }
            }
            if under_way.is_empty() && sent == Sent::All {
                return Ok(Sent::All);
            }
            for (partition, taken) in under_way {
                match self.settle(batch, taken).await {
                    Sent::All => confirm(&mut hands, partition, &self.shared),
                    Sent::NotAll => sent = Sent::NotAll,
                    Sent::Overdue => return Ok(Sent::Overdue),
                }
            }
            if sent == Sent::NotAll {
                metrics::resent();
                self.pause().await?;
                let topic = self.shared.kafka.pulse().topic;
                if topic.is_none_or(|topic| topic.0 != intent.log) {
                    return Ok(Sent::NotAll);
                }
            }
        }
    }

    /// Waits for the answer to one record.
    async fn settle(&self, batch: &Batch, taken: Taken) -> Sent {
        let answered = taken.answered();
        tokio::pin!(answered);
        loop {
            match tokio::time::timeout(LOOK_EVERY, &mut answered).await {
                Ok(Ok(())) => return Sent::All,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a record of the spill was not taken, trying again");
                    return Sent::NotAll;
                }
                Err(_) if batch.overdue(&self.shared) == batch.records.len() => {
                    return Sent::Overdue;
                }
                Err(_) => {}
            }
        }
    }

    /// Moves the cursor. Nothing is sent that was not written down before.
    async fn commit(&mut self, offset: u64, metadata: String) -> Result<(), Over> {
        let cursor = Cursor { offset, metadata };
        while let Err(error) = self.committer.commit(PARTITION, cursor.clone()).await {
            tracing::error!(%error, "the cursor of the spill cannot be moved, trying again");
            self.pause().await?;
        }
        Ok(())
    }

    async fn pause(&mut self) -> Result<(), Over> {
        let over = self.gate.wait_for(|gate| *gate == Gate::Over);
        match tokio::time::timeout(PAUSE, over).await {
            Ok(_) => Err(Over),
            Err(_) => Ok(()),
        }
    }
}

// === impl Batch ===

impl Batch {
    fn is_whole(&self) -> bool {
        match self.intent {
            Some(intent) => self.end >= intent.end,
            None => self.bytes >= BATCH_BYTES || self.records.len() >= BATCH_RECORDS,
        }
    }

    /// How many of its first records have only events that lay there for too long. A batch that was written
    /// down stays whole, for a part of it would be dealt in another way.
    fn overdue(&self, shared: &Shared) -> usize {
        let before = shared.now().plus_seconds(-shared.config.seconds_max());
        let is_overdue = |record: &&Spilled| record.newest().is_none_or(|newest| newest < before);
        let count = self.records.iter().take_while(is_overdue).count();
        if self.intent.is_some() && count < self.records.len() { 0 } else { count }
    }

    fn expire(&mut self, count: usize) {
        let events = self.records.drain(..count).map(|record| record.events()).sum();
        tracing::error!(events, "events lay in the spill for too long and are deleted");
        metrics::expired(events);
    }
}

fn confirm(hands: &mut Hands, partition: u32, shared: &Shared) {
    let Some(dealt) = hands.get_mut(&partition).and_then(std::collections::VecDeque::pop_front)
    else {
        return;
    };
    metrics::drained(dealt.events);
    shared.progress(|progress| progress.drained_at = Some(Instant::now()));
}

/// The partition of a journal.
const PARTITION: u32 = 0;
/// A batch ends after so many bytes, or records.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_RECORDS: usize = 4_096;
const PAUSE: Duration = Duration::from_millis(250);
const DISK_PAUSE: Duration = Duration::from_secs(1);
/// How often overdue events are looked for while nothing can be sent.
const LOOK_EVERY: Duration = Duration::from_secs(5);
