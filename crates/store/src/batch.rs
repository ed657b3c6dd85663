//! What is stored at a time: the events of a range of the log.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use candor_event::wire::{self, Encoded};
use candor_event::{Event, FieldSet, Grant, Purpose, Timestamp};
use prost::Message;

use crate::error::Refusal;

/// A range of offsets of one partition, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The log, as its id prints.
    pub log: String,
    /// The partition.
    pub partition: u32,
    /// The first offset.
    pub first: u64,
    /// The last offset.
    pub last: u64,
}

/// Where in its partition an event lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The record.
    pub offset: u64,
    /// The event within the record.
    pub index: u32,
}

/// A range of the log, decoded.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which range.
    pub range: Range,
    /// When it is stored; the same for every try.
    pub stored_at: Timestamp,
    /// How many records were read.
    pub records: u32,
    /// The events, by their places.
    pub events: Vec<Kept>,
    /// What did not become a row, and why.
    pub buckets: BTreeMap<Bucket, u64>,
    /// Records that cannot be stored.
    pub quarantined: Vec<Quarantined>,
    /// By spill, as its id prints: the last of its sequences in the range.
    pub marks: BTreeMap<String, u64>,
    /// How many rows its records asked for, and how many of them cannot be read, without what was stored before
    /// the range. Each is a row, was over already, or is set aside: what the audit checks.
    pub held: u64,
}

/// An event that is to be stored, as it lies in its record.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where it lies.
    pub position: Position,
    /// Which event it is.
    pub id: u128,
    /// What may be kept of it yet: some of the grants of its message.
    pub grants: Vec<Grant>,
    /// The event's message ([`wire::EventView::read`]), a part of its record.
    pub message: Bytes,
}

/// Why an offset of the log has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// The log lost it: bits have flipped.
    Corrupt,
    /// The log deleted it before it was read.
    Deleted,
    /// Sent again, out of a spill or by a client, and stored before (counted per event).
    Duplicate,
    /// The period was over before the row was stored (counted per row).
    Expired,
    /// Set aside.
    Quarantined,
    /// A number that was never used.
    Torn,
}

/// A row that ClickHouse refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The purpose whose table refuses it.
    pub purpose: Purpose,
    /// The event.
    pub position: Position,
    /// Why.
    pub refusal: Refusal,
}

/// A record that was set aside, or an event of one. Everything in the log is anonymised, and so is this.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// Where it was.
    pub position: Position,
    /// Until when it may be kept, if its grants say so.
    pub expires_at: Option<Timestamp>,
    /// Why.
    pub reason: &'static str,
    /// The record.
    pub record: Vec<u8>,
}

impl Bucket {
    /// The word for it in the ledger.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::Deleted => "deleted",
            Self::Duplicate => "duplicate",
            Self::Expired => "expired",
            Self::Quarantined => "quarantined",
            Self::Torn => "torn",
        }
    }
}

impl Kept {
    /// An event of a record, without the grants that are over at this time, if any is left; and how many are over.
    pub fn of(position: Position, event: Encoded, now: Timestamp) -> (Option<Self>, u64) {
        let Encoded { id, mut grants, message } = event;
        let granted = grants.len();
        grants.retain(|grant| grant.expires_at > now.unix());
        let over = (granted - grants.len()) as u64;
        let kept = Self { position, id: u128::from_be_bytes(id), grants, message };
        ((!kept.grants.is_empty()).then_some(kept), over)
    }

    /// Whether it is kept for this purpose.
    pub fn is_for(&self, purpose: &Purpose) -> bool {
        self.grants.iter().any(|grant| grant.purpose == purpose.as_str())
    }

    /// A record of what one grant covers, and nothing else.
    fn only(&self, grant: &Grant) -> Bytes {
        // What does not read was refused when its record was split.
        let mut event = Event::decode(&*self.message).unwrap_or_default();
        event.retain(FieldSet::from_bits(grant.fields).unwrap_or_default());
        event.grants = vec![grant.clone()];
        wire::encode(&event)
    }
}

impl Batch {
    /// The purposes that have rows in this batch, in order.
    pub fn purposes(&self) -> Vec<Purpose> {
        let names: HashSet<&str> = self
            .events
            .iter()
            .flat_map(|event| event.grants.iter().map(|grant| grant.purpose.as_str()))
            .collect();
        let mut purposes: Vec<_> =
            names.into_iter().filter_map(|name| Purpose::parse(name).ok()).collect();
        purposes.sort();
        purposes
    }

    /// Sets a row aside: its event is left with its other grants, and what this grant covers goes into the
    /// quarantine. What is not there is left alone.
    pub fn refuse(&mut self, refused: &Refused) {
        let Refused { purpose, position, refusal } = refused;
        let Ok(index) = self.events.binary_search_by_key(position, |event| event.position) else {
            return;
        };
        let Some(event) = self.events.get_mut(index) else {
            return;
        };
        let is_it = |grant: &Grant| grant.purpose == purpose.as_str();
        let Some(grant) = event.grants.iter().find(|grant| is_it(grant)).cloned() else {
            return;
        };
        event.grants.retain(|grant| !is_it(grant));
        let record = event.only(&grant);
        let expires_at = Timestamp::from_unix(grant.expires_at);
        if event.grants.is_empty() {
            self.events.remove(index);
        }
        *self.buckets.entry(Bucket::Quarantined).or_default() += 1;
        // Encoded events concatenate: one row of the quarantine for an event, whatever refuses it.
        match self.quarantined.iter_mut().find(|it| it.position == *position) {
            Some(row) => {
                row.record.extend_from_slice(&record);
                row.expires_at = row.expires_at.min(Some(expires_at));
            }
            None => self.quarantined.push(Quarantined {
                position: *position,
                expires_at: Some(expires_at),
                reason: refusal.label(),
                record: record.to_vec(),
            }),
        }
    }

    /// Counts what [`Self::held`] says, while nothing is refused yet.
    pub fn count_held(&mut self) {
        let rows: usize = self.events.iter().map(|event| event.grants.len()).sum();
        let no_rows = [Bucket::Expired, Bucket::Quarantined]
            .map(|bucket| self.buckets.get(&bucket).copied().unwrap_or_default());
        self.held = rows as u64 + no_rows.iter().sum::<u64>();
    }

    /// When the first of a purpose's rows dies; none when it has no rows.
    pub fn dies_at(&self, purpose: &Purpose) -> Option<Timestamp> {
        let grants = self.events.iter().flat_map(|event| &event.grants);
        let ours = grants.filter(|grant| grant.purpose == purpose.as_str());
        ours.map(|grant| Timestamp::from_unix(grant.expires_at)).min()
    }

    /// How many rows each purpose gets.
    pub fn rows(&self, purpose: &Purpose) -> u64 {
        self.events.iter().filter(|event| event.is_for(purpose)).count() as u64
    }
}
