//! Records that came by a spill, and may have been stored before: a drain that breaks off sends again what
//! the log has already.
//!
//! What counts is what the ledger has of the ranges before, and then the order within the range. Both are
//! the same for everybody who settles the range, whenever that is; a range's own row in the ledger says
//! nothing about it. What is remembered here are answers of the ledger, and what was added to it since: to
//! forget them costs a question, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use candor_store::{Batch, Bucket};
use candor_transport::SpillMark;

use super::before::Closed;

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

/// What is known of the spills of a partition that is ours: the last sequence in the ledger, or that there
/// is none.
#[derive(Debug, Default)]
pub(super) struct Marks(BTreeMap<String, Option<u64>>);

// === impl Marks ===

impl Marks {
    /// Takes out of the batch what was stored before. All its spills must be known.
    pub(super) fn sift(&mut self, closed: &mut Closed) {
        let Closed { batch, marked } = closed;
        let mut dropped = BTreeSet::new();
        for marked in &*marked {
            let spill = marked.mark.id.to_string();
            let last = self.0.entry(spill.clone()).or_default();
            if last.is_some_and(|last| marked.mark.sequence <= last) {
                count_dropped(batch, marked);
                dropped.insert(marked.offset);
            } else {
                *last = Some(marked.mark.sequence);
                batch.marks.insert(spill, marked.mark.sequence);
            }
        }
        if !dropped.is_empty() {
            batch.events.retain(|event| !dropped.contains(&event.position.offset));
            batch.quarantined.retain(|it| !dropped.contains(&it.position.offset));
        }
        if self.0.len() > REMEMBERED {
            self.0.clear();
        }
    }

    /// The ledger answered what was [unknown](Self::unknown).
    pub(super) fn learn(&mut self, mut known: BTreeMap<String, u64>, marked: &[Marked]) {
        for spill in self.unknown(marked) {
            let last = known.remove(&spill);
            self.0.insert(spill, last);
        }
    }

    /// Spills of which it is not known what the ledger has; not all of them, if they are many.
    pub(super) fn unknown(&self, marked: &[Marked]) -> BTreeSet<String> {
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use candor_event::Timestamp;
    use candor_store::{Kept, KeptGrants, Position, Range};
    use candor_transport::LogId;

    use super::*;

    fn record(offset: u64, spill: u8, sequence: u64) -> Marked {
        let mark = SpillMark { id: LogId::from_bytes([spill; 16]), sequence };
        Marked { offset, mark, events: Some(2), expired: 1 }
    }

    /// Two events in each record, of one of which a row is over.
    fn closed(marked: Vec<Marked>) -> Closed {
        let kept = |it: &Marked| {
            [0, 1].map(|index| Kept {
                position: Position { offset: it.offset, index },
                id: 0,
                grants: KeptGrants::new(),
                message: Bytes::new(),
            })
        };
        let events = marked.iter().flat_map(kept).collect();
        let range = Range { log: "a".to_owned(), partition: 0, first: 0, last: 9 };
        let batch = Batch {
            range,
            stored_at: Timestamp::default(),
            records: 0,
            buckets: [(Bucket::Expired, marked.len() as u64)].into(),
            events,
            quarantined: Vec::new(),
            marks: BTreeMap::new(),
            held: 0,
        };
        Closed { batch, marked }
    }

    fn knows(spills: &[(u8, Option<u64>)]) -> Marks {
        let name = |spill: u8| LogId::from_bytes([spill; 16]).to_string();
        Marks(spills.iter().map(|(spill, last)| (name(*spill), *last)).collect())
    }

    fn sifted(marks: &mut Marks, records: Vec<Marked>) -> Batch {
        let mut closed = closed(records);
        marks.sift(&mut closed);
        closed.batch
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
        let batch = sifted(&mut marks, records);
        let kept: Vec<_> = batch.events.iter().map(|event| event.position.offset).collect();
        assert_eq!(kept, [1, 1, 3, 3, 6, 6]);
        assert_eq!(batch.buckets, [(Bucket::Duplicate, 4), (Bucket::Expired, 3)].into());
        assert!(batch.marks.values().eq(&[7, 4]), "{:?}", batch.marks);
        let batch = sifted(&mut marks, vec![record(7, 1, 7)]);
        assert_eq!(batch.buckets, [(Bucket::Duplicate, 2)].into());
        assert!(batch.marks.is_empty() && batch.events.is_empty());
    }
}
