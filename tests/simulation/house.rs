//! ClickHouse as it was measured: it remembers a token before the rows are there, answers a doubled insert
//! as if it had written, and may die between the two. Each month of a table remembers tokens of its own.

use std::collections::{BTreeMap, HashSet, VecDeque};

use candor_event::wire::EventView;
use candor_sink::machine::{Insert, Target};
use candor_store::{Batch, Cause, Position, Recent, Since, StoreError, Token};

use crate::faults::{Faults, Planted};
use crate::log::POISON;
use crate::random::Random;

/// Where a row comes from: the log (by its first byte), the partition and the place in it.
pub type Place = (u8, u32, Position);

/// The rows of one month: where they come from, and what they are.
type Rows = Vec<(Place, Vec<u8>)>;

/// What must never be.
pub type Violation = String;

#[derive(Debug)]
pub struct House {
    pub is_up: bool,
    pub tables: BTreeMap<String, Table>,
    pub ledger: Vec<LedgerRow>,
    statements: BTreeMap<u64, Statement>,
    next: u64,
    window: usize,
    is_endless: bool,
    /// The table takes what it refused before.
    pub is_mended: bool,
}

#[derive(Debug, Default)]
pub struct Table {
    /// By month, the youngest last.
    tokens: BTreeMap<i64, VecDeque<String>>,
    pub rows: BTreeMap<Place, Vec<u8>>,
}

/// A row of `candor.batches`.
#[derive(Clone, Debug)]
pub struct LedgerRow {
    pub log: u8,
    pub partition: u32,
    pub batch: std::sync::Arc<Batch>,
}

/// An insert that is being executed.
#[derive(Debug)]
pub struct Statement {
    table: String,
    token: String,
    /// By month. The row of the ledger is one of no position.
    blocks: VecDeque<(i64, Rows)>,
    ledger: Option<LedgerRow>,
    /// The engine's own limit.
    until: u64,
    /// The token is remembered; the rows follow.
    is_logged: bool,
    /// The table refuses one of the rows, and so all.
    pub is_refused: bool,
    /// It answers with an error although it did everything.
    fails_after: bool,
}

/// How a statement goes on.
#[derive(Debug)]
pub enum Course {
    Again(u64),
    Answer(Result<(), StoreError>),
    /// The engine died.
    Gone,
}

/// A log by its first byte.
pub fn log_of(log: &str) -> u8 {
    log.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or_default()
}

fn table_of(target: &Target) -> String {
    match target {
        Target::Rows(purpose) => format!("{purpose}_rows"),
        Target::Quarantine => "quarantine".to_owned(),
        Target::Ledger => "batches".to_owned(),
    }
}

/// Whether the table of this purpose refuses the event.
pub fn is_poison(site: &[u8], purpose: &str) -> bool {
    site == POISON.as_bytes() && purpose == "statistics"
}

pub fn refusal(code: u32) -> StoreError {
    StoreError::Read(Cause::Server { code, name: "AN_ERROR".to_owned() })
}

impl Statement {
    /// The insert as the store would send it, with `left` milliseconds to its deadline.
    pub fn new(insert: &Insert, now: u64, left: u64, planted: Option<Planted>) -> Self {
        let Insert { batch, target, present, attempt, .. } = insert;
        let (log, partition) = (log_of(&batch.range.log), batch.range.partition);
        let table = table_of(target);
        let mut range = batch.range.clone();
        if planted == Some(Planted::LogNotInToken) {
            range.log.clear();
        }
        let token = Token::new(&range, &table, *attempt).to_string();
        let mut is_refused = false;
        let mut blocks: BTreeMap<i64, Rows> = BTreeMap::new();
        match target {
            Target::Rows(purpose) => {
                for kept in &batch.events {
                    if kept.is_for(purpose) && !present.contains(&kept.position) {
                        let event = EventView::read(&kept.message).unwrap();
                        let row = ((log, partition, kept.position), event.id.to_vec());
                        blocks.entry(event.received_at).or_default().push(row);
                        is_refused |= is_poison(event.site, purpose.as_str());
                    }
                }
            }
            Target::Quarantine => {
                for it in &batch.quarantined {
                    if !present.contains(&it.position) {
                        let row = ((log, partition, it.position), it.record.clone());
                        blocks.entry(0).or_default().push(row);
                    }
                }
            }
            Target::Ledger => {
                blocks.insert(0, Vec::new());
            }
        }
        let ledger = matches!(target, Target::Ledger).then(|| LedgerRow {
            log,
            partition,
            batch: match planted {
                Some(Planted::MarksNotKept) => {
                    std::sync::Arc::new(Batch { marks: BTreeMap::new(), ..Batch::clone(batch) })
                }
                _ => batch.clone(),
            },
        });
        let until = now + execution_ms(left);
        Self {
            table,
            token,
            blocks: blocks.into_iter().collect(),
            ledger,
            until,
            is_logged: false,
            is_refused,
            fails_after: false,
        }
    }
}

/// `max_execution_time` is in whole seconds, and 0 would be no limit.
fn execution_ms(left: u64) -> u64 {
    (left / 1_000).max(1) * 1_000
}

impl House {
    pub fn new(planted: Option<Planted>) -> Self {
        Self {
            is_up: true,
            tables: BTreeMap::new(),
            ledger: Vec::new(),
            statements: BTreeMap::new(),
            next: 0,
            window: if planted == Some(Planted::WindowOfTwo) { 2 } else { 10_000 },
            is_endless: planted == Some(Planted::ServerGoesOn),
            is_mended: false,
        }
    }

    /// An insert arrives.
    pub fn begin(
        &mut self,
        mut statement: Statement,
        (sent, now): (u64, u64),
        random: &mut Random,
        faults: &Faults,
    ) -> Result<u64, StoreError> {
        if !self.is_up {
            return Err(StoreError::Read(Cause::Network { refused: true }));
        }
        if random.chance(faults.refused) {
            let codes = [241, 252, 242, 243, 159, 999];
            return Err(refusal(*random.pick(&codes).unwrap_or(&241)));
        }
        if random.chance(faults.permanent) {
            return Err(refusal(60));
        }
        if statement.is_refused {
            let cause = Cause::Server { code: 469, name: "VIOLATED_CONSTRAINT".to_owned() };
            return Err(StoreError::Insert { table: statement.table, cause });
        }
        statement.fails_after = random.chance(faults.failed_after);
        // The engine counts its time from when it has the statement.
        statement.until += now.saturating_sub(sent);
        self.next += 1;
        self.statements.insert(self.next, statement);
        Ok(self.next)
    }

    /// A statement goes on.
    pub fn step(
        &mut self,
        id: u64,
        now: u64,
        random: &mut Random,
        faults: &Faults,
    ) -> Result<Course, Violation> {
        let Some(mut statement) = self.statements.remove(&id) else {
            return Ok(Course::Gone);
        };
        let Some((month, rows)) = statement.blocks.pop_front() else {
            let answer = if statement.fails_after { Err(refusal(241)) } else { Ok(()) };
            return Ok(Course::Answer(answer));
        };
        let table = self.tables.entry(statement.table.clone()).or_default();
        let window = table.tokens.entry(month).or_default();
        let again = if statement.is_logged {
            statement.is_logged = false;
            for (place, value) in rows {
                if table.rows.insert(place, value).is_some() {
                    return Err(format!("twice in {}: {place:?}", statement.table));
                }
            }
            if let Some(row) = statement.ledger.take() {
                self.enter(row)?;
            }
            now
        } else if now > statement.until && !self.is_endless {
            return Ok(Course::Answer(Err(refusal(159))));
        } else if window.contains(&statement.token) {
            now // dropped, as if it had written
        } else {
            window.push_back(statement.token.clone());
            if window.len() > self.window {
                window.pop_front();
            }
            statement.is_logged = true;
            statement.blocks.push_front((month, rows));
            let is_slow = random.chance(faults.slow);
            let takes = random.between(0, if is_slow { 60_000 } else { 20 });
            let limit = if self.is_endless { u64::MAX } else { statement.until };
            (now + takes).min(limit.max(now))
        };
        self.statements.insert(id, statement);
        Ok(Course::Again(again))
    }

    fn enter(&mut self, row: LedgerRow) -> Result<(), Violation> {
        let new = &row.batch.range;
        let clash = self.ledger.iter().find(|other| {
            let old = &other.batch.range;
            (other.log, other.partition) == (row.log, row.partition)
                && old.first <= new.last
                && new.first <= old.last
        });
        if let Some(other) = clash {
            return Err(format!("in the ledger twice: {:?} and {new:?}", other.batch.range));
        }
        self.ledger.push(row);
        Ok(())
    }

    /// What of a batch is there.
    pub fn present(&self, batch: &Batch, target: &Target) -> HashSet<Position> {
        let (log, partition) = (log_of(&batch.range.log), batch.range.partition);
        if matches!(target, Target::Ledger) {
            let is_it = |row: &&LedgerRow| row.log == log && row.batch.range == batch.range;
            let found = self.ledger.iter().find(is_it);
            return found.map(|_| target.positions(batch).collect()).unwrap_or_default();
        }
        let Some(table) = self.tables.get(&table_of(target)) else {
            return HashSet::new();
        };
        let first = Position { offset: batch.range.first, index: 0 };
        let last = Position { offset: batch.range.last, index: u32::MAX };
        let range = (log, partition, first)..=(log, partition, last);
        table.rows.range(range).map(|((_, _, position), _)| *position).collect()
    }

    /// The last sequences of spills in the rows of the ledger that count.
    pub fn marks(
        &self,
        of: (u8, u32),
        spills: &[String],
        counts: impl Fn(&LedgerRow) -> bool,
    ) -> BTreeMap<String, u64> {
        let mut last = BTreeMap::new();
        let rows = self.ledger.iter().filter(|row| (row.log, row.partition) == of && counts(row));
        for (spill, sequence) in rows.flat_map(|row| &row.batch.marks) {
            if spills.contains(spill) {
                let last = last.entry(spill.clone()).or_default();
                *last = (*sequence).max(*last);
            }
        }
        last
    }

    /// Ids of the rows of a partition before an offset.
    pub fn recent(&self, of: (u8, u32), before: u64, since: Since) -> Recent {
        let first = match since {
            Since::Offset(first) => first,
            Since::Time { at, most } => {
                let mut ranges: Vec<_> = self
                    .ledger
                    .iter()
                    .filter(|row| (row.log, row.partition) == of && row.batch.range.last < before)
                    .map(|row| &row.batch)
                    .collect();
                ranges.sort_by_key(|batch| std::cmp::Reverse(batch.range.first));
                let mut events = 0;
                let young = ranges.iter().take_while(|batch| {
                    events += batch.events.len() as u64;
                    batch.stored_at >= at && events <= most
                });
                young.last().map_or(before, |batch| batch.range.first)
            }
        };
        let place = |offset| (of.0, of.1, Position { offset, index: 0 });
        let tables = self.tables.iter().filter(|(name, _)| name.ends_with("_rows"));
        let rows = tables.flat_map(|(_, table)| table.rows.range(place(first)..place(before)));
        Recent {
            first,
            ids: rows
                .filter_map(|(_, id)| id.as_slice().try_into().ok().map(u128::from_be_bytes))
                .collect(),
        }
    }

    /// The offset behind the last range of a partition.
    pub fn ledger_end(&self, log: u8, partition: u32) -> Option<u64> {
        let rows = self.ledger.iter().filter(|row| (row.log, row.partition) == (log, partition));
        rows.map(|row| row.batch.range.last + 1).max()
    }

    /// Dies with everything that is under way. What it remembers it has on its disk.
    pub fn die(&mut self) {
        self.is_up = false;
        self.statements.clear();
    }
}
