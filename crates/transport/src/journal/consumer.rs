//! The consuming end.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};

use super::PARTITION;
use super::committer::JournalCommitter;
use super::cursor::CursorFile;
use super::reader::Place;
use super::record::Checksum;
use super::shared::{ConsumerEnd, Mark};
use crate::{ConsumeError, Consumer, Cursor, Delivery, LogId};

/// Reads a journal. There is one, as there is one partition.
#[derive(Debug)]
pub struct JournalConsumer {
    dir: PathBuf,
    log_id: LogId,
    committer: JournalCommitter,
    mark: watch::Receiver<Mark>,
    /// The first delivery, until it was made.
    assigned: Option<Delivery>,
    /// Read, but not yet delivered.
    ready: VecDeque<Delivery>,
    /// Where the next block begins.
    place: Place,
    /// The block that is being read. It outlives a dropped future, so that nothing is read twice.
    reading: Option<JoinHandle<(Place, io::Result<Vec<Delivery>>)>>,
    paused: bool,
    end: ConsumerEnd,
}

/// Where a consumer begins: taken before the writer does, which may delete segments at once.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) committed: Option<Cursor>,
    pub(super) low: u64,
    pub(super) high: u64,
}

// === impl JournalConsumer ===

impl JournalConsumer {
    pub(super) fn new(
        dir: PathBuf,
        log_id: LogId,
        cursor_file: CursorFile,
        begin: Begin,
        end: ConsumerEnd,
    ) -> Self {
        let Begin { committed, low, high } = begin;
        let start = committed.as_ref().map_or(low, |cursor| cursor.offset);
        Self {
            dir,
            log_id,
            committer: JournalCommitter::new(cursor_file, start, Arc::clone(&end.shared)),
            mark: end.shared.mark(),
            assigned: Some(Delivery::Assigned {
                partition: PARTITION,
                log: log_id,
                committed,
                low,
                high,
                previous_owner_may_live: false, // it would hold the lock
            }),
            ready: VecDeque::new(),
            place: Place::new(start),
            reading: None,
            paused: false,
            end,
        }
    }

    /// The number after the last record that is durable or was given up.
    pub(crate) fn end(&self) -> u64 {
        self.mark.borrow().next
    }

    /// Waits until there is something to read.
    async fn readable(&mut self) -> Result<(), ConsumeError> {
        loop {
            let mark = *self.mark.borrow_and_update();
            if mark.next > self.place.expected {
                return Ok(());
            }
            if mark.closed || self.mark.changed().await.is_err() {
                return Err(ConsumeError::Closed);
            }
        }
    }

    /// Reads a block; a dropped future leaves it to the next call.
    async fn read(&mut self) -> Result<(), ConsumeError> {
        let task = self.reading.get_or_insert_with(|| {
            let shared = Arc::clone(&self.end.shared);
            let (dir, mut place) = (self.dir.clone(), self.place);
            let checksum = Checksum::new(self.log_id);
            spawn_blocking(move || {
                let deliveries = place.read(&shared, &dir, checksum);
                (place, deliveries)
            })
        });
        let done = task.await;
        self.reading = None;
        let (place, deliveries) =
            done.map_err(|error| ConsumeError::Io(io::Error::other(error)))?;
        self.ready = deliveries.map_err(ConsumeError::Io)?.into();
        self.place = place;
        Ok(())
    }
}

impl Consumer for JournalConsumer {
    type Committer = JournalCommitter;

    fn committer(&self) -> JournalCommitter {
        self.committer.clone()
    }

    async fn next(&mut self) -> Result<Delivery, ConsumeError> {
        if let Some(assigned) = self.assigned.take() {
            return Ok(assigned);
        }
        if self.paused {
            return pending().await;
        }
        loop {
            if let Some(delivery) = self.ready.pop_front() {
                if let Delivery::Record { offset: last, .. } | Delivery::Damaged { last, .. } =
                    delivery
                {
                    self.committer.delivered(last.saturating_add(1));
                }
                return Ok(delivery);
            }
            self.readable().await?;
            self.read().await?;
        }
    }

    fn pause(&mut self, partition: u32) {
        self.paused |= partition == PARTITION;
    }

    fn resume(&mut self, partition: u32) {
        self.paused &= partition != PARTITION;
    }

    /// A journal never revokes.
    fn release(&mut self, _partition: u32) {}
}
