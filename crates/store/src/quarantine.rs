//! What was set aside: looked through, tried again, or dropped. Each end is entered into
//! `quarantine__audit`, for the ledger says of it only that it was set aside.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use candor_event::wire::{self, WireError};
use candor_event::{Purpose, Timestamp};

use crate::batch::{Batch, Kept, Position, Purposes, Range};
use crate::error::{Class, Refusal};
use crate::native::{Block, Values};
use crate::write::{Attempt, COUNTS, InsertDeadline, TEXT, TIME, Token, counts, seconds};
use crate::{Store, StoreError};

/// Something that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The log, as its id prints.
    pub log: String,
    /// The partition.
    pub partition: u32,
    /// The record, and the event of it when it is not the whole record.
    pub position: Position,
    /// Why.
    pub reason: String,
    /// How large it is, in bytes.
    pub bytes: u64,
    /// When it was set aside.
    pub stored_at: Timestamp,
    /// When it dies.
    pub expires_at: Timestamp,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was dropped.
    Dropped,
    /// It is not there any more.
    Gone,
    /// ClickHouse still refuses it; it stays.
    Refused(Refusal),
    /// It is stored now, with so many rows in each table. What its own time was over for has none.
    Stored(BTreeMap<String, u64>),
    /// It still cannot be read; it stays.
    Unreadable(WireError),
}

/// How many tokens are tried, when one is known and the rows are not there.
const TRIES: u32 = 3;
/// How long an insert may last.
const DEADLINE: Duration = Duration::from_secs(30);
/// ClickHouse looks at the time now and then.
const SLACK: Duration = Duration::from_secs(1);
const QUARANTINE: &str = "quarantine";
const AUDIT: &str = "quarantine__audit";

type Row = (String, u32, u64, u32, String, u64, u32, u32);

impl Store {
    /// What is set aside and not overdue, in the order of the log; at most so much of it.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn quarantine(&self, most: u64) -> Result<Vec<Held>, StoreError> {
        let sql = format!(
            "SELECT log, log_partition, log_offset, log_index, reason, \
             toUInt64(intDiv(length(record), 2)), toUInt32(stored_at), toUInt32(expires_at) \
             FROM {}.{QUARANTINE} WHERE expires_at > now() \
             ORDER BY log, log_partition, log_offset, log_index LIMIT {most}",
            self.database
        );
        let rows: Vec<Row> =
            self.client.query(&sql).fetch_all().await.map_err(|error| StoreError::read(&error))?;
        let held =
            |(log, partition, offset, index, reason, bytes, stored_at, expires_at): Row| Held {
                log,
                partition,
                position: Position { offset, index },
                reason,
                bytes,
                stored_at: Timestamp::from_unix(stored_at.into()),
                expires_at: Timestamp::from_unix(expires_at.into()),
            };
        Ok(rows.into_iter().map(held).collect())
    }

    /// Its bytes: anonymised, like everything that was in the log. None when it is gone.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn held_record(&self, held: &Held) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = format!("SELECT record FROM {}.{QUARANTINE} WHERE {PLACE}", self.database);
        let query = self.client.query(&sql).bind(held.log.as_str()).bind(held.partition);
        let query = query.bind(held.position.offset).bind(held.position.index);
        let record: Option<String> =
            query.fetch_optional().await.map_err(|error| StoreError::read(&error))?;
        Ok(record.map(|hex| bytes_of(&hex)))
    }

    /// Stores it, if that is possible now, once, however often and by how many this is tried; then it is
    /// not set aside any more.
    ///
    /// # Errors
    /// It is as it was, or stored and still set aside: trying again goes on from there.
    pub async fn retry(&self, held: &Held, now: Timestamp) -> Result<End, StoreError> {
        let Some(record) = self.held_record(held).await? else {
            return Ok(End::Gone);
        };
        let batch = match batch_of(held, &record.into(), now) {
            Ok(batch) => batch,
            Err(reason) => return Ok(End::Unreadable(reason)),
        };
        let mut rows = BTreeMap::new();
        for purpose in batch.purposes() {
            match self.store_held(&batch, held, &purpose).await {
                Ok(()) => {}
                Err(error) => match error.class() {
                    Class::Poison(refusal) => return Ok(End::Refused(refusal)),
                    Class::Standing | Class::Transient => return Err(error),
                },
            }
            rows.insert(format!("{purpose}_rows"), batch.rows(&purpose));
        }
        self.end(held, "stored", &rows, now).await?;
        Ok(End::Stored(rows))
    }

    /// Deletes it.
    ///
    /// # Errors
    /// It may still be set aside; trying again goes on from there.
    pub async fn drop_held(&self, held: &Held, now: Timestamp) -> Result<End, StoreError> {
        self.end(held, "dropped", &BTreeMap::new(), now).await?;
        Ok(End::Dropped)
    }

    async fn store_held(
        &self,
        batch: &Batch,
        held: &Held,
        purpose: &Purpose,
    ) -> Result<(), StoreError> {
        let held = Some(held.position.index);
        for repair in 0..TRIES {
            if repair > 0 {
                // The token is known, and the rows are not there: whoever took it may still be at it.
                tokio::time::sleep(DEADLINE + SLACK).await;
            }
            let present = self.stored_positions(purpose, &batch.range).await?;
            if is_there(batch, purpose, &present) {
                return Ok(());
            }
            let attempt = Attempt { repair, slice: None, held };
            let deadline = InsertDeadline(DEADLINE);
            self.insert_rows(batch, purpose, &present, attempt, deadline).await?;
            let present = self.stored_positions(purpose, &batch.range).await?;
            if is_there(batch, purpose, &present) {
                return Ok(());
            }
        }
        Err(StoreError::Read(crate::Cause::TimedOut))
    }

    /// Enters how it ended, and takes it out of the quarantine.
    async fn end(
        &self,
        held: &Held,
        end: &str,
        rows: &BTreeMap<String, u64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let attempt = Attempt { held: Some(held.position.index), ..Attempt::default() };
        let token = Token::new(&range_of(held), AUDIT, attempt);
        self.insert(AUDIT, audit_block(held, end, rows, now), &token, InsertDeadline(DEADLINE))
            .await?;
        let sql = format!("ALTER TABLE {}.{QUARANTINE} DELETE WHERE {PLACE}", self.database);
        let query = self.client.query(&sql).bind(held.log.as_str()).bind(held.partition);
        let query = query.bind(held.position.offset).bind(held.position.index);
        let done = query.with_setting("mutations_sync", "2").execute().await;
        done.map_err(|error| StoreError::read(&error))
    }
}

const PLACE: &str = "log = ? AND log_partition = ? AND log_offset = ? AND log_index = ?";

fn range_of(held: &Held) -> Range {
    let Position { offset, .. } = held.position;
    Range { log: held.log.clone(), partition: held.partition, first: offset, last: offset }
}

/// The events with what may still be kept of them. Those of a whole record have places of their own; one
/// that a table refused has the place that it had.
fn batch_of(held: &Held, record: &Bytes, now: Timestamp) -> Result<Batch, WireError> {
    let is_of_a_record = Refusal::ALL.iter().all(|refusal| refusal.label() != held.reason);
    let (mut kept, mut purposes) = (Vec::new(), Purposes::default());
    for (index, event) in (0..).zip(wire::split(record)?) {
        let index = if is_of_a_record { index } else { held.position.index };
        let position = Position { offset: held.position.offset, index };
        kept.extend(Kept::of(position, event, &mut purposes, now).0);
    }
    Ok(Batch {
        range: range_of(held),
        stored_at: now,
        records: 1,
        events: kept,
        buckets: BTreeMap::new(),
        quarantined: Vec::new(),
        marks: BTreeMap::new(),
        held: 0,
    })
}

fn is_there(batch: &Batch, purpose: &Purpose, present: &HashSet<Position>) -> bool {
    let mut events = batch.events.iter();
    events.all(|event| !event.is_for(purpose) || present.contains(&event.position))
}

fn audit_block(held: &Held, end: &str, rows: &BTreeMap<String, u64>, now: Timestamp) -> Block {
    let rows = rows.iter().map(|(table, count)| (table.as_str(), *count));
    let mut block = Block::new(1);
    block.column("log", TEXT, Values::of([held.log.as_str()], Values::repeating));
    block.column("log_partition", "UInt32", Values::of([held.partition], Values::u32));
    block.column("log_offset", "UInt64", Values::of([held.position.offset], Values::u64));
    block.column("log_index", "UInt32", Values::of([held.position.index], Values::u32));
    block.column("reason", TEXT, Values::of([held.reason.as_str()], Values::repeating));
    block.column("outcome", TEXT, Values::of([end], Values::repeating));
    block.column("rows", COUNTS, Values::of([rows], counts));
    block.column("ended_at", TIME, Values::of([seconds(now)], Values::u32));
    block
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.filter_map(byte).collect()
}
