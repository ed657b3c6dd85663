//! Whether the ledger and the tables say the same: each offset of the log in one range, each row that a range
//! is said to have in its table, once, and no row besides.
//!
//! ClickHouse does the work and gives back sums; what is read here grows with the number of partitions and
//! tables, and with nothing else. What may change while it is looked at is left out: the range that a sink
//! is storing, and what came since the log was asked.

mod question;

use std::collections::BTreeMap;

use candor_event::Purpose;
use clickhouse::Row;
use serde::Deserialize;

use crate::{Store, StoreError};
use question::{of_ledger, of_table};

/// How far the log says that its partitions are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// The log, as its id prints.
    pub log: String,
    /// Its partitions. What is in the ledger of another one has no cursor.
    pub partitions: BTreeMap<u32, Progress>,
}

/// How far a partition is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// All before this offset is stored.
    pub settled: u64,
    /// Nothing from this offset on is being stored.
    pub under_way: u64,
}

/// What an audit found out about some ranges of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What is so.
    pub kind: VerdictKind,
    /// In which table; none when it is about the ledger alone.
    pub table: Option<String>,
    /// The log, as its id prints.
    pub log: String,
    /// The partition.
    pub partition: u32,
    /// How many ranges.
    pub ranges: u64,
    /// The first offset of the first of them.
    pub first: u64,
    /// The last offset of the last of them.
    pub last: u64,
    /// What there should be: rows, offsets, or an offset, as the kind says.
    pub expected: u64,
    /// What there is.
    pub found: u64,
}

/// What may be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerdictKind {
    /// Ranges of the ledger that are as they should be.
    Sound,
    /// Ranges with the rows that they should have.
    Complete,
    /// Ranges with less rows, of which some are overdue.
    Expired,
    /// Ranges with less rows, from before a stricter policy deleted some.
    Changed,
    /// Ranges of an earlier version, which did not say when rows die.
    Earlier,
    /// Ranges whose rows have no positions any more.
    TooOld,
    /// Offsets between two ranges that no range has.
    Gap,
    /// Ranges with offsets that another has, too.
    Overlap,
    /// Ranges that are in the ledger twice.
    Doubled,
    /// Ranges whose offsets are not all accounted for.
    Unaccounted,
    /// Ranges whose records held more, or less, than became rows, was over, or was set aside.
    Unbalanced,
    /// Ranges of offsets that nobody confirmed, and nobody is storing.
    Beyond,
    /// The ledger ends before what was confirmed.
    Behind,
    /// The ledger has ranges of a partition of which nothing was confirmed.
    NoCursor,
    /// Rows that a range should have, and that are not there.
    Missing,
    /// Rows of a range that the ledger does not know of.
    Surplus,
    /// Rows that are there more than once.
    Twice,
    /// Rows of no range.
    Outside,
}

#[derive(Deserialize, Row)]
struct Line {
    what: String,
    log: String,
    part: u32,
    ranges: u64,
    first: u64,
    last: u64,
    expected: u64,
    found: u64,
}

// === impl Store ===

impl Store {
    /// What the ledger says of each partition, held against itself, and against `confirmed`, if the log was
    /// asked. What is not about the log that was asked ends where the ledger ends.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn audit_ledger(
        &self,
        confirmed: Option<&Confirmed>,
    ) -> Result<Vec<Verdict>, StoreError> {
        self.verdicts(&of_ledger(&self.database, confirmed), None).await
    }

    /// What the ledger says of the rows of a purpose, held against the rows.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn audit_rows(
        &self,
        purpose: &Purpose,
        confirmed: Option<&Confirmed>,
    ) -> Result<Vec<Verdict>, StoreError> {
        let table = format!("{purpose}_rows");
        self.verdicts(&of_table(&self.database, &table, confirmed), Some(&table)).await
    }

    async fn verdicts(&self, sql: &str, table: Option<&str>) -> Result<Vec<Verdict>, StoreError> {
        let mut query = self.client.query(sql);
        for (setting, value) in BOUNDS {
            query = query.with_setting(setting, value);
        }
        let lines: Vec<Line> = query.fetch_all().await.map_err(|error| StoreError::read(&error))?;
        let verdict = |line: Line| {
            let kind = VerdictKind::ALL.into_iter().find(|kind| kind.label() == line.what)?;
            let Line { log, part: partition, ranges, first, last, expected, found, .. } = line;
            let table = table.map(str::to_owned);
            Some(Verdict { kind, table, log, partition, ranges, first, last, expected, found })
        };
        let mut verdicts: Vec<_> = lines.into_iter().filter_map(verdict).collect();
        verdicts.sort_by(|a, b| (&a.log, a.partition, a.kind).cmp(&(&b.log, b.partition, b.kind)));
        Ok(verdicts)
    }
}

/// What does not fit into a part of the memory goes to the server's disk.
const BOUNDS: [(&str, &str); 3] = [
    ("max_bytes_before_external_group_by", "268435456"),
    ("max_bytes_before_external_sort", "268435456"),
    ("max_threads", "2"),
];

// === impl VerdictKind ===

impl VerdictKind {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Sound,
        Self::Complete,
        Self::Expired,
        Self::Changed,
        Self::Earlier,
        Self::TooOld,
        Self::Gap,
        Self::Overlap,
        Self::Doubled,
        Self::Unaccounted,
        Self::Unbalanced,
        Self::Beyond,
        Self::Behind,
        Self::NoCursor,
        Self::Missing,
        Self::Surplus,
        Self::Twice,
        Self::Outside,
    ];

    /// The word for it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Complete => "complete",
            Self::Expired => "expired",
            Self::Changed => "changed",
            Self::Earlier => "earlier",
            Self::TooOld => "too_old",
            Self::Gap => "gap",
            Self::Overlap => "overlap",
            Self::Doubled => "doubled",
            Self::Unaccounted => "unaccounted",
            Self::Unbalanced => "unbalanced",
            Self::Beyond => "beyond",
            Self::Behind => "behind",
            Self::NoCursor => "no_cursor",
            Self::Missing => "missing",
            Self::Surplus => "surplus",
            Self::Twice => "twice",
            Self::Outside => "outside",
        }
    }

    /// Whether somebody must look into it.
    pub fn is_finding(self) -> bool {
        self > Self::TooOld
    }
}
