//! Inserts, each of one block under one deduplication token.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use candor_event::{FieldSet, Purpose, Timestamp};
use clickhouse::Compression;

use crate::batch::{Batch, Position, Quarantined, Range};
use crate::native::{Block, Values};
use crate::row;
use crate::schema::{SCHEMA_VERSION, columns};
use crate::{Store, StoreError};

/// Guards against two senders of the same rows at the same time. It is no proof that rows are there:
/// a deduplicated retry is answered as if it had written, and the engine remembers the token before
/// the rows are in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(String);

/// Which of a range's inserts into a table it is. Each has a token of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// 0 for the first try and its repetitions; a repair that needs another token has another number.
    pub repair: u32,
    /// Which of the range's rows of this table, when it is not all of them.
    pub slice: Option<Slice>,
    /// The index of what comes out of the quarantine.
    pub held: Option<u32>,
}

/// Rows of a range in one table, by their number; both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first.
    pub first: usize,
    /// The last.
    pub last: usize,
}

/// How long an insert may take; afterwards neither we nor ClickHouse go on with it.
#[derive(Clone, Copy, Debug)]
pub struct InsertDeadline(pub Duration);

/// Tables of our own.
const BATCHES: &str = "batches";
const QUARANTINE: &str = "quarantine";
/// What is set aside is kept so long, or as long as its own grants allow, whichever is shorter.
const QUARANTINED_FOR_S: i64 = 7 * 86_400;

/// Types of their columns, as ClickHouse writes them.
pub(crate) const TEXT: &str = "LowCardinality(String)";
pub(crate) const TIME: &str = "DateTime('UTC')";
pub(crate) const COUNTS: &str = "Map(LowCardinality(String), UInt64)";

// === impl Token ===

impl Token {
    /// The token of one try to insert a range into a table. A repair has another token than the first
    /// try, and than the repair before it.
    pub fn new(range: &Range, table: &str, attempt: Attempt) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [range.log.as_bytes(), table.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.update(&range.partition.to_le_bytes());
        hasher.update(&range.first.to_le_bytes());
        hasher.update(&range.last.to_le_bytes());
        hasher.update(&SCHEMA_VERSION.to_le_bytes());
        let mut token = hasher.finalize().to_hex().to_string();
        if let Some(Slice { first, last }) = attempt.slice {
            token = format!("{token}/rows-{first}-{last}");
        }
        if let Some(index) = attempt.held {
            token = format!("{token}/held-{index}");
        }
        if attempt.repair > 0 {
            token = format!("{token}/replay-{}", attempt.repair);
        }
        Self(token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Store ===

impl Store {
    /// Inserts a purpose's rows, except those that `present` says are there.
    ///
    /// # Errors
    /// The rows are there, are not there, or may appear until the deadline: read back to know.
    pub async fn insert_rows(
        &self,
        batch: &Batch,
        purpose: &Purpose,
        present: &HashSet<Position>,
        attempt: Attempt,
        deadline: InsertDeadline,
    ) -> Result<(), StoreError> {
        let table = format!("{purpose}_rows");
        let Some(block) = rows_block(batch, purpose, present) else {
            return Ok(());
        };
        let token = Token::new(&batch.range, &table, attempt);
        self.insert(&table, block, &token, deadline).await
    }

    /// Inserts the range's row of the ledger.
    ///
    /// # Errors
    /// As [`Self::insert_rows`].
    pub async fn insert_ledger(
        &self,
        batch: &Batch,
        attempt: Attempt,
        deadline: InsertDeadline,
    ) -> Result<(), StoreError> {
        let tables = tables_of(batch);
        let token = Token::new(&batch.range, BATCHES, attempt);
        self.insert(BATCHES, ledger_block(batch, &tables), &token, deadline).await
    }

    /// Sets aside what cannot be stored, except the offsets that `present` says are set aside.
    ///
    /// # Errors
    /// As [`Self::insert_rows`].
    pub async fn insert_quarantined(
        &self,
        batch: &Batch,
        present: &HashSet<Position>,
        attempt: Attempt,
        deadline: InsertDeadline,
    ) -> Result<(), StoreError> {
        let Some(block) = quarantine_block(batch, present) else {
            return Ok(());
        };
        let token = Token::new(&batch.range, QUARANTINE, attempt);
        self.insert(QUARANTINE, block, &token, deadline).await
    }

    pub(crate) async fn insert(
        &self,
        table: &str,
        block: Block,
        token: &Token,
        InsertDeadline(deadline): InsertDeadline,
    ) -> Result<(), StoreError> {
        let seconds = deadline.as_secs().max(1).to_string();
        // What is sent is small; taking it apart again would cost ClickHouse more than a network does.
        let client = self.client.clone().with_compression(Compression::None);
        let sql = format!("INSERT INTO {}.{table} FORMAT Native", self.database);
        let mut insert = client
            .insert_formatted_with(sql)
            .with_timeouts(Some(deadline), Some(deadline))
            .with_setting("insert_deduplication_token", token.to_string())
            .with_setting("insert_deduplicate", "1")
            .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
            .with_setting("async_insert", "0")
            .with_setting("max_insert_threads", "1")
            .with_setting("max_partitions_per_insert_block", "200")
            .with_setting("materialized_views_ignore_errors", "0")
            .with_setting("max_execution_time", seconds)
            .with_setting("wait_end_of_query", "1");
        let failed = |error| StoreError::insert(table, &error);
        for piece in block.into_pieces() {
            insert.send(piece).await.map_err(failed)?;
        }
        insert.end().await.map_err(failed)
    }
}

fn rows_block(batch: &Batch, purpose: &Purpose, present: &HashSet<Position>) -> Option<Block> {
    let granted: Vec<_> = batch
        .events
        .iter()
        .filter(|event| !present.contains(&event.position))
        .flat_map(|event| event.grants.iter().map(move |grant| (event, grant)))
        .filter(|(_, grant)| grant.purpose == *purpose)
        .collect();
    if granted.is_empty() {
        return None;
    }
    let bits = granted.iter().fold(0, |bits, (_, grant)| bits | grant.fields);
    // Bits outside of the catalogue were refused when the record was split.
    let fields = FieldSet::from_bits(bits).unwrap_or_default();
    Some(row::block(&columns(fields), batch, &granted))
}

/// A table that a batch has rows for.
#[derive(Debug)]
struct Table {
    name: String,
    rows: u64,
    /// When the first of the rows dies, Unix seconds.
    until: Option<u32>,
}

fn tables_of(batch: &Batch) -> Vec<Table> {
    let table = |purpose: &Purpose| Table {
        name: format!("{purpose}_rows"),
        rows: batch.rows(purpose),
        until: batch.dies_at(purpose).map(seconds),
    };
    batch.purposes().iter().map(table).collect()
}

fn ledger_block(batch: &Batch, tables: &[Table]) -> Block {
    let range = &batch.range;
    let events = u32::try_from(batch.events.len()).unwrap_or(u32::MAX);
    let rows = tables.iter().map(|table| (table.name.as_str(), table.rows));
    let until = tables.iter().filter_map(|table| Some((table.name.as_str(), table.until?)));
    let buckets = batch.buckets.iter().map(|(bucket, count)| (bucket.label(), *count));
    let marks = batch.marks.iter().map(|(spill, sequence)| (spill.as_str(), *sequence));

    let mut block = Block::new(1);
    block.column("log", TEXT, Values::of([range.log.as_str()], Values::repeating));
    block.column("log_partition", "UInt32", Values::of([range.partition], Values::u32));
    block.column("first_offset", "UInt64", Values::of([range.first], Values::u64));
    block.column("last_offset", "UInt64", Values::of([range.last], Values::u64));
    block.column("records", "UInt32", Values::of([batch.records], Values::u32));
    block.column("events", "UInt32", Values::of([events], Values::u32));
    block.column("rows", COUNTS, Values::of([rows], counts));
    block.column("buckets", COUNTS, Values::of([buckets], counts));
    block.column("stored_at", TIME, Values::of([seconds(batch.stored_at)], Values::u32));
    block.column("marks", COUNTS, Values::of([marks], counts));
    block.column("held", "UInt64", Values::of([batch.held], Values::u64));
    let until = Values::of([until], |it, until| it.map(until, Values::u32));
    block.column("until", "Map(LowCardinality(String), UInt32)", until);
    block
}

fn quarantine_block(batch: &Batch, present: &HashSet<Position>) -> Option<Block> {
    let records: Vec<_> =
        batch.quarantined.iter().filter(|it| !present.contains(&it.position)).collect();
    if records.is_empty() {
        return None;
    }
    let latest = batch.stored_at.plus_seconds(QUARANTINED_FOR_S);
    let expires_at = |it: &Quarantined| seconds(it.expires_at.map_or(latest, |at| at.min(latest)));
    let all = |write: &dyn Fn(&mut Values, &Quarantined)| Values::of(records.clone(), write);

    let mut block = Block::new(records.len());
    block.column("log", TEXT, all(&|to, _| to.repeating(&batch.range.log)));
    block.column("log_partition", "UInt32", all(&|to, _| to.u32(batch.range.partition)));
    block.column("log_offset", "UInt64", all(&|to, it| to.u64(it.position.offset)));
    block.column("log_index", "UInt32", all(&|to, it| to.u32(it.position.index)));
    block.column("reason", TEXT, all(&|to, it| to.repeating(it.reason)));
    block.column("record", "String", all(&|to, it| to.text(hexadecimal(&it.record))));
    block.column("stored_at", TIME, all(&|to, _| to.u32(seconds(batch.stored_at))));
    block.column("expires_at", TIME, all(&|to, it| to.u32(expires_at(it))));
    Some(block)
}

/// Writes a row's counts by name.
pub(crate) fn counts<'a>(to: &mut Values, counts: impl IntoIterator<Item = (&'a str, u64)>) {
    to.map(counts, Values::u64);
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

pub(crate) fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.unix()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::COLUMNS;

    fn range(first: u64) -> Range {
        Range { log: "a".to_owned(), partition: 0, first, last: 9 }
    }

    #[test]
    fn a_token_names_range_table_and_try() {
        let token = |first, table, repair| {
            Token::new(&range(first), table, Attempt { repair, ..Attempt::default() }).0
        };
        assert_eq!(token(1, "t", 0), token(1, "t", 0));
        assert_ne!(token(1, "t", 0), token(2, "t", 0));
        assert_ne!(token(1, "t", 0), token(1, "u", 0));
        assert!(token(1, "t", 2).ends_with("/replay-2"));
        let slice = Some(Slice { first: 3, last: 5 });
        let of_rows = Token::new(&range(1), "t", Attempt { repair: 1, slice, held: None }).0;
        assert!(of_rows.ends_with("/rows-3-5/replay-1"), "{of_rows}");
    }

    #[test]
    fn every_column_has_a_name_of_its_own() {
        let names: HashSet<_> = COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), COLUMNS.len());
    }
}
