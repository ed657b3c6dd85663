//! One partition that is ours: what is collected of it, and what is still in doubt.

use std::time::Duration;

use bytes::Bytes;
use candor_transport::{Cursor, Damage, LogId, SpillMark};

use super::action::{Action, Report};
use super::before::{Before, Closed};
use super::guard::Guard;
use super::input::Moment;
use super::intent::{Intent, Note};
use super::open::Open;
use super::storing::Doubt;
use super::work::{Flight, Work};
use crate::config::Config;
use crate::error::SinkError;

/// A partition, and where its owner before us stood.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) log: LogId,
    pub(super) committed: Option<Cursor>,
    /// The first offset that the partition still has, and the next one that it will use.
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) previous_owner_may_live: bool,
}

/// A partition that is ours.
#[derive(Debug)]
pub(super) struct Partition {
    log: String,
    number: u32,
    /// The next offset that no batch covers.
    next: u64,
    open: Option<Open>,
    /// Offsets that the log deleted before anybody began to read; told with the first batch.
    deleted_unread: u64,
    /// What the owner before us left to be settled, and whether it may still be at work.
    in_doubt: Option<Intent>,
    previous_owner_may_live: bool,
    pub(super) work: Option<Work>,
    pub(super) state: State,
    pub(super) is_paused: bool,
    pub(super) guard: Guard,
    pub(super) before: Before,
}

/// How much memory a batch stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Decoded events.
    pub events: u64,
    /// Bytes of the records that they came in.
    pub bytes: u64,
}

/// Whose a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ours,
    /// Somebody else owns it, as a commit was told; its revocation will follow.
    Fenced,
    /// It is to be given away when its work is done, which is broken off then.
    Revoked {
        until: Duration,
        /// Its end is waited for, and nothing else.
        is_broken_off: bool,
    },
}

impl Partition {
    /// Takes a partition over. A partition without a cursor must be begun first.
    pub(super) fn assigned(
        number: u32,
        taken: &Taken,
        out: &mut Vec<Action>,
    ) -> Result<Self, SinkError> {
        let log = taken.log.to_string();
        let note = match &taken.committed {
            Some(cursor) => Note::decode(&cursor.metadata)?,
            None => Note::Begin,
        };
        let is_new = note == Note::Begin;
        let in_doubt = match note {
            Note::Settle(intent) => Some(intent),
            Note::Begin | Note::Nothing => None,
        };
        let next = taken.committed.as_ref().map_or(taken.low, |cursor| cursor.offset);
        // What was begun to be stored, or else was stored, must be in the log. Otherwise its end was
        // lost and the numbers will be used again: old rows would pass for new ones.
        let behind = in_doubt.as_ref().map_or(next, |intent| intent.end + 1);
        let before = Before::of(if is_new { None } else { Some(behind) });
        if behind > taken.high {
            return Err(SinkError::LogCutOff { log, partition: number, behind, next: taken.high });
        }
        if let Some(intent) = &in_doubt {
            let settling = Report::Settling { partition: number, first: next, last: intent.end };
            out.push(Action::Report(settling));
        }
        Ok(Self {
            log,
            number,
            next,
            open: None,
            deleted_unread: if is_new { next } else { 0 },
            in_doubt,
            previous_owner_may_live: taken.previous_owner_may_live,
            work: is_new.then(|| Work::begin(taken.log.to_string(), number, next)),
            state: State::Ours,
            is_paused: false,
            guard: Guard::new(taken.committed.as_ref().map_or(0, |cursor| cursor.offset)),
            before,
        })
    }

    /// Adds a record.
    pub(super) fn push(
        &mut self,
        offset: u64,
        (record, spill): (&Bytes, Option<SpillMark>),
        at: Moment,
        out: &mut Vec<Action>,
    ) -> Result<(), SinkError> {
        self.open(at, out).push(offset, record, spill, out)
    }

    /// Accounts for offsets that cannot be read.
    pub(super) fn damaged(
        &mut self,
        (first, last): (u64, u64),
        damage: Damage,
        at: Moment,
        out: &mut Vec<Action>,
    ) {
        self.open(at, out).damaged(first, last, damage, out);
    }

    fn open(&mut self, at: Moment, out: &mut Vec<Action>) -> &mut Open {
        let (log, number, next) = (&self.log, self.number, self.next);
        // Whoever settles a range decides as its first owner did.
        let stored_at =
            self.in_doubt.as_ref().and_then(|intent| intent.stored_at).unwrap_or(at.now);
        let at = Moment { now: stored_at, ..at };
        let deleted = &mut self.deleted_unread;
        self.open.get_or_insert_with(|| {
            let mut open = Open::begin(log.clone(), number, next, at);
            open.deleted_unread(std::mem::take(deleted), out);
            open
        })
    }

    /// The last offset of a range in doubt.
    pub(super) fn doubt_end(&self) -> Option<u64> {
        self.in_doubt.as_ref().map(|intent| intent.end)
    }

    /// Whether what is collected must be closed before this offset is added: an intent covers exactly its
    /// range.
    pub(super) fn must_settle_before(&self, offset: u64) -> bool {
        self.open.is_some() && self.doubt_end().is_some_and(|end| offset > end)
    }

    /// Whether what is collected is a range in doubt of which the end is still to be read.
    pub(super) fn is_incomplete(&self) -> bool {
        let last = self.open.as_ref().map(Open::last);
        self.doubt_end().is_some_and(|end| last.is_none_or(|last| last < end))
    }

    /// Whether what is collected is large enough to be stored. A range in doubt is complete at its end,
    /// not before, whatever its size.
    pub(super) fn is_full(&self, config: &Config) -> bool {
        let Some(open) = &self.open else {
            return false;
        };
        match self.doubt_end() {
            Some(end) => open.last() >= end,
            None => open.is_full(config),
        }
    }

    /// When what is collected should be stored at the latest.
    pub(super) fn due_at(&self, config: &Config) -> Option<Duration> {
        let open = self.open.as_ref().filter(|_| self.in_doubt.is_none())?;
        Some(open.due_at(config))
    }

    /// When something must be done about it although nothing happens.
    pub(super) fn wake_at(&self, config: &Config) -> Option<Duration> {
        let resting = match self.work.as_ref().map(|work| work.flight) {
            Some(Flight::Resting(until)) => Some(until),
            Some(Flight::Queued(_) | Flight::UnderWay(_)) => None,
            None => self.due_at(config).filter(|_| self.state == State::Ours),
        };
        let overdue = match self.state {
            State::Revoked { until, is_broken_off: false } => Some(until),
            State::Revoked { .. } | State::Ours | State::Fenced => None,
        };
        [resting, overdue].into_iter().flatten().min()
    }

    /// Closes what is collected, to be stored, with the doubt about it.
    pub(super) fn close(&mut self) -> Option<(Closed, Doubt, Load)> {
        let open = self.open.take()?;
        let load = open.load();
        let mut closed = open.close();
        let mut doubt = Doubt::default();
        if let Some(intent) = self.in_doubt.take() {
            closed.batch.range.last = intent.end;
            doubt = Doubt {
                is_there: true,
                repair: intent.repair,
                may_be_under_way: self.previous_owner_may_live,
                lasts: Duration::from_secs(intent.deadline_s),
                refused: intent.skip,
                sifted: intent.sift,
                ids_from: intent.ids_from,
            };
        }
        self.next = closed.batch.range.last + 1;
        Some((closed, doubt, load))
    }

    /// Forgets what is collected: somebody else reads it again.
    pub(super) fn forget(&mut self) {
        self.open = None;
        self.in_doubt = None;
    }

    /// What is collected, without what is being stored.
    pub(super) fn collected(&self) -> Load {
        self.open.as_ref().map(Open::load).unwrap_or_default()
    }

    /// Everything that it holds in memory.
    pub(super) fn load(&self) -> Load {
        let stored = self.work.as_ref().map(|work| work.load).unwrap_or_default();
        self.collected() + stored
    }
}

impl std::ops::Add for Load {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { events: self.events + other.events, bytes: self.bytes + other.bytes }
    }
}

impl std::iter::Sum for Load {
    fn sum<I: Iterator<Item = Self>>(loads: I) -> Self {
        loads.fold(Self::default(), |sum, load| sum + load)
    }
}
