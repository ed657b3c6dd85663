//! Rows into columns: one event under one of its grants is one row.

use std::collections::BTreeMap;
use std::error::Error;

use candor_event::{Campaign, Event, Field, FieldSet, Grant, Timestamp};
use clickhouse::native::builder::BlockBuilder;
use uuid::Uuid;

use crate::batch::Position;
use crate::column::{Column, Value};

/// Everything that the columns of one row are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) event: &'a Event,
    pub(crate) grant: &'a Grant,
    /// What the grant covers: a column of any other field stays empty.
    pub(crate) granted: FieldSet,
    pub(crate) position: Position,
    pub(crate) log: &'a str,
    pub(crate) partition: u32,
    pub(crate) stored_at: Timestamp,
}

type Fault = Box<dyn Error + Send + Sync>;

impl<'a> Row<'a> {
    /// What the row says in a column of this field, or nothing when the grant does not cover it.
    fn value<T: Default>(&self, field: Option<Field>, value: impl FnOnce(&Self) -> T) -> T {
        self.value_or(T::default(), field, value)
    }

    fn value_or<T>(&self, absent: T, field: Option<Field>, value: impl FnOnce(&Self) -> T) -> T {
        if field.is_none_or(|field| self.granted.contains(field)) { value(self) } else { absent }
    }

    pub(crate) fn campaign(&self, part: fn(&'a Campaign) -> &'a String) -> &'a str {
        self.event.campaign.as_ref().map_or("", |campaign| part(campaign))
    }
}

/// Adds one column to a block. What a row's grant does not cover stays empty.
pub(crate) fn fill(
    block: &mut BlockBuilder,
    column: &Column,
    rows: &[Row<'_>],
) -> Result<(), Fault> {
    let (name, field) = (column.name, column.field);
    match column.value {
        Value::Address(value) => {
            add_addresses(block, name, rows.iter().map(|row| row.value(field, value)))?;
        }
        Value::Id(value) => {
            let id = |row: &Row<'_>| Uuid::from_slice(row.value(field, value)).unwrap_or_default();
            block.upsert_column::<Uuid>(name)?.add_all(rows.iter().map(id))?;
        }
        Value::Pseudonym(value) => {
            let id = |row: &Row<'_>| {
                Uuid::from_bytes(pseudonym(&row.grant.purpose, row.value(field, value)))
            };
            block.upsert_column::<Uuid>(name)?.add_all(rows.iter().map(id))?;
        }
        Value::Pairs(value) => {
            let maps = rows.iter().map(|row| -> BTreeMap<&str, &str> {
                let pairs = row.value(field, value);
                pairs.iter().map(|pair| (pair.name.as_str(), pair.value.as_str())).collect()
            });
            block.upsert_column::<BTreeMap<&str, &str>>(name)?.add_all(maps)?;
        }
        Value::Text(value) => {
            let texts = rows.iter().map(|row| row.value(field, value));
            block.upsert_column::<&str>(name)?.add_all(texts)?;
        }
        Value::U8(value, absent) => {
            let numbers = rows.iter().map(|row| row.value_or(absent, field, value));
            block.upsert_column::<u8>(name)?.add_all(numbers)?;
        }
        Value::U16(value) => {
            let numbers = rows.iter().map(|row| row.value(field, value));
            block.upsert_column::<u16>(name)?.add_all(numbers)?;
        }
        Value::U32(value) => {
            let numbers = rows.iter().map(|row| row.value(field, value));
            block.upsert_column::<u32>(name)?.add_all(numbers)?;
        }
        Value::U64(value) => {
            let numbers = rows.iter().map(|row| row.value(field, value));
            block.upsert_column::<u64>(name)?.add_all(numbers)?;
        }
    }
    Ok(())
}

/// What an id is called in one purpose. The id itself is in no table, so that the rows of two purposes
/// cannot be joined by it; whoever holds it, as its visitor does, finds the rows of each. No id stays
/// none.
fn pseudonym(purpose: &str, id: &[u8]) -> [u8; 16] {
    let mut name = [0; 16];
    if !id.is_empty() {
        let mut hasher = blake3::Hasher::new_derive_key("candor 2026-11 pseudonym in a purpose");
        hasher.update(purpose.as_bytes());
        hasher.update(&[0]);
        hasher.update(id);
        hasher.finalize_xof().fill(&mut name);
    }
    name
}

#[expect(clippy::disallowed_types, reason = "the type of the column; the value is truncated")]
fn add_addresses(
    block: &mut BlockBuilder,
    name: &str,
    values: impl Iterator<Item = [u8; 16]>,
) -> Result<(), Fault> {
    use std::net::Ipv6Addr;

    block.upsert_column::<Ipv6Addr>(name)?.add_all(values.map(Ipv6Addr::from))?;
    Ok(())
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
