//! Spilled frames and notes as nobody writes them. What is read is written again as it was.

use candor_event::{EventId, Timestamp};
use candor_hostile::attack;

use super::frame::{FRAME_BYTES, Frames, seal};
use super::intent::Intent;
use crate::{LogId, Outgoing};

fn framed(record: &[u8]) -> Vec<u8> {
    let event = Outgoing { id: EventId::from_bytes([5; 16]), record: record.to_vec().into() };
    seal(event, Timestamp::from_unix(1_790_000_000)).record.to_vec()
}

#[test]
fn hostile_frames() {
    let one = framed(b"a record");
    let three = [&one[..], &framed(b""), &framed(b"another")].concat();
    let (mut whole, mut torn) = (0_u64, 0_u64);
    attack("spill-frames", &[&one, &three], &[], |bytes| {
        let mut frames = Frames::of(bytes);
        let mut again = Vec::new();
        for frame in frames.by_ref() {
            assert!(frame.record.len() + FRAME_BYTES <= bytes.len());
            let event = Outgoing { id: frame.id, record: frame.record.to_vec().into() };
            again.extend_from_slice(&seal(event, frame.spilled_at).record);
        }
        again.extend_from_slice(frames.rest());
        assert_eq!(again, bytes);
        if frames.rest().is_empty() { whole += 1 } else { torn += 1 }
    });
    assert!(whole > 0 && torn > 0, "{whole} whole, {torn} torn");
}

#[test]
fn hostile_notes_of_a_spill() {
    let log = LogId::from_bytes([0xa0; 16]);
    let note = Intent { log, is_dealt_anew: false, partitions: 6, end: 77 }.to_note();
    let (mut known, mut refused) = (0_u64, 0_u64);
    attack("spill-note", &[note.as_bytes(), b""], &["spill-2", "spill-3", " ", "+7"], |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return };
        match Intent::parse(text) {
            Ok(Some(intent)) => {
                known += 1;
                assert_eq!(Intent::parse(&intent.to_note()), Ok(Some(intent)));
            }
            Ok(None) => assert!(text.is_empty()),
            Err(_) => refused += 1,
        }
    });
    assert!(known > 0 && refused > 0, "{known} known, {refused} refused");
}
