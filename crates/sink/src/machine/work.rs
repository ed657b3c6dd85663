//! What is being done about a partition: one task after the other, with pauses between.

use std::time::Duration;

use candor_store::StoreError;
use candor_transport::{CommitError, Cursor};

use super::action::{Action, Job, Report, Task};
use super::backoff::Backoff;
use super::before::{Asking, Before, Closed, Decided};
use super::guard::Guard;
use super::input::{Answer, Moment};
use super::intent::Note;
use super::partition::Load;
use super::storing::{Doubt, Storing};
use crate::error::SinkError;

/// Failures that come and go within this time are no alarm.
const STALLED_AFTER: Duration = Duration::from_mins(1);

/// Work, and how it stands.
#[derive(Debug)]
pub(super) struct Work {
    doing: Doing,
    pub(super) flight: Flight,
    /// Events and bytes of the batch that is being stored.
    pub(super) load: Load,
}

#[derive(Debug)]
enum Doing {
    Begin(Beginning),
    Ask(Box<Asking>),
    Store(Box<Storing>),
}

/// Whether a task is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flight {
    /// It waits for its turn; the lowest number is next.
    Queued(u64),
    /// A task is under way.
    UnderWay(Job),
    /// It goes on at this time.
    Resting(Duration),
}

/// What work is done with.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) insert_deadline: Duration,
    pub(super) guard: &'a mut Guard,
    pub(super) before: &'a mut Before,
    pub(super) out: &'a mut Vec<Action>,
}

/// What follows an answer.
#[derive(Debug)]
pub(super) enum Turn {
    /// The next task.
    Go,
    /// The next task, at this time.
    Rest(Duration),
    /// Nothing: it is done.
    Done,
    /// Nothing: the partition is somebody else's.
    Fenced,
}

/// A partition without a cursor: begin at its beginning, unless rows say that somebody did already.
///
/// Before it is said that the cursor was lost, it is written that this is being asked. Whoever slept
/// meanwhile is told so that the partition is not its own any more, and that the rows are another's.
#[derive(Debug)]
struct Beginning {
    log: String,
    partition: u32,
    low: u64,
    step: Step,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask,
    /// There are rows.
    Mark,
    /// There are none.
    Confirm,
}

// === impl Work ===

impl Work {
    pub(super) fn begin(log: String, partition: u32, low: u64) -> Self {
        let backoff = Backoff::new();
        let beginning = Beginning { log, partition, low, step: Step::Ask, backoff };
        Self {
            doing: Doing::Begin(beginning),
            flight: Flight::Resting(Duration::ZERO),
            load: Load::default(),
        }
    }

    /// A batch that is to be stored, when it is known what of it was stored before.
    pub(super) fn store(
        closed: Closed,
        doubt: Doubt,
        (before, room): (&mut Before, usize),
        load: Load,
        turn: u64,
    ) -> Self {
        let doing = before.decide(closed, doubt, room).into();
        Self { doing, flight: Flight::Queued(turn), load }
    }

    /// Whether it takes one of the places of batches that are stored at a time.
    pub(super) fn takes_place(&self) -> bool {
        matches!(self.doing, Doing::Ask(_) | Doing::Store(_))
            && !matches!(self.flight, Flight::Queued(_))
    }

    /// Whether nothing but failures followed each other for a minute.
    pub(super) fn is_stalled(&self, at: Moment) -> bool {
        self.doing.backoff().since().is_some_and(|since| since + STALLED_AFTER <= at.elapsed)
    }

    /// The task that is next.
    pub(super) fn task(
        &mut self,
        at: Moment,
        context: &mut Context<'_>,
    ) -> Result<Task, SinkError> {
        let Context { insert_deadline, guard, before, .. } = context;
        let insert_deadline = *insert_deadline;
        let task = match &mut self.doing {
            Doing::Begin(beginning) => beginning.task(at, insert_deadline),
            Doing::Ask(asking) => asking.task(before, at, insert_deadline)?,
            Doing::Store(storing) => storing.task(at, insert_deadline),
        };
        match &task {
            Task::Commit(cursor) => guard.commits(cursor)?,
            Task::Insert(insert) => guard.inserts(&insert.batch.range)?,
            Task::ReadBack { .. }
            | Task::AskMarks { .. }
            | Task::AskIds { .. }
            | Task::AskLedger { .. } => {}
        }
        Ok(task)
    }

    /// What follows from the end of the task.
    pub(super) fn answered(
        &mut self,
        answer: Answer,
        at: Moment,
        context: &mut Context<'_>,
    ) -> Result<Turn, SinkError> {
        let Context { insert_deadline, guard, before, out } = context;
        match (answer, &mut self.doing) {
            (Answer::BrokenOff, _) => Ok(Turn::Done),
            (Answer::Committed(made), doing) => match made {
                Ok(()) => {
                    let (cursor, turn) = match doing {
                        Doing::Begin(beginning) => beginning.committed()?,
                        Doing::Store(storing) => {
                            let (cursor, turn) = storing.committed(at, *insert_deadline, out)?;
                            if matches!(turn, Turn::Done) && storing.has_refused() {
                                before.forget_ids();
                            }
                            (cursor, turn)
                        }
                        Doing::Ask(asking) => return Err(asking.committed()),
                    };
                    guard.committed(&cursor)?;
                    Ok(turn)
                }
                // Too many open files, a full disk, a broker that is away: they pass by.
                Err(error @ CommitError::Io(_)) => {
                    out.push(Action::Report(Report::CommitFailed(error)));
                    Ok(Turn::Rest(doing.backoff_mut().next(at)))
                }
                Err(CommitError::Fenced) => Ok(Turn::Fenced),
                Err(error) => Err(SinkError::Commit(error)),
            },
            (Answer::Known(known), Doing::Begin(beginning)) => beginning.known(known, at, out),
            (Answer::Inserted(done), Doing::Store(storing)) => storing.inserted(done, at, out),
            (Answer::Present(present), Doing::Store(storing)) => storing.present(present, at, out),
            (answer, Doing::Ask(asking)) => {
                let (turn, decided) = asking.known(answer, at, before, out)?;
                if let Some(decided) = decided {
                    self.doing = decided.into();
                }
                Ok(turn)
            }
            _ => Err(NOT_ASKED),
        }
    }
}

impl Doing {
    const fn backoff(&self) -> &Backoff {
        match self {
            Self::Begin(beginning) => &beginning.backoff,
            Self::Ask(asking) => &asking.backoff,
            Self::Store(storing) => storing.backoff(),
        }
    }

    fn backoff_mut(&mut self) -> &mut Backoff {
        match self {
            Self::Begin(beginning) => &mut beginning.backoff,
            Self::Ask(asking) => &mut asking.backoff,
            Self::Store(storing) => storing.backoff_mut(),
        }
    }
}

impl From<Decided> for Doing {
    fn from(decided: Decided) -> Self {
        match decided {
            Decided::Yes(storing) => Self::Store(storing),
            Decided::NotYet(asking) => Self::Ask(asking),
        }
    }
}

pub(super) const NOT_ASKED: SinkError = SinkError::Defect("an answer to what was not asked");

// === impl Beginning ===

impl Beginning {
    fn task(&self, at: Moment, insert_deadline: Duration) -> Task {
        match self.step {
            Step::Ask => {
                Task::AskLedger { log: self.log.clone(), deadline: at.elapsed + insert_deadline }
            }
            Step::Mark | Step::Confirm => Task::Commit(self.cursor()),
        }
    }

    fn cursor(&self) -> Cursor {
        let note = if matches!(self.step, Step::Confirm) { Note::Nothing } else { Note::Begin };
        Cursor { offset: self.low, metadata: note.encode() }
    }

    /// The cursor was written, so that the partition is ours; which cursor, and what follows.
    fn committed(&self) -> Result<(Cursor, Turn), SinkError> {
        match self.step {
            Step::Confirm => Ok((self.cursor(), Turn::Done)),
            Step::Ask | Step::Mark => {
                let (log, partition) = (self.log.clone(), self.partition);
                Err(SinkError::CursorLost { log, partition })
            }
        }
    }

    fn known(
        &mut self,
        known: Result<Option<u64>, StoreError>,
        at: Moment,
        out: &mut Vec<Action>,
    ) -> Result<Turn, SinkError> {
        match known {
            Ok(end) => {
                self.step = if end.is_some() { Step::Mark } else { Step::Confirm };
                self.backoff = Backoff::new();
                Ok(Turn::Go)
            }
            Err(error) => ask_again(error, &mut self.backoff, at, out),
        }
    }
}

/// A question failed: it is asked again after a pause, unless a person must act first.
pub(super) fn ask_again(
    error: StoreError,
    backoff: &mut Backoff,
    at: Moment,
    out: &mut Vec<Action>,
) -> Result<Turn, SinkError> {
    if !error.is_transient() {
        return Err(SinkError::Store(error));
    }
    out.push(Action::Report(Report::AskFailed(error)));
    Ok(Turn::Rest(backoff.next(at)))
}
