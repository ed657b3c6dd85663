//! What a client sent again: it is stored once, and never not at all.

use candor_event::Event;
use candor_store::Position;

use crate::check::Account;
use crate::house::{House, LedgerRow, Violation};
use crate::log::Partition;

/// How long ids are remembered.
const REMEMBERED_S: i64 = 600;

/// Whether the event was dropped, as it should have been, or might.
pub fn check(
    house: &House,
    partition: &Partition,
    row: &LedgerRow,
    (position, event): (Position, &Event),
    account: &mut Account,
) -> Result<bool, Violation> {
    let place = |position| (row.log, row.partition, position);
    let now = row.batch.stored_at.unix();
    let (over, good): (Vec<_>, Vec<_>) =
        event.grants.iter().partition(|grant| grant.expires_at <= now);
    if good.is_empty() {
        return Ok(false);
    }
    let earlier = earlier(partition, position, &event.id);
    let first = row.batch.range.first;
    if house.has_row(place(position)) {
        let clash = earlier.iter().find(|it| {
            house.has_row(place(**it))
                && (it.offset >= first || is_remembered(house, row, it.offset))
        });
        return match clash {
            Some(other) if is_whole(partition, row) => {
                Err(format!("an event at {other:?} and {position:?}, twice"))
            }
            _ => Ok(false),
        };
    }
    let is_stored_before = |it: &Position| it.offset >= first || house.has_row(place(*it));
    if house.has("quarantine", place(position)) || !earlier.iter().any(is_stored_before) {
        return Ok(false); // lost, unless it is set aside
    }
    for _ in over {
        account.count("expired");
    }
    account.count("duplicate");
    Ok(true)
}

/// Whether the log deleted the event where it was before. Its rows may have been on their way, and nobody
/// could know.
pub fn is_uncertain(partition: &Partition, position: Position, event: &Event) -> bool {
    let earlier = earlier(partition, position, &event.id);
    earlier.iter().any(|it| partition.deleted.contains(&it.offset))
}

/// Where else the event is, before.
fn earlier(partition: &Partition, position: Position, id: &[u8]) -> Vec<Position> {
    let mut found = Vec::new();
    for (offset, entry) in partition.entries.range(..=position.offset) {
        let events = (0..).zip(entry.events());
        let same = events.filter(|(_, event)| event.id == id);
        found.extend(same.map(|(index, _)| Position { offset: *offset, index }));
    }
    found.retain(|it| *it < position);
    found
}

/// Nothing of the range was deleted while it was in doubt.
fn is_whole(partition: &Partition, row: &LedgerRow) -> bool {
    let range = &row.batch.range;
    partition.deleted.range(range.first..=range.last).next().is_none()
}

/// Whether the range of an offset was stored shortly before, and no clock between went back.
fn is_remembered(house: &House, row: &LedgerRow, offset: u64) -> bool {
    let range = &row.batch.range;
    let of = (row.log, row.partition);
    let is_between = |other: &&LedgerRow| {
        let it = &other.batch.range;
        (other.log, other.partition) == of && it.last >= offset && it.first <= range.first
    };
    let mut between: Vec<_> = house.ledger.iter().filter(is_between).map(|it| &it.batch).collect();
    between.sort_by_key(|batch| batch.range.first);
    let now = row.batch.stored_at.unix();
    between.is_sorted_by_key(|batch| batch.stored_at)
        && between.first().is_some_and(|it| now - it.stored_at.unix() <= REMEMBERED_S)
}

impl House {
    fn has_row(&self, place: crate::house::Place) -> bool {
        let mut tables = self.tables.iter().filter(|(name, _)| name.ends_with("_rows"));
        tables.any(|(_, table)| table.rows.contains_key(&place))
    }
}
