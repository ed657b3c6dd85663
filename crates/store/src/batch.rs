//! What is stored at a time: the events of a range of the log.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use candor_event::wire::{self, Encoded, GrantView};
use candor_event::{Event, FieldSet, Grant, Purpose, Timestamp};
use prost::Message;
use smallvec::SmallVec;

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
    pub grants: KeptGrants,
    /// The event's message ([`wire::EventView::read`]), a part of its record.
    pub message: Bytes,
}

/// For which purpose something of an event may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptGrant {
    /// The purpose; all events of a batch have its name from the batch's [`Purposes`].
    pub purpose: Purpose,
    /// The legal basis, as [`Grant`] has it.
    pub basis: i32,
    /// When its row must be gone, Unix seconds.
    pub expires_at: i64,
    /// Which fields, as [`Grant`] has them.
    pub fields: u64,
}

/// Most events are kept for one purpose.
pub type KeptGrants = SmallVec<[KeptGrant; 1]>;

/// The names of purposes that were met. There are few, and a name for each event would lie elsewhere in memory each time.
#[derive(Clone, Debug, Default)]
pub struct Purposes {
    known: BTreeMap<String, Purpose>,
    /// Most grants are for the purpose of the one before.
    last: Option<Purpose>,
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
    pub fn of(
        position: Position,
        event: Encoded<'_>,
        purposes: &mut Purposes,
        now: Timestamp,
    ) -> (Option<Self>, u64) {
        let Encoded { id, grants: granted, message } = event;
        let valid = granted.iter().filter(|grant| grant.expires_at > now.unix());
        let grants: KeptGrants = valid.filter_map(|grant| purposes.grant(grant)).collect();
        let over = (granted.len() - grants.len()) as u64;
        let kept = Self { position, id: u128::from_be_bytes(id), grants, message };
        ((!kept.grants.is_empty()).then_some(kept), over)
    }

    /// Whether it is kept for this purpose.
    pub fn is_for(&self, purpose: &Purpose) -> bool {
        self.grants.iter().any(|grant| grant.purpose == *purpose)
    }

    /// A record of what one grant covers, and nothing else.
    fn only(&self, grant: &KeptGrant) -> Bytes {
        // What does not read was refused when its record was split.
        let mut event = Event::decode(&*self.message).unwrap_or_default();
        event.retain(FieldSet::from_bits(grant.fields).unwrap_or_default());
        let KeptGrant { purpose, basis, expires_at, fields } = grant.clone();
        event.grants = vec![Grant { purpose: purpose.to_string(), basis, expires_at, fields }];
        wire::encode(&event)
    }
}

impl Purposes {
    /// None for what is no name, which was refused when its record was split.
    fn grant(&mut self, grant: &GrantView<'_>) -> Option<KeptGrant> {
        let GrantView { purpose: name, basis, expires_at, fields } = *grant;
        let purpose = self.named(name)?;
        Some(KeptGrant { purpose, basis, expires_at, fields })
    }

    fn named(&mut self, name: &str) -> Option<Purpose> {
        if self.last.as_ref().is_none_or(|last| last.as_str() != name) {
            if !self.known.contains_key(name) {
                self.known.insert(name.to_owned(), Purpose::parse(name).ok()?);
            }
            self.last = self.known.get(name).cloned();
        }
        self.last.clone()
    }
}

impl Batch {
    /// The purposes that have rows in this batch, in order.
    pub fn purposes(&self) -> Vec<Purpose> {
        let grants = self.events.iter().flat_map(|event| &event.grants);
        let (mut purposes, mut last) = (BTreeSet::new(), None);
        for KeptGrant { purpose, .. } in grants {
            // Most are for the purpose of the one before.
            if last != Some(purpose) {
                purposes.insert(purpose);
                last = Some(purpose);
            }
        }
        purposes.into_iter().cloned().collect()
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
        let is_it = |grant: &KeptGrant| grant.purpose == *purpose;
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
        let ours = grants.filter(|grant| grant.purpose == *purpose);
        ours.map(|grant| Timestamp::from_unix(grant.expires_at)).min()
    }

    /// How many rows each purpose gets.
    pub fn rows(&self, purpose: &Purpose) -> u64 {
        self.events.iter().filter(|event| event.is_for(purpose)).count() as u64
    }
}
