//! Reading back: what settles a doubt about an insert, and what the audit compares.

use std::collections::{BTreeMap, HashSet};

use candor_event::{EventId, Purpose};

use crate::batch::{Position, Range};
use crate::{Store, StoreError};

impl Store {
    /// Whether ClickHouse answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.count("SELECT toUInt64(1)").await.map(|_| ())
    }

    /// The purposes that have tables.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn purposes(&self) -> Result<Vec<Purpose>, StoreError> {
        let query = self
            .client
            .query("SELECT name FROM system.tables WHERE database = ? AND endsWith(name, '_rows')")
            .bind(self.database.as_str());
        let names: Vec<String> =
            query.fetch_all().await.map_err(|error| StoreError::read(&error))?;
        Ok(of_tables(&names))
    }

    /// Which events of a range have a row for this purpose.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn stored_positions(
        &self,
        purpose: &Purpose,
        range: &Range,
    ) -> Result<HashSet<Position>, StoreError> {
        self.positions(&format!("{purpose}_rows"), "log_index", range).await
    }

    /// What of a range is set aside, or was until somebody ended it: records, whose index is 0, and events.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn quarantined_positions(
        &self,
        range: &Range,
    ) -> Result<HashSet<Position>, StoreError> {
        let mut positions = self.positions("quarantine", "log_index", range).await?;
        positions.extend(self.positions("quarantine__audit", "log_index", range).await?);
        Ok(positions)
    }

    async fn positions(
        &self,
        table: &str,
        index: &str,
        range: &Range,
    ) -> Result<HashSet<Position>, StoreError> {
        let sql = format!(
            "SELECT log_offset, {index} FROM {}.{table} \
             WHERE log_offset BETWEEN ? AND ? AND log = ? AND log_partition = ?",
            self.database
        );
        let query = self.client.query(&sql).bind(range.first).bind(range.last);
        let rows: Vec<(u64, u32)> = query
            .bind(range.log.as_str())
            .bind(range.partition)
            .fetch_all()
            .await
            .map_err(|error| StoreError::read(&error))?;
        Ok(rows.into_iter().map(|(offset, index)| Position { offset, index }).collect())
    }

    /// Whether the ledger has this range.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn ledger_has(&self, range: &Range) -> Result<bool, StoreError> {
        let sql = format!(
            "SELECT count() FROM {}.batches WHERE log = '{}' AND log_partition = {} \
             AND first_offset = {} AND last_offset = {}",
            self.database, range.log, range.partition, range.first, range.last
        );
        Ok(self.count(&sql).await? > 0)
    }

    /// The offset behind the last range of this partition that was ever stored; none when nothing was. A
    /// cursor that is missing, or stands before it, was lost or set back: going on from there would store
    /// everything twice.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn ledger_end(&self, log: &str, partition: u32) -> Result<Option<u64>, StoreError> {
        let sql = format!(
            "SELECT maxOrNull(last_offset) + 1 FROM {}.batches \
             WHERE log = '{log}' AND log_partition = {partition}",
            self.database
        );
        let end = self.client.query(&sql).fetch_one::<Option<u64>>().await;
        end.map_err(|error| StoreError::read(&error))
    }

    /// What the ledger has of these spills before an offset of a partition: by spill, the last sequence.
    /// Of those that are not in the answer it has nothing.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn marks_before(
        &self,
        log: &str,
        partition: u32,
        before: u64,
        spills: &[String],
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        // ClickHouse makes columns of their own of mapKeys and mapValues, to which a sink has no right.
        let sql = format!(
            "SELECT mark.1 AS spill, max(mark.2) FROM {}.batches \
             ARRAY JOIN CAST(marks, 'Array(Tuple(String, UInt64))') AS mark \
             WHERE log = ? AND log_partition = ? AND first_offset < ? AND last_offset < ? \
             AND spill IN ? GROUP BY spill",
            self.database
        );
        let query = self.client.query(&sql).bind(log).bind(partition).bind(before).bind(before);
        let rows: Vec<(String, u64)> =
            query.bind(spills).fetch_all().await.map_err(|error| StoreError::read(&error))?;
        Ok(rows.into_iter().collect())
    }

    /// An event's row in one purpose, as a JSON object; `None` when it is not (or no longer) there.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn row_of_event(
        &self,
        purpose: &Purpose,
        id: EventId,
    ) -> Result<Option<String>, StoreError> {
        let sql = format!(
            "SELECT * EXCEPT (event_id, log, log_partition, log_offset, log_index, stored_at) \
             REPLACE (nullIf(scroll_percent, 255) AS scroll_percent) FROM {}.{purpose}_rows WHERE event_id = toUUID('{}') AND expires_at > now() LIMIT 1",
            self.database,
            uuid::Uuid::from_bytes(*id.as_bytes()).hyphenated(),
        );
        let failed = |error: clickhouse::error::Error| StoreError::read(&error);
        let mut cursor = self.client.query(&sql).fetch_bytes("JSONEachRow").map_err(failed)?;
        let row = cursor.collect().await.map_err(failed)?;
        let row = String::from_utf8_lossy(&row).trim().to_owned();
        Ok(Some(row).filter(|row| !row.is_empty()))
    }

    async fn count(&self, sql: &str) -> Result<u64, StoreError> {
        let count = self.client.query(sql).fetch_one::<u64>().await;
        count.map_err(|error| StoreError::read(&error))
    }
}

/// The purposes whose rows these tables have.
pub(crate) fn of_tables(names: &[String]) -> Vec<Purpose> {
    let purposes = names.iter().filter_map(|name| name.strip_suffix("_rows"));
    purposes.filter_map(|name| Purpose::parse(name).ok()).collect()
}
