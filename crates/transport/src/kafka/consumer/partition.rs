//! A partition that is read.

use std::sync::Arc;

use bytes::Bytes;
use rdkafka::Message;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};

use super::lookup::{Found, Queue, start_of};
use super::owned::Slot;
use crate::kafka::error::code_of;
use crate::kafka::mark::{self, UnknownMark};
use crate::kafka::metrics;
use crate::{Damage, Delivery, SpillMark};

/// A partition that is ours.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) slot: Arc<Slot>,
    /// None: nothing is read any more.
    queue: Option<Queue>,
    /// The next offset to be delivered.
    next: u64,
    /// Where reading goes on after what the log deleted.
    resume_at: u64,
    /// How often in a row a checksum did not fit.
    corrupt: u32,
    /// Offsets below are given up because a checksum does not fit.
    skipped_to: u64,
    /// Until librdkafka has been told.
    pub(super) is_skipping: bool,
    /// The cursor lies behind the end: what comes there is not what it stood for.
    is_beyond: bool,
    /// A record that waits until the damage before it is delivered.
    held: Option<Polled>,
    pub(super) paused: bool,
}

/// A record as librdkafka gave it.
#[derive(Debug)]
struct Polled {
    offset: u64,
    record: Bytes,
    mark: Result<Option<SpillMark>, UnknownMark>,
}

/// What reading met instead of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The record at this offset has a mark of a kind that is not known.
    Mark(u64),
    /// The offset is not in the log.
    OutOfRange,
    /// A checksum does not fit, however often it is read: go on at this offset.
    Skip(u64),
    /// Something that librdkafka reports once.
    Code(Code),
}

// === impl Partition ===

impl Partition {
    pub(super) fn new(slot: Arc<Slot>, found: Found) -> Self {
        let resume_at = start_of(found.committed.as_ref(), found.low);
        let is_beyond = resume_at > found.high;
        let next = found.committed.map_or(found.low, |cursor| cursor.offset);
        Self {
            slot,
            queue: Some(found.queue),
            next,
            resume_at,
            corrupt: 0,
            skipped_to: 0,
            is_skipping: false,
            is_beyond,
            held: None,
            paused: false,
        }
    }

    /// Reads no more: it is to be given away.
    pub(super) fn revoke(&mut self) {
        self.queue = None;
        self.held = None;
    }

    pub(super) const fn is_revoked(&self) -> bool {
        self.queue.is_none()
    }

    pub(super) const fn is_read(&self) -> bool {
        self.queue.is_some() && !(self.paused || self.is_skipping || self.is_beyond)
    }

    /// The next delivery that is there.
    pub(super) fn read(&mut self) -> Result<Option<Delivery>, Trouble> {
        if self.next < self.resume_at {
            let last = self.resume_at - 1;
            metrics::deleted(self.resume_at - self.next);
            return Ok(Some(self.damaged(last, Damage::Deleted)));
        }
        loop {
            let polled = match self.poll() {
                Ok(Some(polled)) => polled,
                Ok(None) => return Ok(None),
                Err(error) => match trouble_of(&error).or_else(|| self.skip()) {
                    Some(trouble) => return Err(trouble),
                    None => continue,
                },
            };
            let offset = polled.offset;
            if offset < self.next {
                continue; // read again by librdkafka, after it had paused itself
            }
            if offset > self.next && self.skipped_to > self.next {
                self.held = Some(polled);
                metrics::corrupt(offset - self.next);
                return Ok(Some(self.damaged(offset - 1, Damage::Corrupt)));
            }
            self.corrupt = 0;
            let Polled { record, mark, .. } = polled;
            let spill = mark.map_err(|UnknownMark| Trouble::Mark(offset))?;
            self.next = offset + 1;
            self.slot.deliver(self.next);
            let partition = self.slot.partition;
            return Ok(Some(Delivery::Record { partition, offset, record, spill }));
        }
    }

    fn damaged(&mut self, last: u64, damage: Damage) -> Delivery {
        let first = self.next;
        self.corrupt = 0;
        self.next = last + 1;
        self.slot.deliver(self.next);
        Delivery::Damaged { partition: self.slot.partition, first, last, damage }
    }

    fn poll(&mut self) -> Result<Option<Polled>, ClientError> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        let Some(queue) = &self.queue else {
            return Ok(None);
        };
        while let Some(message) = queue.poll().transpose()? {
            if let Ok(offset) = u64::try_from(message.offset()) {
                let record = Bytes::copy_from_slice(message.payload().unwrap_or_default());
                return Ok(Some(Polled { offset, record, mark: mark::read(&message) }));
            }
        }
        Ok(None)
    }

    /// A checksum did not fit. librdkafka reads the same again and again, which is right as long as only
    /// the way here was bad; a batch that is bad in the log is skipped, offset by offset, for nobody tells
    /// how far it goes.
    fn skip(&mut self) -> Option<Trouble> {
        self.corrupt += 1;
        if self.corrupt < CORRUPT_TIMES {
            return None;
        }
        let (partition, next) = (self.slot.partition, self.next);
        if self.skipped_to <= next {
            tracing::error!(partition, next, "a checksum in the log does not fit, skipping");
        }
        self.corrupt = 0;
        self.is_skipping = true;
        self.skipped_to = self.skipped_to.max(next) + 1;
        Some(Trouble::Skip(self.skipped_to))
    }
}

/// None: a checksum.
fn trouble_of(error: &ClientError) -> Option<Trouble> {
    match code_of(error) {
        Code::BadMessage => None,
        Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => {
            Some(Trouble::OutOfRange)
        }
        code => Some(Trouble::Code(code)),
    }
}

/// So often a checksum must not fit to be bad in the log.
const CORRUPT_TIMES: u32 = 4;
