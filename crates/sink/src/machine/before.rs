//! What was stored before a range, and is not stored again: it is asked for before the range is.

use std::time::Duration;

use candor_store::{Batch, Range, Recent, Since};
use candor_transport::Cursor;

use super::action::{Action, Task};
use super::backoff::Backoff;
use super::input::{Answer, Moment};
use super::intent::Note;
use super::marks::{Marked, Marks};
use super::storing::{Doubt, Storing};
use super::window::{self, Window};
use super::work::{NOT_ASKED, Turn, ask_again};
use crate::error::SinkError;

/// A batch to which no more is added, and what is to be looked at before it is stored.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) batch: Batch,
    /// In the order of the log.
    pub(super) marked: Vec<Marked>,
}

/// What is known of a partition that is ours.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) marks: Marks,
    window: Option<Window>,
    /// Where the cursor that was found stands when nothing is in doubt any more, until the ledger was held
    /// against it: whoever sets it back would have everything behind stored again, and what was deleted since.
    unproven: Option<u64>,
}

/// A batch that waits for an answer.
#[derive(Debug)]
pub(super) struct Asking {
    /// None when it was decided.
    waiting: Option<(Closed, Doubt)>,
    room: usize,
    /// Where the ledger ends, when that is behind the cursor. Before it is said, the cursor is written as it
    /// stands: whoever slept meanwhile is told so that the partition, and the ledger, are another's.
    set_back: Option<u64>,
    pub(super) backoff: Backoff,
}

/// A batch, when it is known what of it was stored before.
#[derive(Debug)]
pub(super) enum Decided {
    Yes(Box<Storing>),
    NotYet(Box<Asking>),
}

// === impl Before ===

impl Before {
    /// Of a partition that goes on here; none for one that is begun.
    pub(super) fn of(unproven: Option<u64>) -> Self {
        Self { unproven, ..Self::default() }
    }

    /// The batch without what was stored before; or what there is to ask first. `room` is for ids of a
    /// generation.
    pub(super) fn decide(&mut self, mut closed: Closed, mut doubt: Doubt, room: usize) -> Decided {
        if self.lacks(&closed, &doubt) {
            let (waiting, backoff) = (Some((closed, doubt)), Backoff::new());
            let asking = Asking { waiting, room, set_back: None, backoff };
            return Decided::NotYet(Box::new(asking));
        }
        self.marks.sift(&mut closed);
        if let Some(window) = &mut self.window
            && looks_at_ids(&doubt)
        {
            if !doubt.is_there {
                window.turn(&closed.batch, room);
                doubt.ids_from = Some(window.first());
            }
            window.sift(&mut closed.batch);
        }
        if doubt.is_there {
            // It began where another had it begin.
            self.forget_ids();
        }
        Decided::Yes(Box::new(Storing::new(closed.batch, doubt)))
    }

    /// What is remembered may not be what the tables have.
    pub(super) fn forget_ids(&mut self) {
        self.window = None;
    }

    fn lacks(&self, closed: &Closed, doubt: &Doubt) -> bool {
        self.is_unproven(doubt)
            || !self.marks.unknown(&closed.marked).is_empty()
            || (looks_at_ids(doubt) && self.window.is_none())
    }

    fn task(&self, closed: &Closed, doubt: &Doubt, room: usize, deadline: Duration) -> Task {
        let (log, before) = (closed.batch.range.log.clone(), closed.batch.range.first);
        if self.is_unproven(doubt) {
            return Task::AskLedger { log, deadline };
        }
        let spills = self.marks.unknown(&closed.marked);
        if !spills.is_empty() {
            return Task::AskMarks { log, before, spills: spills.into_iter().collect(), deadline };
        }
        let since = doubt
            .ids_from
            .map_or_else(|| window::since(closed.batch.stored_at, room), Since::Offset);
        Task::AskIds { log, before, since, deadline }
    }

    /// A range in doubt is settled first.
    fn is_unproven(&self, doubt: &Doubt) -> bool {
        self.unproven.is_some() && !doubt.is_there
    }

    /// Holds the ledger's end against the cursor; gives it back when it is behind.
    fn prove(&mut self, end: Option<u64>) -> Option<u64> {
        let set_back = end.filter(|end| self.unproven.is_some_and(|cursor| cursor < *end));
        if set_back.is_none() {
            self.unproven = None;
        }
        set_back
    }

    fn learn_ids(&mut self, recent: Recent, closed: &Closed) {
        let Batch { range, stored_at, .. } = &closed.batch;
        self.window = Some(Window::new(recent, range.first, *stored_at));
    }
}

/// An owner of an earlier version stored the range without a look at its ids.
fn looks_at_ids(doubt: &Doubt) -> bool {
    !doubt.is_there || doubt.ids_from.is_some()
}

// === impl Asking ===

impl Asking {
    pub(super) fn task(
        &self,
        before: &Before,
        at: Moment,
        deadline: Duration,
    ) -> Result<Task, SinkError> {
        let (closed, doubt) = self.waiting.as_ref().ok_or(DECIDED)?;
        if self.set_back.is_some() {
            let offset = closed.batch.range.first;
            return Ok(Task::Commit(Cursor { offset, metadata: Note::Nothing.encode() }));
        }
        Ok(before.task(closed, doubt, self.room, at.elapsed + deadline))
    }

    /// The store answered; the batch, if that is enough to decide about it.
    pub(super) fn known(
        &mut self,
        answer: Answer,
        at: Moment,
        before: &mut Before,
        out: &mut Vec<Action>,
    ) -> Result<(Turn, Option<Decided>), SinkError> {
        let (closed, _) = self.waiting.as_ref().ok_or(DECIDED)?;
        let learnt = match answer {
            Answer::Marks(known) => known.map(|known| before.marks.learn(known, &closed.marked)),
            Answer::Known(end) => end.map(|end| self.set_back = before.prove(end)),
            Answer::Ids(recent) => recent.map(|recent| before.learn_ids(recent, closed)),
            _ => return Err(NOT_ASKED),
        };
        match learnt {
            Ok(()) if self.set_back.is_some() => Ok((Turn::Go, None)),
            Ok(()) => {
                let (closed, doubt) = self.waiting.take().ok_or(DECIDED)?;
                Ok((Turn::Go, Some(before.decide(closed, doubt, self.room))))
            }
            Err(error) => Ok((ask_again(error, &mut self.backoff, at, out)?, None)),
        }
    }

    /// The cursor was written, so that the partition is ours, and the ledger too.
    pub(super) fn committed(&self) -> SinkError {
        match (&self.waiting, self.set_back) {
            (Some((closed, _)), Some(end)) => {
                let Range { log, partition, first, .. } = closed.batch.range.clone();
                SinkError::CursorSetBack { log, partition, cursor: first, end }
            }
            _ => NOT_ASKED,
        }
    }
}

const DECIDED: SinkError = SinkError::Defect("a batch was decided about twice");

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use candor_event::Timestamp;
    use candor_store::{Cause, Ids, StoreError};
    use candor_transport::{LogId, SpillMark};

    use super::*;

    fn closed(spills: &[u8]) -> Closed {
        let marked = |spill: &u8| {
            let mark = SpillMark { id: LogId::from_bytes([*spill; 16]), sequence: 1 };
            Marked { offset: 5, mark, events: None, expired: 0 }
        };
        let batch = Batch {
            range: Range { log: "a".to_owned(), partition: 0, first: 5, last: 9 },
            stored_at: Timestamp::from_unix(1_000),
            records: 0,
            buckets: BTreeMap::new(),
            events: Vec::new(),
            quarantined: Vec::new(),
            marks: BTreeMap::new(),
            held: 0,
        };
        Closed { batch, marked: spills.iter().map(marked).collect() }
    }

    /// What is asked before the batch is decided about, and the batch.
    fn asks(before: &mut Before, closed: Closed, doubt: Doubt) -> (Vec<Task>, Storing) {
        let at = Moment { elapsed: Duration::ZERO, now: Timestamp::default(), jitter: 0 };
        let mut asked = Vec::new();
        let mut decided = before.decide(closed, doubt, 7);
        loop {
            let mut asking = match decided {
                Decided::Yes(storing) => return (asked, *storing),
                Decided::NotYet(asking) => asking,
            };
            let task = asking.task(before, at, Duration::ZERO).unwrap();
            let answer = match &task {
                Task::AskMarks { .. } => Answer::Marks(Ok(BTreeMap::new())),
                _ => Answer::Ids(Ok(Recent { first: 3, ids: Ids::default() })),
            };
            let cause = Cause::Network { refused: true };
            let failed = Answer::Ids(Err(StoreError::Read(cause)));
            let (turn, none) = asking.known(failed, at, before, &mut Vec::new()).unwrap();
            assert!(matches!((turn, none), (Turn::Rest(_), None)), "it is tried again");
            asked.push(task);
            decided = asking.known(answer, at, before, &mut Vec::new()).unwrap().1.unwrap();
        }
    }

    #[test]
    fn nothing_is_decided_before_all_that_counts_is_known() {
        let mut before = Before::default();
        let (asked, _) = asks(&mut before, closed(&[1, 2]), Doubt::default());
        assert!(
            matches!(
                &*asked,
                [
                    Task::AskMarks { before: 5, spills, .. },
                    Task::AskIds { before: 5, since: Since::Time { at, most: 7 }, .. }
                ] if spills.len() == 2 && at.unix() == 400
            ),
            "{asked:?}"
        );
        let (asked, _) = asks(&mut before, closed(&[1]), Doubt::default());
        assert!(asked.is_empty(), "it is known: {asked:?}");
        before.forget_ids();
        let (asked, _) = asks(&mut before, closed(&[1]), Doubt::default());
        assert!(matches!(&*asked, [Task::AskIds { .. }]), "{asked:?}");
        let many: Vec<_> = (0..=255).collect();
        let (asked, _) = asks(&mut before, closed(&many), Doubt::default());
        assert!(matches!(&*asked, [Task::AskMarks { .. }]), "{asked:?}");
    }

    #[test]
    fn a_range_in_doubt_is_looked_at_as_its_first_owner_did() {
        let mut before = Before::default();
        let doubt = |ids_from| Doubt { is_there: true, ids_from, ..Doubt::default() };
        let (asked, _) = asks(&mut before, closed(&[]), doubt(Some(2)));
        assert!(matches!(&*asked, [Task::AskIds { since: Since::Offset(2), .. }]), "{asked:?}");
        let (asked, _) = asks(&mut Before::default(), closed(&[]), doubt(None));
        assert!(asked.is_empty(), "an earlier version did not look: {asked:?}");
        let (asked, _) = asks(&mut before, closed(&[]), Doubt::default());
        assert!(
            matches!(&*asked, [Task::AskIds { since: Since::Time { .. }, .. }]),
            "where the other began is not where we do: {asked:?}"
        );
    }
}
