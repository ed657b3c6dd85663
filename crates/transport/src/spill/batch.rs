//! Records of the spill into records of the log: each event to the partition of its id, with the number of
//! the last record of the spill that it was filled from as its sequence. No I/O.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use candor_event::Timestamp;

use super::frame::{Frame, Frames};
use crate::kafka::{RECORD_BYTES_MAX, RECORD_EVENTS_MAX, partition_of};

/// A record of the spill.
#[derive(Clone, Debug)]
pub(super) struct Spilled {
    pub(super) number: u64,
    pub(super) payload: Bytes,
}

/// A record for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dealt {
    pub(super) sequence: u64,
    pub(super) record: Bytes,
    pub(super) events: usize,
}

/// The records of each partition, in order.
pub(super) type Hands = BTreeMap<u32, VecDeque<Dealt>>;

/// One that is being filled.
#[derive(Debug, Default)]
struct Open {
    sequence: u64,
    record: Vec<u8>,
    events: usize,
}

// === impl Spilled ===

impl Spilled {
    /// When its last event was spilled.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        Frames::of(&self.payload).map(|frame| frame.spilled_at).max()
    }

    /// When its first event was spilled.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        Frames::of(&self.payload).map(|frame| frame.spilled_at).min()
    }

    pub(super) fn events(&self) -> usize {
        Frames::of(&self.payload).count()
    }

    /// Whether all of it can be read.
    pub(super) fn is_whole(&self) -> bool {
        let mut frames = Frames::of(&self.payload);
        frames.by_ref().count() > 0 && frames.rest().is_empty()
    }
}

/// Deals the events of a batch to so many partitions. The same batch and number give the same records, in
/// every version with the same [`super::intent`].
pub(super) fn deal(batch: &[Spilled], partitions: u32) -> Hands {
    let mut hands = Hands::new();
    let mut open = BTreeMap::<u32, Open>::new();
    for spilled in batch {
        let mut shares = BTreeMap::<u32, Vec<Frame<'_>>>::new();
        for frame in Frames::of(&spilled.payload) {
            shares.entry(partition_of(frame.id, partitions)).or_default().push(frame);
        }
        for (partition, share) in shares {
            let open = open.entry(partition).or_default();
            let bytes: usize = share.iter().map(|frame| frame.record.len()).sum();
            let full = open.events + share.len() > RECORD_EVENTS_MAX
                || open.record.len() + bytes > RECORD_BYTES_MAX;
            if full {
                hands.entry(partition).or_default().extend(std::mem::take(open).close());
            }
            open.sequence = spilled.number;
            open.events += share.len();
            for frame in share {
                open.record.extend_from_slice(frame.record);
            }
        }
    }
    for (partition, open) in open {
        hands.entry(partition).or_default().extend(open.close());
    }
    hands
}

// === impl Open ===

impl Open {
    /// None: there is nothing in it.
    fn close(self) -> Option<Dealt> {
        let Self { sequence, record, events } = self;
        (events > 0).then(|| Dealt { sequence, record: record.into(), events })
    }
}

#[cfg(test)]
mod tests {
    use candor_event::EventId;
    use proptest::prelude::*;

    use super::super::frame::seal;
    use super::*;
    use crate::Outgoing;

    fn spilled(number: u64, events: &[(u8, usize)]) -> Spilled {
        let mut payload = Vec::new();
        for (head, bytes) in events {
            let mut id = [0; 16];
            id[7] = *head;
            let event =
                Outgoing { id: EventId::from_bytes(id), record: vec![*head; *bytes].into() };
            payload
                .extend_from_slice(&seal(event, Timestamp::from_unix(number.cast_signed())).record);
        }
        Spilled { number, payload: payload.into() }
    }

    fn sequences(hands: &Hands, partition: u32) -> Vec<(u64, usize)> {
        let hand = hands.get(&partition);
        hand.into_iter().flatten().map(|dealt| (dealt.sequence, dealt.events)).collect()
    }

    #[test]
    fn each_event_goes_to_the_partition_of_its_id_under_the_last_number() {
        let batch = [
            spilled(3, &[(0, 5), (1, 5), (2, 5)]),
            spilled(4, &[(1, 5)]),
            spilled(9, &[(3, 5), (1, 5)]),
        ];
        let hands = deal(&batch, 3);
        assert_eq!(sequences(&hands, 0), [(9, 2)]);
        assert_eq!(sequences(&hands, 1), [(9, 3)]);
        assert_eq!(sequences(&hands, 2), [(3, 1)], "the last that it was filled from");
        assert_eq!(&hands[&0][0].record[..], [0, 0, 0, 0, 0, 3, 3, 3, 3, 3], "in order");
    }

    #[test]
    fn a_record_ends_before_it_is_too_large_and_a_sequence_is_never_cut() {
        let half = RECORD_BYTES_MAX / 2;
        let batch = [
            spilled(1, &[(0, half)]),
            spilled(2, &[(0, half)]),
            spilled(3, &[(0, 1)]),
            spilled(4, &[(0, 1); RECORD_EVENTS_MAX]),
        ];
        let hands = deal(&batch, 1);
        assert_eq!(sequences(&hands, 0), [(2, 2), (3, 1), (4, RECORD_EVENTS_MAX)]);
    }

    #[test]
    fn times_and_soundness_are_read() {
        let mut record = spilled(5, &[(0, 5), (1, 5)]);
        assert_eq!(record.newest(), Some(Timestamp::from_unix(5)));
        assert_eq!((record.events(), record.is_whole()), (2, true));
        record.payload = record.payload.slice(..record.payload.len() - 1);
        assert_eq!((record.events(), record.is_whole()), (1, false));
        assert!(!Spilled { number: 0, payload: Bytes::new() }.is_whole());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_doubled_or_out_of_order(
            batch in proptest::collection::vec(
                proptest::collection::vec((any::<u8>(), 0..120_000_usize), 1..5),
                1..20,
            ),
            partitions in 1..9_u32,
        ) {
            let batch: Vec<_> = batch
                .iter()
                .enumerate()
                .map(|(number, events)| spilled(number as u64, events))
                .collect();
            let hands = deal(&batch, partitions);
            prop_assert_eq!(&hands, &deal(&batch, partitions));
            let mut events = 0;
            for (partition, hand) in &hands {
                let sequences: Vec<_> = hand.iter().map(|dealt| dealt.sequence).collect();
                prop_assert!(sequences.is_sorted_by(|a, b| a < b), "{:?}", sequences);
                let bytes: Vec<u8> = hand.iter().flat_map(|dealt| dealt.record.to_vec()).collect();
                let frames = batch.iter().flat_map(|it| Frames::of(&it.payload));
                let own = frames.filter(|frame| partition_of(frame.id, partitions) == *partition);
                let want: Vec<u8> = own.flat_map(|frame| frame.record.to_vec()).collect();
                prop_assert!(bytes == want, "partition {}", partition);
                prop_assert!(hand.iter().all(|dealt| dealt.record.len() <= RECORD_BYTES_MAX));
                events += hand.iter().map(|dealt| dealt.events).sum::<usize>();
            }
            prop_assert_eq!(events, batch.iter().map(Spilled::events).sum::<usize>());
        }
    }
}
