//! A spilled event: `[length u32][spilled at, Unix seconds i64][event id 16][record]`, little-endian. Frames
//! concatenate, as batches do: the journal bundles them without knowing what they are.
//!
//! The id stands beside the record, so that draining finds the event's partition without reading what the
//! record means. The journal's checksums are over all of it.

use bytes::Bytes;
use candor_event::{EventId, Timestamp};

use crate::Outgoing;

/// A frame, as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) spilled_at: Timestamp,
    pub(super) id: EventId,
    pub(super) record: &'a [u8],
}

/// The frames in a record of the journal, in order. Bytes that are no frame end it.
#[derive(Clone, Debug)]
pub(super) struct Frames<'a> {
    rest: &'a [u8],
}

/// Puts the event into its frame.
pub(super) fn seal(event: Outgoing, now: Timestamp) -> Outgoing {
    let Outgoing { id, record } = event;
    let mut frame = Vec::with_capacity(record.len() + FRAME_BYTES);
    frame.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes());
    frame.extend_from_slice(&now.unix().to_le_bytes());
    frame.extend_from_slice(id.as_bytes());
    frame.extend_from_slice(&record);
    Outgoing { id, record: Bytes::from(frame) }
}

// === impl Frames ===

impl<'a> Frames<'a> {
    pub(super) const fn of(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    /// What is left, and could not be read when nothing more comes.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let (spilled_at, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (record, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Frame {
            spilled_at: Timestamp::from_unix(i64::from_le_bytes(*spilled_at)),
            id: EventId::from_bytes(*id),
            record,
        })
    }
}

/// What a frame adds to its record.
pub(super) const FRAME_BYTES: usize = 28;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_come_back_in_order(
            events in proptest::collection::vec(
                (any::<[u8; 16]>(), any::<i64>(), proptest::collection::vec(any::<u8>(), 0..50)),
                0..20,
            ),
        ) {
            let mut payload = Vec::new();
            for (id, at, record) in &events {
                let event = Outgoing { id: EventId::from_bytes(*id), record: record.clone().into() };
                payload.extend_from_slice(&seal(event, Timestamp::from_unix(*at)).record);
            }
            let mut frames = Frames::of(&payload);
            for (id, at, record) in &events {
                let frame = frames.next().unwrap();
                prop_assert_eq!(frame.id.as_bytes(), id);
                prop_assert_eq!(frame.spilled_at.unix(), *at);
                prop_assert_eq!(frame.record, &record[..]);
            }
            prop_assert!(frames.next().is_none() && frames.rest().is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut frames = Frames::of(&bytes);
            let read: usize = frames.by_ref().map(|frame| frame.record.len() + FRAME_BYTES).sum();
            prop_assert_eq!(read + frames.rest().len(), bytes.len());
        }
    }
}
