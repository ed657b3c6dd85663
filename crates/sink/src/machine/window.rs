//! Ids of events that were stored lately. A client that heard no answer tries again, and its first try may
//! be in the log all the same.
//!
//! What counts is what has a row of an offset from the window's first on, and then the order within the
//! range. The first offset is written into the intent, so that whoever settles the range decides as its
//! first owner did. What is here is a copy of the tables: to forget it costs a question.

use candor_event::Timestamp;
use candor_store::{Batch, Bucket, Ids, Recent, Since};

/// How long an id is remembered at least, seconds; unless more came than there is room for.
const REMEMBERED_S: i64 = 600;
/// How many ids a sink remembers, in each of the two generations: what a table of 2^20 places takes. With
/// what it replaces that is 36 MB.
const ROOM: usize = 917_504;

/// What is known of a partition: of two generations the younger grows, and the older goes as a whole.
#[derive(Debug)]
pub(super) struct Window {
    old: Generation,
    young: Generation,
}

#[derive(Debug)]
struct Generation {
    /// The first offset.
    first: u64,
    /// When the first and the last of its ranges were stored.
    since: Timestamp,
    until: Timestamp,
    ids: Ids,
}

/// How many ids a generation of one of so many partitions has room for.
pub(super) fn room_of(partitions: usize) -> usize {
    ROOM / partitions.max(1)
}

/// What is asked for a window that ends before what is stored at this time.
pub(super) fn since(stored_at: Timestamp, room: usize) -> Since {
    let at = Timestamp::from_unix(stored_at.unix().saturating_sub(REMEMBERED_S));
    Since::Time { at, most: room as u64 }
}

// === impl Window ===

impl Window {
    /// What the tables have before a range that is stored at this time.
    pub(super) fn new(recent: Recent, before: u64, stored_at: Timestamp) -> Self {
        let Recent { first, ids } = recent;
        Self {
            old: Generation { first, since: stored_at, until: stored_at, ids },
            young: Generation::begin(before, stored_at),
        }
    }

    /// The first offset that counts.
    pub(super) fn first(&self) -> u64 {
        self.old.first
    }

    /// Forgets what is too old for a range, or too much.
    pub(super) fn turn(&mut self, batch: &Batch, room: usize) {
        let now = batch.stored_at;
        if self.young.ids.len() >= room || seconds(self.young.since, now) >= REMEMBERED_S {
            let next = Generation::begin(batch.range.first, now);
            self.old = std::mem::replace(&mut self.young, next);
        }
        if self.old.ids.len() > 2 * room || seconds(self.old.until, now) > REMEMBERED_S {
            self.old = Generation::begin(self.young.first, now);
        }
    }

    /// Takes out of the batch what was stored before, and remembers what is left.
    pub(super) fn sift(&mut self, batch: &mut Batch) {
        let mut dropped = 0;
        let Self { old, young } = self;
        batch.events.retain(|event| {
            let is_new = !old.ids.contains(&event.id) && young.ids.insert(event.id);
            dropped += u64::from(!is_new);
            is_new
        });
        young.until = batch.stored_at;
        if dropped > 0 {
            *batch.buckets.entry(Bucket::Duplicate).or_default() += dropped;
        }
    }
}

impl Generation {
    fn begin(first: u64, at: Timestamp) -> Self {
        Self { first, since: at, until: at, ids: Ids::default() }
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.unix().saturating_sub(from.unix())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use candor_store::{Kept, KeptGrants, Position, Range};

    use super::*;

    /// A range of these ids, one offset each, that is stored at this time.
    fn batch(first: u64, stored_at: i64, ids: &[u8]) -> Batch {
        let event = |(offset, id): (u64, &u8)| Kept {
            position: Position { offset, index: 0 },
            id: u128::from_be_bytes([*id; 16]),
            grants: KeptGrants::new(),
            message: Bytes::new(),
        };
        let last = first + ids.len() as u64 - 1;
        Batch {
            range: Range { log: "a".to_owned(), partition: 0, first, last },
            stored_at: Timestamp::from_unix(stored_at),
            records: 0,
            events: (first..).zip(ids).map(event).collect(),
            buckets: BTreeMap::new(),
            quarantined: Vec::new(),
            marks: BTreeMap::new(),
            held: 0,
        }
    }

    fn window(first: u64, before: u64, ids: &[u8]) -> Window {
        let recent =
            Recent { first, ids: ids.iter().map(|id| u128::from_be_bytes([*id; 16])).collect() };
        Window::new(recent, before, Timestamp::from_unix(0))
    }

    /// Which of them are stored.
    fn stored(window: &mut Window, mut batch: Batch, room: usize) -> Vec<u8> {
        let all = batch.events.len() as u64;
        window.turn(&batch, room);
        window.sift(&mut batch);
        let dropped = batch.buckets.get(&Bucket::Duplicate).copied().unwrap_or_default();
        assert_eq!(dropped + batch.events.len() as u64, all, "each is stored or counted");
        batch.events.iter().map(|event| event.id.to_be_bytes()[0]).collect()
    }

    #[test]
    fn an_id_is_stored_once() {
        let mut window = window(3, 9, &[1]);
        assert_eq!(stored(&mut window, batch(9, 0, &[1, 2, 2, 3]), 100), [2, 3]);
        assert_eq!(stored(&mut window, batch(13, 1, &[3, 4]), 100), [4]);
        assert_eq!(window.first(), 3);
    }

    #[test]
    fn an_id_is_known_for_ten_minutes_and_not_for_ever() {
        let mut window = window(0, 0, &[]);
        for (first, at) in (0..).zip((0..7_200).step_by(60)) {
            stored(&mut window, batch(first, at, &[u8::try_from(first).unwrap()]), 100);
            let known = first - window.first() + 1;
            assert!((11.min(first + 1)..=21).contains(&known), "{known} at {at}");
        }
        let (old, young) = (119, 120);
        assert_eq!(stored(&mut window, batch(120, 7_200, &[old, young]), 100), [young]);
        assert_eq!(stored(&mut window, batch(122, 7_800, &[young]), 100), [] as [u8; 0]);
        assert_eq!(stored(&mut window, batch(123, 9_003, &[young]), 100), [young], "a long rest");
        assert_eq!(window.first(), 123);
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut window = window(0, 0, &[]);
        for first in 0..200 {
            stored(&mut window, batch(first, 0, &[u8::try_from(first).unwrap()]), 5);
            assert!(window.old.ids.len() <= 5 && window.young.ids.len() <= 5);
        }
        assert_eq!(window.first(), 190);
        stored(&mut window, batch(200, 0, &[200]), 1);
        assert!(window.old.ids.len() <= 5, "more partitions, less room");
        stored(&mut window, batch(201, 0, &[201]), 1);
        assert!(window.old.ids.len() <= 2, "{window:?}");
    }

    #[test]
    fn a_clock_that_goes_back_forgets_nothing_early() {
        let mut window = window(0, 0, &[]);
        stored(&mut window, batch(0, 100_000, &[1]), 100);
        assert_eq!(stored(&mut window, batch(1, 10, &[1, 2]), 100), [2]);
        assert_eq!(stored(&mut window, batch(3, 700, &[1, 2]), 100), [] as [u8; 0]);
    }
}
