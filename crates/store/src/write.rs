//! Inserts, each of one block under one deduplication token.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::Duration;

use candor_event::{FieldSet, Purpose, Timestamp};
use clickhouse::native::Block;
use clickhouse::native::builder::BlockBuilder;

use crate::batch::{Batch, Position, Range};
use crate::row::{Row, fill};
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
        let Some(block) = rows_block(batch, purpose, present, &table)? else {
            return Ok(());
        };
        let token = Token::new(&batch.range, &table, attempt);
        self.insert(&table, &block, &token, deadline).await
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
        let block = ledger_block(batch).map_err(|reason| fault(BATCHES, &*reason))?;
        let token = Token::new(&batch.range, BATCHES, attempt);
        self.insert(BATCHES, &block, &token, deadline).await
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
        let block =
            quarantine_block(batch, present).map_err(|reason| fault(QUARANTINE, &*reason))?;
        let Some(block) = block else {
            return Ok(());
        };
        let token = Token::new(&batch.range, QUARANTINE, attempt);
        self.insert(QUARANTINE, &block, &token, deadline).await
    }

    pub(crate) async fn insert(
        &self,
        table: &str,
        block: &Block,
        token: &Token,
        InsertDeadline(deadline): InsertDeadline,
    ) -> Result<(), StoreError> {
        let seconds = deadline.as_secs().max(1).to_string();
        let mut insert = self
            .client
            .insert_native_unescaped(&format!("{}.{table}", self.database))
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
        insert.write(block).await.map_err(failed)?;
        insert.end().await.map_err(failed)
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn fault(table: &str, reason: &(dyn std::error::Error + Send + Sync)) -> StoreError {
    StoreError::Block { table: table.to_owned(), reason: reason.to_string() }
}

fn rows_block(
    batch: &Batch,
    purpose: &Purpose,
    present: &HashSet<Position>,
    table: &str,
) -> Result<Option<Block>, StoreError> {
    let rows: Vec<Row<'_>> = batch
        .events
        .iter()
        .filter(|(position, _)| !present.contains(position))
        .flat_map(|(position, event)| {
            let granted = event.grants.iter().filter(|g| g.purpose == purpose.as_str());
            granted.map(move |grant| Row {
                event,
                grant,
                // Bits outside of the catalogue were refused when the record was decoded.
                granted: FieldSet::from_bits(grant.fields).unwrap_or_default(),
                position: *position,
                log: &batch.range.log,
                partition: batch.range.partition,
                stored_at: batch.stored_at,
            })
        })
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let fields = rows.iter().fold(FieldSet::EMPTY, |fields, row| fields.union(row.granted));
    let mut block = BlockBuilder::new();
    for column in columns(fields) {
        fill(&mut block, column, &rows).map_err(|reason| fault(table, &*reason))?;
    }
    let block = block.build().map_err(|reason| fault(table, &reason))?;
    Ok(Some(block))
}

fn ledger_block(batch: &Batch) -> Result<Block, Fault> {
    let range = &batch.range;
    let rows: BTreeMap<String, u64> = batch
        .purposes()
        .iter()
        .map(|purpose| (format!("{purpose}_rows"), batch.rows(purpose)))
        .collect();
    let until: BTreeMap<String, u32> = batch
        .purposes()
        .iter()
        .filter_map(|purpose| Some((format!("{purpose}_rows"), seconds(batch.dies_at(purpose)?))))
        .collect();
    let buckets: BTreeMap<&str, u64> =
        batch.buckets.iter().map(|(bucket, count)| (bucket.label(), *count)).collect();
    let events = u32::try_from(batch.events.len()).unwrap_or(u32::MAX);

    let mut block = BlockBuilder::new();
    block.upsert_column::<&str>("log")?.add(range.log.as_str())?;
    block.upsert_column::<u32>("log_partition")?.add(range.partition)?;
    block.upsert_column::<u64>("first_offset")?.add(range.first)?;
    block.upsert_column::<u64>("last_offset")?.add(range.last)?;
    block.upsert_column::<u32>("records")?.add(batch.records)?;
    block.upsert_column::<u32>("events")?.add(events)?;
    block.upsert_column::<BTreeMap<String, u64>>("rows")?.add(rows)?;
    block.upsert_column::<BTreeMap<&str, u64>>("buckets")?.add(buckets)?;
    block.upsert_column::<u32>("stored_at")?.add(stored_at(batch))?;
    block.upsert_column::<BTreeMap<String, u64>>("marks")?.add(batch.marks.clone())?;
    block.upsert_column::<u64>("held")?.add(batch.held)?;
    block.upsert_column::<BTreeMap<String, u32>>("until")?.add(until)?;
    Ok(block.build()?)
}

fn quarantine_block(batch: &Batch, present: &HashSet<Position>) -> Result<Option<Block>, Fault> {
    let records: Vec<_> =
        batch.quarantined.iter().filter(|r| !present.contains(&r.position)).collect();
    if records.is_empty() {
        return Ok(None);
    }
    let same = |value: u32| records.iter().map(move |_| value);
    let log = records.iter().map(|_| batch.range.log.as_str());
    let hex = records.iter().map(|r| hexadecimal(&r.record));
    let latest = batch.stored_at.plus_seconds(QUARANTINED_FOR_S);
    let expires_at =
        records.iter().map(|r| seconds(r.expires_at.map_or(latest, |at| at.min(latest))));

    let mut block = BlockBuilder::new();
    block.upsert_column::<&str>("log")?.add_all(log)?;
    block.upsert_column::<u32>("log_partition")?.add_all(same(batch.range.partition))?;
    block.upsert_column::<u64>("log_offset")?.add_all(records.iter().map(|r| r.position.offset))?;
    block.upsert_column::<u32>("log_index")?.add_all(records.iter().map(|r| r.position.index))?;
    block.upsert_column::<&str>("reason")?.add_all(records.iter().map(|r| r.reason))?;
    block.upsert_column::<String>("record")?.add_all(hex)?;
    block.upsert_column::<u32>("stored_at")?.add_all(same(stored_at(batch)))?;
    block.upsert_column::<u32>("expires_at")?.add_all(expires_at)?;
    Ok(Some(block.build()?))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

fn stored_at(batch: &Batch) -> u32 {
    seconds(batch.stored_at)
}

fn seconds(at: Timestamp) -> u32 {
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
