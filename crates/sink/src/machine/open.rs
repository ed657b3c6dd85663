//! Collects records until they are worth an insert.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use candor_event::wire::{self, Encoded};
use candor_store::{Batch, Bucket, Kept, Position, Purposes, Quarantined, Range};
use candor_transport::{Damage, SpillMark};

use super::action::{Action, Report};
use super::before::Closed;
use super::input::Moment;
use super::marks::Marked;
use super::partition::Load;
use crate::config::Config;
use crate::error::SinkError;

/// A batch in the making.
#[derive(Debug)]
pub(super) struct Open {
    batch: Batch,
    purposes: Purposes,
    /// Records that came by a spill.
    marked: Vec<Marked>,
    bytes: u64,
    since: Duration,
}

impl Open {
    /// A batch that begins at this offset.
    pub(super) fn begin(log: String, partition: u32, first: u64, at: Moment) -> Self {
        let batch = Batch {
            range: Range { log, partition, first, last: first },
            stored_at: at.now,
            records: 0,
            events: Vec::new(),
            buckets: BTreeMap::new(),
            quarantined: Vec::new(),
            marks: BTreeMap::new(),
            held: 0,
        };
        let purposes = Purposes::default();
        Self { batch, purposes, marked: Vec::new(), bytes: 0, since: at.elapsed }
    }

    /// Decodes a record into the batch, or sets it aside.
    ///
    /// # Errors
    /// [`SinkError::FromTheFuture`]: a newer version could store it.
    pub(super) fn push(
        &mut self,
        offset: u64,
        record: &Bytes,
        spill: Option<SpillMark>,
        out: &mut Vec<Action>,
    ) -> Result<(), SinkError> {
        let batch = &mut self.batch;
        batch.range.last = offset;
        batch.records += 1;
        self.bytes += record.len() as u64;
        let (mut events, mut expired) = (None, 0);
        match wire::split(record) {
            Ok(encoded) => {
                events = Some(encoded.len() as u64);
                for (index, event) in (0..).zip(encoded) {
                    let position = Position { offset, index };
                    expired += self.keep(position, event);
                }
            }
            Err(source) if source.is_from_the_future() => {
                return Err(SinkError::FromTheFuture { offset, source });
            }
            Err(reason) => {
                let reason = reason.label();
                out.push(Action::Report(Report::Quarantined(reason)));
                // It is set aside in hexadecimal, and an insert has a bound, too.
                self.bytes += record.len() as u64;
                let (position, record) = (Position { offset, index: 0 }, record.to_vec());
                batch.quarantined.push(Quarantined { position, expires_at: None, reason, record });
                self.count(Bucket::Quarantined, 1);
            }
        }
        self.marked.extend(spill.map(|mark| Marked { offset, mark, events, expired }));
        Ok(())
    }

    /// Drops the grants that are over already: their rows would die at the first merge. How many it were.
    fn keep(&mut self, position: Position, event: Encoded<'_>) -> u64 {
        let (purposes, now) = (&mut self.purposes, self.batch.stored_at);
        let (kept, expired) = Kept::of(position, event, purposes, now);
        if expired > 0 {
            self.count(Bucket::Expired, expired);
        }
        self.batch.events.extend(kept);
        expired
    }

    /// Accounts for offsets that cannot be read.
    pub(super) fn damaged(&mut self, first: u64, last: u64, damage: Damage, out: &mut Vec<Action>) {
        self.batch.range.last = last;
        let bucket = match damage {
            Damage::Corrupt => Bucket::Corrupt,
            Damage::Deleted => {
                out.push(Action::Report(Report::Deleted { first, last }));
                Bucket::Deleted
            }
            Damage::Torn => Bucket::Torn,
        };
        self.count(bucket, last.saturating_sub(first).saturating_add(1));
    }

    /// Accounts for offsets before the range that the log deleted before anybody began to read.
    pub(super) fn deleted_unread(&mut self, offsets: u64, out: &mut Vec<Action>) {
        if offsets > 0 {
            out.push(Action::Report(Report::Deleted { first: 0, last: offsets - 1 }));
            self.count(Bucket::Deleted, offsets);
        }
    }

    fn count(&mut self, bucket: Bucket, count: u64) {
        *self.batch.buckets.entry(bucket).or_default() += count;
    }

    /// The last offset that the batch covers.
    pub(super) fn last(&self) -> u64 {
        self.batch.range.last
    }

    /// How much it holds.
    pub(super) fn load(&self) -> Load {
        Load { events: self.batch.events.len() as u64, bytes: self.bytes }
    }

    /// Whether it is large enough.
    pub(super) fn is_full(&self, config: &Config) -> bool {
        self.batch.events.len() >= config.batch_events.get() as usize
            || self.bytes >= config.batch_bytes.get()
    }

    /// When it is old enough.
    pub(super) fn due_at(&self, config: &Config) -> Duration {
        self.since + config.batch_age()
    }

    /// No more is added.
    pub(super) fn close(self) -> Closed {
        Closed { batch: self.batch, marked: self.marked }
    }
}
