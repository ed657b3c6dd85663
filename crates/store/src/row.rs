//! Rows into columns: one event under one of its grants is one row.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use candor_event::wire::EventView;
use candor_event::{Field, FieldSet};

use crate::batch::{Batch, Kept, KeptGrant};
use crate::column::{Column, Value};
use crate::native::{Block, Values};

/// Everything that the columns of one row are made of.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) batch: &'a Batch,
    pub(crate) kept: &'a Kept,
    pub(crate) event: EventView<'a>,
    pub(crate) grant: &'a KeptGrant,
    /// What the grant covers: a column of any other field stays empty.
    pub(crate) granted: FieldSet,
}

/// An event under one of its grants, not yet read.
pub(crate) type Granted<'a> = (&'a Kept, &'a KeptGrant);

/// So many rows are taken apart at a time: their events stay in a core's own cache from column to column.
const AT_ONCE: usize = 32;

impl<'a> Row<'a> {
    fn of(batch: &'a Batch, (kept, grant): Granted<'a>) -> Self {
        // What does not read was refused when its record was split, and so were bits outside of the catalogue.
        let event = EventView::read(&kept.message).unwrap_or_default();
        let granted = FieldSet::from_bits(grant.fields).unwrap_or_default();
        Self { batch, kept, event, grant, granted }
    }

    /// What the row says in a column of this field, or nothing when the grant does not cover it.
    fn value<T: Default>(&self, field: Option<Field>, value: impl FnOnce(&Self) -> T) -> T {
        self.value_or(T::default(), field, value)
    }

    fn value_or<T>(&self, absent: T, field: Option<Field>, value: impl FnOnce(&Self) -> T) -> T {
        if self.covers(field) { value(self) } else { absent }
    }

    fn covers(&self, field: Option<Field>) -> bool {
        field.is_none_or(|field| self.granted.contains(field))
    }
}

/// The block of these rows.
pub(crate) fn block<'a>(
    columns: &[&'static Column],
    batch: &'a Batch,
    granted: &[Granted<'a>],
) -> Block {
    let room = |column: &&Column| column.value.room(granted.len());
    let mut filled: Vec<_> = columns.iter().map(room).collect();
    let mut rows = Vec::with_capacity(AT_ONCE);
    for granted in granted.chunks(AT_ONCE) {
        rows.clear();
        rows.extend(granted.iter().map(|granted| Row::of(batch, *granted)));
        for (column, values) in columns.iter().zip(&mut filled) {
            for row in &rows {
                fill(values, column, row);
            }
        }
    }
    let mut block = Block::new(granted.len());
    for (column, values) in columns.iter().zip(filled) {
        block.column(column.name, column.sql_type, values);
    }
    block
}

/// Adds a row's value to a column. What its grant does not cover stays empty.
fn fill(values: &mut Values, column: &Column, row: &Row<'_>) {
    let field = column.field;
    match column.value {
        Value::Address(value) => values.address(row.value(field, value)),
        Value::Id(value) => values.uuid(row.value(field, value).try_into().unwrap_or_default()),
        Value::Pseudonym(value) => {
            values.uuid(pseudonym(row.grant.purpose.as_str(), row.value(field, value)));
        }
        Value::Pairs(value) => {
            let pairs = if row.covers(field) { value(row) } else { &[] };
            if pairs.len() < 2 {
                values.map(pairs.iter().copied(), Values::text);
            } else {
                // Of several values of a name the last one holds.
                values.map(pairs.iter().copied().collect::<BTreeMap<_, _>>(), Values::text);
            }
        }
        Value::Text(value) => values.repeating(row.value(field, value)),
        Value::U8(value, absent) => values.u8(row.value_or(absent, field, value)),
        Value::U16(value) => values.u16(row.value(field, value)),
        Value::U32(value) => values.u32(row.value(field, value)),
        Value::U64(value) => values.u64(row.value(field, value)),
    }
}

/// Derives pseudonyms; making it costs as much as using it.
static PSEUDONYMS: LazyLock<blake3::Hasher> =
    LazyLock::new(|| blake3::Hasher::new_derive_key("candor 2026-11 pseudonym in a purpose"));

/// What an id is called in one purpose. The id itself is in no table, so that the rows of two purposes
/// cannot be joined by it; whoever holds it, as its visitor does, finds the rows of each. No id stays
/// none.
fn pseudonym(purpose: &str, id: &[u8]) -> [u8; 16] {
    let mut name = [0; 16];
    if !id.is_empty() {
        let mut hasher = PSEUDONYMS.clone();
        hasher.update(purpose.as_bytes());
        hasher.update(&[0]);
        hasher.update(id);
        hasher.finalize_xof().fill(&mut name);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_another_name_in_each_purpose() {
        let id = [7; 16];
        assert_eq!(pseudonym("statistics", &id), pseudonym("statistics", &id));
        assert_ne!(pseudonym("statistics", &id), pseudonym("security", &id));
        assert_ne!(pseudonym("statistics", &id), id);
        assert_eq!(pseudonym("statistics", &[]), [0; 16], "no id stays none");
    }
}
