//! What must hold: of every range that is confirmed, at once, and of everything at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use candor_event::Event;
use candor_store::{Batch, Bucket, Position};
use candor_transport::{Cursor, Damage};

use crate::drain::Spilled;
use crate::group::Slot;
use crate::house::{House, LedgerRow, is_poison};
use crate::log::{Entry, Partition};
use crate::retried;
use crate::world::{Verdict, World};

/// What the ledger should say of a range.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Account {
    records: u32,
    events: usize,
    rows: BTreeMap<String, u64>,
    buckets: BTreeMap<&'static str, u64>,
}

impl World {
    /// A commit was taken: what it confirms must be stored, once, and accounted for.
    pub fn check_confirmed(
        &self,
        number: u32,
        before: Option<&Cursor>,
        cursor: &Cursor,
    ) -> Verdict {
        let Some(before) = before.filter(|before| before.offset < cursor.offset) else {
            return Ok(());
        };
        let log = self.log.id.as_bytes()[0];
        let is_it = |row: &&LedgerRow| {
            let range = &row.batch.range;
            (row.log, row.partition, range.first) == (log, number, before.offset)
                && range.last + 1 == cursor.offset
        };
        let Some(row) = self.house.ledger.iter().find(is_it) else {
            return Err(format!(
                "confirmed but not in the ledger: {number}, {before:?}, {cursor:?}"
            ));
        };
        match self.log.partitions.get(number as usize) {
            Some(partition) => check_range(&self.house, partition, row),
            None => Ok(()),
        }
    }

    /// Everything, once more, at the end.
    pub fn check_all(&self) -> Verdict {
        let cursors = self.group.slots.iter().map(Slot::stands).collect();
        let logs = self.past.iter().map(|(log, cursors)| (log, cursors.clone()));
        for (log, cursors) in logs.chain([(&self.log, cursors)]) {
            for ((number, partition), cursor) in (0..).zip(&log.partitions).zip(cursors) {
                let confirmed = cursor.map_or(0, |cursor| cursor.offset);
                let id = log.id.as_bytes()[0];
                check_tiles(&self.house, (id, number), confirmed)?;
                let rows = self.house.ledger.iter();
                let rows = rows.filter(|row| (row.log, row.partition) == (id, number));
                for row in rows.filter(|row| row.batch.range.last < confirmed) {
                    check_range(&self.house, partition, row)?;
                }
            }
        }
        Ok(())
    }
}

/// The ledger's ranges follow each other without a gap, up to what is confirmed.
fn check_tiles(house: &House, of: (u8, u32), confirmed: u64) -> Verdict {
    let rows = house.ledger.iter().filter(|row| (row.log, row.partition) == of);
    let mut ranges: Vec<_> =
        rows.map(|row| (row.batch.range.first, row.batch.range.last + 1)).collect();
    ranges.sort_unstable();
    let ranges: Vec<_> = ranges.into_iter().filter(|(first, _)| *first < confirmed).collect();
    for pair in ranges.windows(2) {
        if let [(_, behind), (first, _)] = pair
            && behind != first
        {
            return Err(format!("the ledger of {of:?} has a gap: {ranges:?}"));
        }
    }
    match ranges.last() {
        Some((_, behind)) if *behind != confirmed => {
            Err(format!("{of:?} is confirmed up to {confirmed}, but the ledger has {ranges:?}"))
        }
        _ => Ok(()),
    }
}

/// Each event of the range has its rows, and the ledger says the same.
fn check_range(house: &House, partition: &Partition, row: &LedgerRow) -> Verdict {
    let batch = &row.batch;
    let range = &batch.range;
    if partition.lost_from.is_some_and(|lost| range.last >= lost) {
        return Ok(());
    }
    let mut is_whole = !batch.buckets.contains_key(&Bucket::Deleted);
    let mut account = Account::default();
    for (offset, entry) in partition.entries.range(range.first..=range.last) {
        if partition.deleted.contains(offset) {
            is_whole = false;
            continue;
        }
        match entry {
            Entry::Spilled(Spilled { events, before: Some(before), .. })
                if !partition.deleted.contains(before) =>
            {
                account.records += 1;
                let events = events.as_ref().map_or(1, Vec::len);
                (0..events).for_each(|_| account.count("duplicate"));
                check_nothing(house, row, *offset)?;
            }
            // Whoever owned the range before may have had the first one, or not.
            Entry::Spilled(Spilled { before: Some(_), .. }) => is_whole = false,
            Entry::Record(_, events) | Entry::Spilled(Spilled { events: Some(events), .. }) => {
                account.records += 1;
                for (index, event) in (0..).zip(events) {
                    let at = (Position { offset: *offset, index }, event);
                    if !partition.retried.contains(&event.id) {
                        check_event(house, row, at, &mut account)?;
                    } else if retried::is_uncertain(partition, at.0, event) {
                        is_whole = false;
                    } else if !retried::check(house, partition, row, at, &mut account)? {
                        check_event(house, row, at, &mut account)?;
                    }
                }
            }
            Entry::Spilled(Spilled { events: None, .. }) | Entry::Garbage(_) => {
                account.records += 1;
                account.count("quarantined");
                let position = Position { offset: *offset, index: 0 };
                let place = (row.log, row.partition, position);
                if !house.has("quarantine", place) {
                    return Err(format!("confirmed but not set aside: {place:?}"));
                }
            }
            Entry::Damaged(Damage::Corrupt) => account.count("corrupt"),
            Entry::Damaged(Damage::Deleted | Damage::Torn) => account.count("torn"),
        }
    }
    let told = Account::told(batch);
    if is_whole && told != account {
        return Err(format!("the ledger says of {range:?} {told:?} instead of {account:?}"));
    }
    Ok(())
}

/// What was sent again is nowhere.
fn check_nothing(house: &House, row: &LedgerRow, offset: u64) -> Verdict {
    let place = |index| (row.log, row.partition, Position { offset, index });
    for (name, table) in &house.tables {
        if let Some((place, _)) = table.rows.range(place(0)..=place(u32::MAX)).next() {
            return Err(format!("sent again, and twice in {name}: {place:?}"));
        }
    }
    Ok(())
}

fn check_event(
    house: &House,
    row: &LedgerRow,
    (position, event): (Position, &Event),
    account: &mut Account,
) -> Verdict {
    let place = (row.log, row.partition, position);
    let mut is_kept = false;
    for grant in &event.grants {
        let table = format!("{}_rows", grant.purpose);
        let is_over = grant.expires_at <= row.batch.stored_at.unix();
        let is_there = house.has(&table, place);
        if is_poison(event.site.as_bytes(), &grant.purpose) && !is_over {
            let is_set_aside = house.has("quarantine", place);
            if is_there && is_set_aside {
                return Err(format!("stored and set aside: {place:?}"));
            }
            if is_set_aside {
                account.count("quarantined");
                continue;
            }
        }
        match (is_over, is_there) {
            (false, false) => return Err(format!("confirmed but missing in {table}: {place:?}")),
            (true, true) => return Err(format!("over and yet stored in {table}: {place:?}")),
            (true, false) => account.count("expired"),
            (false, true) => {
                is_kept = true;
                *account.rows.entry(table).or_default() += 1;
            }
        }
    }
    account.events += usize::from(is_kept);
    Ok(())
}

impl Account {
    pub fn count(&mut self, bucket: &'static str) {
        *self.buckets.entry(bucket).or_default() += 1;
    }

    fn told(batch: &Arc<Batch>) -> Self {
        let rows = batch.purposes().into_iter().map(|it| (format!("{it}_rows"), batch.rows(&it)));
        Self {
            records: batch.records,
            events: batch.events.len(),
            rows: rows.collect(),
            buckets: batch.buckets.iter().map(|(bucket, count)| (bucket.label(), *count)).collect(),
        }
    }
}

impl House {
    pub fn has(&self, table: &str, place: crate::house::Place) -> bool {
        self.tables.get(table).is_some_and(|table| table.rows.contains_key(&place))
    }
}
