//! Ids of events that were stored lately: what a retry of a client is known by.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use candor_event::{Purpose, Timestamp};
use clickhouse::Row;
use serde::Deserialize;

use crate::read::of_tables;
use crate::{Store, StoreError};

/// Ids of events, big-endian.
pub type Ids = HashSet<u128, BuildHasherDefault<IdHasher>>;

/// Ids are drawn at random, or hashes under a key that nobody has: their own bits will do, in
/// half the time of the standard hasher.
#[derive(Debug, Default)]
pub struct IdHasher(u64);

/// From where on ids are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From this offset on.
    Offset(u64),
    /// From the first range on behind which nothing was stored before `at`, and behind which the ledger has
    /// `most` events at most.
    Time {
        /// The time at which ranges were stored.
        at: Timestamp,
        /// Events.
        most: u64,
    },
}

/// Ids of the events that have rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// The first offset that was looked at.
    pub first: u64,
    /// The ids.
    pub ids: Ids,
}

#[derive(Deserialize, Row)]
struct IdRow {
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: uuid::Uuid,
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let low = bytes.last_chunk().copied().map_or(0, u64::from_le_bytes);
        self.0 = self.0.rotate_left(32) ^ low;
    }
}

impl Store {
    /// The ids of what is stored of a partition before an offset.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn recent_ids(
        &self,
        log: &str,
        partition: u32,
        before: u64,
        since: Since,
    ) -> Result<Recent, StoreError> {
        let first = match since {
            Since::Offset(first) => first,
            Since::Time { at, most } => self.first_of(log, partition, before, at, most).await?,
        };
        let mut ids = Ids::default();
        for purpose in self.purposes_of(log, partition, first, before).await? {
            let sql = format!(
                "SELECT DISTINCT event_id FROM {}.{purpose}_rows \
                 WHERE log_offset >= ? AND log_offset < ? AND log = ? AND log_partition = ?",
                self.database
            );
            let query = self.client.query(&sql).bind(first).bind(before);
            let mut rows = query
                .bind(log)
                .bind(partition)
                .fetch::<IdRow>()
                .map_err(|error| StoreError::read(&error))?;
            while let Some(row) = rows.next().await.map_err(|error| StoreError::read(&error))? {
                ids.insert(row.event_id.as_u128());
            }
        }
        Ok(Recent { first, ids })
    }

    /// Where the last ranges begin that were stored at a time or later, and have so many events at most.
    async fn first_of(
        &self,
        log: &str,
        partition: u32,
        before: u64,
        at: Timestamp,
        most: u64,
    ) -> Result<u64, StoreError> {
        let of = format!(
            "FROM {}.batches WHERE log = '{log}' AND log_partition = {partition} \
             AND first_offset < {before} AND last_offset < {before}",
            self.database
        );
        let sql = format!(
            "WITH (SELECT maxOrNull(last_offset) {of} AND stored_at < toDateTime({at}, 'UTC')) AS older \
             SELECT minOrNull(first_offset) FROM (SELECT first_offset, \
             sum(events) OVER (ORDER BY first_offset DESC) AS behind {of} \
             AND (isNull(older) OR first_offset > older)) WHERE behind <= {most}",
            at = at.unix().clamp(0, u32::MAX.into()),
        );
        let first = self.client.query(&sql).fetch_one::<Option<u64>>().await;
        Ok(first.map_err(|error| StoreError::read(&error))?.unwrap_or(before))
    }

    /// The purposes of which these ranges have rows.
    async fn purposes_of(
        &self,
        log: &str,
        partition: u32,
        first: u64,
        before: u64,
    ) -> Result<Vec<Purpose>, StoreError> {
        // ClickHouse makes a column of its own of mapKeys, to which a sink has no right.
        let sql = format!(
            "SELECT DISTINCT told.1 AS name FROM {}.batches \
             ARRAY JOIN CAST(rows, 'Array(Tuple(String, UInt64))') AS told \
             WHERE log = ? AND log_partition = ? AND first_offset >= ? AND first_offset < ?",
            self.database
        );
        let query = self.client.query(&sql).bind(log).bind(partition).bind(first).bind(before);
        let tables: Vec<String> =
            query.fetch_all().await.map_err(|error| StoreError::read(&error))?;
        Ok(of_tables(&tables))
    }
}
