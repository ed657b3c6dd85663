//! One range into ClickHouse: intent, insert, commit; after any doubt, read back.
//!
//! Every owner of a partition inserts under the same tokens in the same order: the first try's, then
//! `/replay-1` and so on. Of two such inserts at the same time ClickHouse keeps one, and one that comes late,
//! from a process that was stopped for an hour, is dropped. The next token is taken only when one is known
//! and rows are still missing (the engine remembers a token before its rows are in place). Whoever took it
//! began before we were answered; so rows that are missing one insert deadline later never come.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use candor_event::Purpose;
use candor_store::{Batch, Class, Position, Refusal, Refused, StoreError};
use candor_transport::Cursor;

use super::action::{Action, Insert, Report, Task};
use super::backoff::Backoff;
use super::input::Moment;
use super::intent::{Intent, Note};
use super::part::Part;
use super::target::Target;
use super::work::{NOT_ASKED, Turn};
use crate::error::SinkError;

/// A batch that is being stored.
#[derive(Debug)]
pub(super) struct Storing {
    batch: Arc<Batch>,
    parts: Vec<Part>,
    doubt: Doubt,
    /// Until when the inserts of this try may be sent and waited for.
    deadline: Option<Duration>,
    step: Step,
    /// What was found of the part that is put into its table.
    present: Arc<HashSet<Position>>,
    /// An owner before us may have slices under way. Should the table take meanwhile what it refused, we
    /// would not cut them as it did.
    waits_for_slices: bool,
    /// How many refused rows the intent names that stands.
    noted: usize,
    backoff: Backoff,
    began: Option<Duration>,
}

/// What is not known about a range.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt {
    /// Something was tried before: nothing is inserted that was not looked for.
    pub(super) is_there: bool,
    /// The last token that anybody may have used.
    pub(super) repair: u32,
    /// An insert may be under way that nobody here waits for.
    pub(super) may_be_under_way: bool,
    /// How long such an insert lasts at most.
    pub(super) lasts: Duration,
    /// Rows that are set aside instead, as the intent says.
    pub(super) refused: Vec<Refused>,
    /// Purposes of which rows were refused.
    pub(super) sifted: Vec<Purpose>,
    /// From which offset on ids of events were looked at; none when they were not.
    pub(super) ids_from: Option<u64>,
}

/// What is done next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Intend,
    /// Ask for the range's row in the ledger. While rows can be looked for themselves, it is no proof of
    /// them: whoever wrote it may have been told "done" by a token that another had just taken, and whose
    /// rows died with the engine.
    LookForLedger,
    /// Put a part of the batch into its table.
    Put(usize, Put),
    Confirm,
}

#[derive(Clone, Copy, Debug)]
enum Put {
    /// Insert all of it; nothing went before.
    First,
    /// Read back.
    Look,
    /// Insert what is missing.
    Missing,
    /// Read back whether that was enough.
    LookAgain,
}

// === impl Storing ===

impl Storing {
    pub(super) fn new(mut batch: Batch, doubt: Doubt) -> Self {
        let part = |target| match &target {
            Target::Rows(purpose) if doubt.sifted.contains(purpose) => Part::sifted(target, &batch),
            _ => Part::new(target),
        };
        // All purposes of the range, before rows are set aside.
        let parts = Target::of(&batch).into_iter().map(part).collect();
        batch.count_held();
        doubt.refused.iter().for_each(|refused| batch.refuse(refused));
        Self {
            parts,
            noted: doubt.refused.len(),
            waits_for_slices: doubt.may_be_under_way && !doubt.sifted.is_empty(),
            batch: Arc::new(batch),
            doubt,
            deadline: None,
            step: Step::Intend,
            present: Arc::default(),
            backoff: Backoff::new(),
            began: None,
        }
    }

    /// Whether events of the batch may have no row although they were let through.
    pub(super) fn has_refused(&self) -> bool {
        !self.doubt.refused.is_empty()
    }

    pub(super) const fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    pub(super) fn backoff_mut(&mut self) -> &mut Backoff {
        &mut self.backoff
    }

    pub(super) fn task(&mut self, at: Moment, insert_deadline: Duration) -> Task {
        self.began.get_or_insert(at.elapsed);
        let deadline = *self.deadline.get_or_insert(at.elapsed + insert_deadline);
        let batch = Arc::clone(&self.batch);
        match self.step {
            Step::Intend => Task::Commit(self.intent(insert_deadline)),
            Step::LookForLedger => Task::ReadBack { batch, target: Target::Ledger, deadline },
            Step::Put(number, put) => {
                let Some(part) = self.parts.get(number) else {
                    return Task::ReadBack { batch, target: Target::Ledger, deadline };
                };
                let target = part.target.clone();
                match put {
                    Put::Look | Put::LookAgain => Task::ReadBack { batch, target, deadline },
                    Put::First | Put::Missing => {
                        let present = part.left_out(&batch, &self.present);
                        let attempt = part.attempt();
                        Task::Insert(Insert { batch, target, present, attempt, deadline })
                    }
                }
            }
            Step::Confirm => Task::Commit(self.confirmation()),
        }
    }

    fn intent(&self, insert_deadline: Duration) -> Cursor {
        let range = &self.batch.range;
        let intent = Intent {
            end: range.last,
            repair: self.doubt.repair,
            // What an owner before us may still have under way lasts as long as it said.
            deadline_s: insert_deadline.max(self.doubt.lasts).as_secs(),
            stored_at: Some(self.batch.stored_at),
            skip: self.doubt.refused.clone(),
            sift: self.doubt.sifted.clone(),
            ids_from: self.doubt.ids_from,
        };
        Cursor { offset: range.first, metadata: Note::Settle(intent).encode() }
    }

    fn confirmation(&self) -> Cursor {
        Cursor { offset: self.batch.range.last + 1, metadata: String::new() }
    }

    /// The cursor was moved; which, and what follows.
    pub(super) fn committed(
        &mut self,
        at: Moment,
        insert_deadline: Duration,
        out: &mut Vec<Action>,
    ) -> Result<(Cursor, Turn), SinkError> {
        match self.step {
            Step::Intend => {
                let cursor = self.intent(insert_deadline);
                self.doubt.lasts = insert_deadline.max(self.doubt.lasts);
                self.noted = self.doubt.refused.len();
                if self.doubt.is_there {
                    out.push(Action::Report(Report::Repair));
                }
                if std::mem::take(&mut self.waits_for_slices) {
                    let until = at.elapsed + self.doubt.lasts + SLACK;
                    return Ok((cursor, self.try_again(until)));
                }
                self.put(0);
                if self.doubt.is_there && self.is_old(at) {
                    self.step = Step::LookForLedger;
                }
                Ok((cursor, Turn::Go))
            }
            Step::Confirm => {
                let took = at.elapsed.saturating_sub(self.began.unwrap_or(at.elapsed));
                out.push(Action::Report(Report::Stored { batch: Arc::clone(&self.batch), took }));
                Ok((self.confirmation(), Turn::Done))
            }
            Step::LookForLedger | Step::Put(..) => Err(NOT_ASKED),
        }
    }

    /// Whether rows may have lost their positions, so that they cannot be looked for.
    fn is_old(&self, at: Moment) -> bool {
        at.now.unix().saturating_sub(self.batch.stored_at.unix()) > OLD_S
    }

    /// An insert ended.
    pub(super) fn inserted(
        &mut self,
        done: Result<(), StoreError>,
        at: Moment,
        out: &mut Vec<Action>,
    ) -> Result<Turn, SinkError> {
        if let Err(error) = done {
            if let (Class::Poison(refusal), Step::Put(number, _)) = (error.class(), self.step) {
                return self.refused(number, refusal, error, at);
            }
            self.doubt.may_be_under_way |= !error.is_over();
            return self.failed(error, at, out);
        }
        match self.step {
            Step::Put(number, Put::First) => self.put(number + 1),
            Step::Put(number, Put::Missing) => {
                if let Some(part) = self.parts.get_mut(number) {
                    let lasts = if self.doubt.may_be_under_way {
                        self.doubt.lasts + SLACK
                    } else {
                        Duration::ZERO
                    };
                    part.settled_at.get_or_insert(at.elapsed + lasts);
                }
                self.step = Step::Put(number, Put::LookAgain);
            }
            _ => return Err(NOT_ASKED),
        }
        Ok(Turn::Go)
    }

    /// A table answered what it has of the batch.
    pub(super) fn present(
        &mut self,
        present: Result<HashSet<Position>, StoreError>,
        at: Moment,
        out: &mut Vec<Action>,
    ) -> Result<Turn, SinkError> {
        let present = match present {
            Ok(present) => present,
            Err(error) => return self.failed(error, at, out),
        };
        let (number, put) = match self.step {
            Step::LookForLedger => {
                let is_there = Target::Ledger.is_complete(&self.batch, &present);
                self.put(if is_there { self.parts.len() } else { 0 });
                return Ok(Turn::Go);
            }
            Step::Put(number, put) => (number, put),
            Step::Intend | Step::Confirm => return Err(NOT_ASKED),
        };
        let Some(part) = self.parts.get_mut(number) else {
            return Err(NOT_ASKED);
        };
        while part.is_stored(&self.batch, &present) {
            if !part.goes_on() {
                let refused = part.take_refused();
                self.set_aside(refused, out);
                self.put(number + 1);
                return Ok(Turn::Go);
            }
        }
        match part.settled_at {
            // Its token is known, and it was waited: what is missing never comes.
            Some(settled_at) if settled_at <= at.elapsed => {
                part.repair += 1;
                part.settled_at = None;
                if part.repair > self.doubt.repair {
                    // Nobody used that token before. Whoever comes after us must know.
                    self.doubt.repair = part.repair;
                    return Ok(self.try_again(at.elapsed));
                }
            }
            Some(settled_at) if matches!(put, Put::LookAgain) => {
                return Ok(self.try_again(settled_at));
            }
            _ => {}
        }
        self.present = Arc::new(present);
        self.step = Step::Put(number, Put::Missing);
        Ok(Turn::Go)
    }

    /// Goes on with this part of the batch, or the next that has anything.
    fn put(&mut self, number: usize) {
        self.present = Arc::default();
        let is_empty = |part: &Part| part.target.positions(&self.batch).next().is_none();
        let empty = self.parts.iter().skip(number).take_while(|part| is_empty(part)).count();
        let number = number + empty;
        let is_of_rows =
            self.parts.get(number).is_some_and(|part| matches!(part.target, Target::Rows(_)));
        self.step = if number >= self.parts.len() {
            self.backoff = Backoff::new();
            Step::Confirm
        } else if self.noted < self.doubt.refused.len() && !is_of_rows {
            // Whoever settles the range after us must set the same rows aside.
            self.try_again(Duration::ZERO);
            Step::Intend
        } else if self.doubt.is_there {
            Step::Put(number, Put::Look)
        } else {
            Step::Put(number, Put::First)
        };
    }

    /// Begins anew with the intent, at this time.
    fn try_again(&mut self, at: Duration) -> Turn {
        self.doubt.is_there = true;
        self.deadline = None;
        self.step = Step::Intend;
        Turn::Rest(at)
    }

    /// Rows of this part are refused: those at fault are looked for.
    fn refused(
        &mut self,
        number: usize,
        refusal: Refusal,
        error: StoreError,
        at: Moment,
    ) -> Result<Turn, SinkError> {
        let Some(part) = self.parts.get_mut(number) else {
            return Err(NOT_ASKED);
        };
        let Target::Rows(purpose) = &part.target else {
            return Err(SinkError::Store(error));
        };
        if self.doubt.refused.len() + part.refused() >= REFUSED_MAX {
            let purpose = purpose.clone();
            return Err(SinkError::Refused { purpose, most: REFUSED_MAX, error });
        }
        if !self.doubt.sifted.contains(purpose) {
            self.doubt.sifted.push(purpose.clone());
        }
        part.is_refused(&self.batch, refusal);
        Ok(self.try_again(at.elapsed))
    }

    fn set_aside(&mut self, refused: Vec<Refused>, out: &mut Vec<Action>) {
        if refused.is_empty() {
            return;
        }
        let batch = Arc::make_mut(&mut self.batch);
        for row in &refused {
            batch.refuse(row);
            out.push(Action::Report(Report::Quarantined(row.refusal.label())));
        }
        self.doubt.refused.extend(refused);
    }

    fn failed(
        &mut self,
        error: StoreError,
        at: Moment,
        out: &mut Vec<Action>,
    ) -> Result<Turn, SinkError> {
        if !error.is_transient() {
            return Err(SinkError::Store(error));
        }
        out.push(Action::Report(Report::StoreFailed { error }));
        let next = self.backoff.next(at);
        Ok(self.try_again(next))
    }
}

/// More refused rows in a batch are no accident of rows. They must fit into the cursor's note, too.
const REFUSED_MAX: usize = 24;
/// Positions are kept for seven days.
const OLD_S: i64 = 6 * 86_400;
/// ClickHouse looks at the time now and then.
const SLACK: Duration = Duration::from_secs(1);
