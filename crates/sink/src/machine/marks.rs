//! Records that came by a spill, and may have been stored before: a drain that breaks off sends again what
//! the log has already.
//!
//! What counts is what the ledger has of the ranges before, and then the order within the range. Both are
//! the same for everybody who settles the range, whenever that is; a range's own row in the ledger says
//! nothing about it. What is remembered here are answers of the ledger, and what was added to it since: to
//! forget them costs a question, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use candor_store::{Batch, Bucket, StoreError};
use candor_transport::SpillMark;

use super::action::{Action, Report, Task};
use super::backoff::Backoff;
use super::input::Moment;
use super::storing::{Doubt, Storing};
use super::work::Turn;
use crate::error::SinkError;

/// Spills of a partition that are remembered.
const REMEMBERED: usize = 4_096;
/// Spills in one question.
const ASKED_AT_ONCE: usize = 1_024;

/// A record that came by a spill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marked {
    pub(super) offset: u64,
    pub(super) mark: SpillMark,
    /// Its events; none when it cannot be read.
    pub(super) events: Option<u64>,
    /// Rows of its events that were over already.
    pub(super) expired: u64,
}

/// A batch to which no more is added, and what is to be looked at before it is stored.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) batch: Batch,
    /// In the order of the log.
    pub(super) marked: Vec<Marked>,
}

/// What is known of the spills of a partition that is ours: the last sequence in the ledger, or that there
/// is none.
#[derive(Debug, Default)]
pub(super) struct Marks(BTreeMap<String, Option<u64>>);

/// A batch that waits for what the ledger has of its spills.
#[derive(Debug)]
pub(super) struct Asking {
    /// None when it was decided.
    waiting: Option<(Closed, Doubt)>,
    pub(super) backoff: Backoff,
}

/// A batch, when it is known what of it was stored before.
#[derive(Debug)]
pub(super) enum Decided {
    Yes(Box<Storing>),
    NotYet(Box<Asking>),
}

// === impl Marks ===

impl Marks {
    /// The batch without what was stored before; or what there is to ask first.
    pub(super) fn decide(&mut self, mut closed: Closed, doubt: Doubt) -> Decided {
        if !self.unknown(&closed.marked).is_empty() {
            let (waiting, backoff) = (Some((closed, doubt)), Backoff::new());
            return Decided::NotYet(Box::new(Asking { waiting, backoff }));
        }
        let mut dropped = BTreeSet::new();
        for marked in &closed.marked {
            let spill = marked.mark.id.to_string();
            let last = self.0.entry(spill.clone()).or_default();
            if last.is_some_and(|last| marked.mark.sequence <= last) {
                count_dropped(&mut closed.batch, marked);
                dropped.insert(marked.offset);
            } else {
                *last = Some(marked.mark.sequence);
                closed.batch.marks.insert(spill, marked.mark.sequence);
            }
        }
        if !dropped.is_empty() {
            let batch = &mut closed.batch;
            batch.events.retain(|(position, _)| !dropped.contains(&position.offset));
            batch.quarantined.retain(|it| !dropped.contains(&it.position.offset));
        }
        if self.0.len() > REMEMBERED {
            self.0.clear();
        }
        Decided::Yes(Box::new(Storing::new(closed.batch, doubt)))
    }

    /// Spills of which it is not known what the ledger has; not all of them, if they are many.
    fn unknown(&self, marked: &[Marked]) -> BTreeSet<String> {
        let mut unknown = BTreeSet::new();
        for marked in marked {
            let spill = marked.mark.id.to_string();
            if unknown.len() < ASKED_AT_ONCE && !self.0.contains_key(&spill) {
                unknown.insert(spill);
            }
        }
        unknown
    }
}

/// Takes what was counted of a record out of the buckets, and counts it as dropped.
fn count_dropped(batch: &mut Batch, marked: &Marked) {
    let Marked { events, expired, .. } = *marked;
    let set_aside = u64::from(events.is_none());
    for (bucket, count) in [(Bucket::Expired, expired), (Bucket::Quarantined, set_aside)] {
        if let Some(counted) = batch.buckets.get_mut(&bucket) {
            *counted = counted.saturating_sub(count);
        }
    }
    batch.buckets.retain(|_, counted| *counted > 0);
    *batch.buckets.entry(Bucket::Duplicate).or_default() += events.unwrap_or(1);
}

// === impl Asking ===

impl Asking {
    pub(super) fn task(
        &self,
        marks: &Marks,
        at: Moment,
        deadline: Duration,
    ) -> Result<Task, SinkError> {
        let (closed, _) = self.waiting.as_ref().ok_or(DECIDED)?;
        let range = &closed.batch.range;
        Ok(Task::AskMarks {
            log: range.log.clone(),
            before: range.first,
            spills: marks.unknown(&closed.marked).into_iter().collect(),
            deadline: at.elapsed + deadline,
        })
    }

    /// The ledger answered; the batch, if that is enough to decide about it.
    pub(super) fn known(
        &mut self,
        known: Result<BTreeMap<String, u64>, StoreError>,
        at: Moment,
        marks: &mut Marks,
        out: &mut Vec<Action>,
    ) -> Result<(Turn, Option<Decided>), SinkError> {
        match known {
            Ok(mut known) => {
                let (closed, doubt) = self.waiting.take().ok_or(DECIDED)?;
                for spill in marks.unknown(&closed.marked) {
                    let last = known.remove(&spill);
                    marks.0.insert(spill, last);
                }
                Ok((Turn::Go, Some(marks.decide(closed, doubt))))
            }
            Err(error) if error.is_transient() => {
                out.push(Action::Report(Report::AskFailed(error)));
                Ok((Turn::Rest(self.backoff.next(at)), None))
            }
            Err(error) => Err(SinkError::Store(error)),
        }
    }
}

const DECIDED: SinkError = SinkError::Defect("a batch was decided about twice");

#[cfg(test)]
mod tests {
    use candor_event::{Event, Timestamp};
    use candor_store::{Position, Range};
    use candor_transport::LogId;

    use super::*;

    fn record(offset: u64, spill: u8, sequence: u64) -> Marked {
        let mark = SpillMark { id: LogId::from_bytes([spill; 16]), sequence };
        Marked { offset, mark, events: Some(2), expired: 1 }
    }

    /// Two events in each record, of one of which a row is over.
    fn closed(marked: Vec<Marked>) -> Closed {
        let place = |it: &Marked| [0, 1].map(|index| Position { offset: it.offset, index });
        let events: Vec<_> =
            marked.iter().flat_map(place).map(|place| (place, Event::default())).collect();
        let range = Range { log: "a".to_owned(), partition: 0, first: 0, last: 9 };
        let batch = Batch {
            range,
            stored_at: Timestamp::default(),
            records: 0,
            buckets: [(Bucket::Expired, marked.len() as u64)].into(),
            events,
            quarantined: Vec::new(),
            marks: BTreeMap::new(),
        };
        Closed { batch, marked }
    }

    fn knows(spills: &[(u8, Option<u64>)]) -> Marks {
        let name = |spill: u8| LogId::from_bytes([spill; 16]).to_string();
        Marks(spills.iter().map(|(spill, last)| (name(*spill), *last)).collect())
    }

    fn stored(decided: Decided) -> Batch {
        match decided {
            Decided::Yes(storing) => storing.batch().clone(),
            Decided::NotYet(asking) => panic!("{asking:?}"),
        }
    }

    #[test]
    fn what_was_stored_before_is_dropped_and_counted_once() {
        let mut marks = knows(&[(1, Some(4)), (2, None)]);
        let records = vec![
            record(0, 1, 4),
            record(1, 1, 6),
            record(3, 2, 4),
            record(5, 1, 6),
            record(6, 1, 7),
        ];
        let batch = stored(marks.decide(closed(records), Doubt::default()));
        let kept: Vec<_> = batch.events.iter().map(|(place, _)| place.offset).collect();
        assert_eq!(kept, [1, 1, 3, 3, 6, 6]);
        assert_eq!(batch.buckets, [(Bucket::Duplicate, 4), (Bucket::Expired, 3)].into());
        assert!(batch.marks.values().eq(&[7, 4]), "{:?}", batch.marks);
        let batch = stored(marks.decide(closed(vec![record(7, 1, 7)]), Doubt::default()));
        assert_eq!(batch.buckets, [(Bucket::Duplicate, 2)].into());
        assert!(batch.marks.is_empty() && batch.events.is_empty());
    }

    #[test]
    fn nothing_is_decided_before_all_spills_are_known() {
        let mut marks = Marks::default();
        let records: Vec<_> = (0..=255).map(|spill| record(spill.into(), spill, 1)).collect();
        assert!(matches!(marks.decide(closed(records), Doubt::default()), Decided::NotYet(_)));
        assert!(matches!(marks.decide(closed(vec![]), Doubt::default()), Decided::Yes(_)));
    }
}
