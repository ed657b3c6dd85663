//! A log as the sink sees it: partitions of records, with everything that can be wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use candor_event::{Basis, Event, Field, FieldSet, Grant, Kind, wire};
use candor_transport::{Damage, Delivery, LogId};

use crate::drain::{self, Drain, Spilled};
use crate::faults::Faults;
use crate::random::Random;

/// When the world begins, by the wall clock; shortly before the end of a month.
pub const EPOCH: i64 = 1_790_811_900;

/// Each event lies in one of two months, as a range does that was read at midnight.
const MONTHS: (i64, i64) = (1_790_700_000, 1_791_000_000);

/// The site of events that the table of statistics refuses.
pub const POISON: &str = "poison";

#[derive(Clone, Debug)]
pub struct Log {
    pub id: LogId,
    pub partitions: Vec<Partition>,
    generation: u8,
}

#[derive(Clone, Debug, Default)]
pub struct Partition {
    pub entries: BTreeMap<u64, Entry>,
    /// The first offset that is still there, and the next one.
    pub low: u64,
    pub high: u64,
    /// What the log deleted before it was confirmed: it may have been stored or not.
    pub deleted: BTreeSet<u64>,
    /// Of what was behind, nothing is known any more.
    pub lost_from: Option<u64>,
    /// Ids that came more than once.
    pub retried: BTreeSet<Vec<u8>>,
    /// What is given away into it.
    pub drains: [Drain; 2],
}

/// What lies at an offset. Offsets without an entry were never used, and nothing tells of them.
#[derive(Clone, Debug)]
pub enum Entry {
    Record(Bytes, Vec<Event>),
    Spilled(Spilled),
    Garbage(Bytes),
    Damaged(Damage),
}

impl Entry {
    pub fn events(&self) -> &[Event] {
        match self {
            Self::Record(_, events) | Self::Spilled(Spilled { events: Some(events), .. }) => events,
            Self::Spilled(_) | Self::Garbage(_) | Self::Damaged(_) => &[],
        }
    }
}

impl Log {
    pub fn new(generation: u8, partitions: u64) -> Self {
        Self {
            id: LogId::from_bytes([generation; 16]),
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
            generation,
        }
    }

    /// The log is deleted and made anew under its name.
    pub fn anew(&self) -> Self {
        Self::new(self.generation + 1, self.partitions.len() as u64)
    }

    /// Appends a record, maybe after something that is none.
    pub fn append(&mut self, random: &mut Random, faults: &Faults, unique: &mut u64) {
        let number = random.below(self.partitions.len() as u64);
        let Some(partition) = self.partitions.get_mut(usize::try_from(number).unwrap_or(0)) else {
            return;
        };
        if random.chance(faults.damage) {
            let damage = if random.chance(5_000) { Damage::Corrupt } else { Damage::Torn };
            for _ in 0..random.between(1, 3) {
                partition.push(Entry::Damaged(damage));
            }
        }
        if random.chance(faults.damage) {
            partition.high += random.between(1, 3); // numbers that nothing tells of
        }
        if random.chance(faults.garbage) {
            partition.push(Entry::Garbage(Bytes::from_static(b"this is no record")));
        }
        if random.chance(faults.spilled) {
            return drain::append(partition, random, faults, unique);
        }
        let retried = if random.chance(faults.retried) { partition.retry(random) } else { None };
        let (record, events) = retried.unwrap_or_else(|| record(random, faults, unique));
        partition.push(Entry::Record(record, events));
    }
}

impl Partition {
    pub fn push(&mut self, entry: Entry) {
        self.entries.insert(self.high, entry);
        self.high += 1;
    }

    /// A record of an event that is in the partition already, as a client sends that heard no answer.
    fn retry(&mut self, random: &mut Random) -> Option<(Bytes, Vec<Event>)> {
        let lately = self.entries.values().rev().take(8).flat_map(Entry::events);
        let event = random.pick(&lately.collect::<Vec<_>>()).copied()?.clone();
        self.retried.insert(event.id.clone());
        let events = if random.chance(2_000) { vec![event.clone(), event] } else { vec![event] };
        Some((record_of(&events), events))
    }

    /// What is delivered next to whoever stands at `next`, and where it stands then.
    pub fn read(&self, number: u32, next: u64) -> Option<(Delivery, u64)> {
        let partition = number;
        if next < self.low {
            let (first, last, damage) = (next, self.low - 1, Damage::Deleted);
            return Some((Delivery::Damaged { partition, first, last, damage }, self.low));
        }
        let (offset, entry) = self.entries.range(next..).next()?;
        let offset = *offset;
        match entry {
            Entry::Spilled(Spilled { record, mark, .. }) => {
                let (record, spill) = (record.clone(), Some(*mark));
                Some((Delivery::Record { partition, offset, record, spill }, offset + 1))
            }
            Entry::Record(record, _) | Entry::Garbage(record) => {
                let record = record.clone();
                Some((Delivery::Record { partition, offset, record, spill: None }, offset + 1))
            }
            Entry::Damaged(damage) => {
                let is_same = |at: &u64| matches!(self.entries.get(at), Some(Entry::Damaged(other)) if other == damage);
                let last = (offset..self.high).take_while(is_same).last().unwrap_or(offset);
                let (first, damage) = (offset, *damage);
                Some((Delivery::Damaged { partition, first, last, damage }, last + 1))
            }
        }
    }

    /// Where a sink stands that has read all.
    pub fn end(&self) -> u64 {
        self.entries.last_key_value().map_or(0, |(last, _)| last + 1).max(self.low)
    }

    /// Deletes what lies below, of which everything below `confirmed` was.
    pub fn delete(&mut self, low: u64, confirmed: u64) {
        self.deleted.extend(self.low.max(confirmed)..low);
        self.low = low;
    }

    /// Loses everything from `high` on.
    pub fn cut_off(&mut self, high: u64) {
        self.entries.split_off(&high);
        self.high = high;
        self.lost_from = Some(self.lost_from.map_or(high, |lost| lost.min(high)));
    }
}

/// A record of some events.
pub fn record(random: &mut Random, faults: &Faults, unique: &mut u64) -> (Bytes, Vec<Event>) {
    let events: Vec<_> = (0..random.between(1, 3)).map(|_| event(random, faults, unique)).collect();
    (record_of(&events), events)
}

fn record_of(events: &[Event]) -> Bytes {
    let mut record = Vec::new();
    for event in events {
        wire::encode_into(event, &mut record);
    }
    record.into()
}

fn event(random: &mut Random, faults: &Faults, unique: &mut u64) -> Event {
    *unique += 1;
    let mut id = vec![0; 8];
    id.extend(unique.to_be_bytes());
    let mut grants: Vec<_> = Vec::new();
    for purpose in ["marketing", "statistics"] {
        if random.chance(7_000) {
            let soon = random.chance(faults.expiring);
            let expires_in = if soon { random.between(0, 120) } else { 10_000_000 };
            grants.push(Grant {
                purpose: purpose.to_owned(),
                basis: Basis::Consent.into(),
                expires_at: EPOCH + i64::try_from(expires_in).unwrap_or(0),
                fields: FieldSet::of(&[Field::Path]).bits(),
            });
        }
    }
    if grants.is_empty() {
        grants.push(Grant {
            purpose: "statistics".to_owned(),
            basis: Basis::Consent.into(),
            expires_at: EPOCH + 10_000_000,
            fields: FieldSet::of(&[Field::Path]).bits(),
        });
    }
    Event {
        id,
        site: if random.chance(faults.poison) { POISON } else { "demo" }.to_owned(),
        kind: Kind::Pageview.into(),
        received_at: if random.chance(2_000) { MONTHS.1 } else { MONTHS.0 },
        policy_version: vec![0; 16],
        grants,
        ..Event::default()
    }
}
