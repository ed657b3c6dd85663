//! What is about to be sent, written down before: the note in the cursor of the spill.
//!
//! A sequence must mean the same events whenever it is sent, for the second is dropped unseen. Which events
//! share one follows from where the batch begins and ends, and from how many partitions they are dealt to;
//! so these are written down. Whoever finds a note sends exactly that batch again.

use crate::LogId;

/// The batch that begins at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intent {
    /// Where it is sent to. In another log nothing of it can be.
    pub(super) log: LogId,
    /// How many partitions it is dealt to.
    pub(super) partitions: u32,
    /// The number after its last record.
    pub(super) end: u64,
}

/// A note of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnknownIntent;

// === impl Intent ===

impl Intent {
    /// The note.
    pub(super) fn to_note(self) -> String {
        let Self { log, partitions, end } = self;
        format!("{VERSION} {log} {partitions} {end}")
    }

    /// What a note says; an empty one says that nothing is on its way.
    pub(super) fn parse(note: &str) -> Result<Option<Self>, UnknownIntent> {
        if note.is_empty() {
            return Ok(None);
        }
        let mut words = note.split(' ');
        let intent = words.next().filter(|version| *version == VERSION).and_then(|_| {
            Some(Self {
                log: parse_log(words.next()?)?,
                partitions: words.next()?.parse().ok().filter(|count| *count > 0)?,
                end: words.next()?.parse().ok()?,
            })
        });
        match (intent, words.next()) {
            (Some(intent), None) => Ok(Some(intent)),
            _ => Err(UnknownIntent),
        }
    }
}

fn parse_log(hex: &str) -> Option<LogId> {
    let number = u128::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 32)?;
    Some(LogId::from_bytes(number.to_be_bytes()))
}

/// Raised when batches are dealt in another way.
const VERSION: &str = "spill-1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_and_others_are_refused() {
        let intent = Intent { log: LogId::from_bytes([0xa0; 16]), partitions: 6, end: u64::MAX };
        assert_eq!(Intent::parse(&intent.to_note()), Ok(Some(intent)));
        assert!(intent.to_note().len() <= crate::Cursor::METADATA_BYTES_MAX);
        assert_eq!(Intent::parse(""), Ok(None));
        let note = intent.to_note();
        for bad in [
            note.replace("spill-1", "spill-2"),
            note.replace(" 6 ", " 0 "),
            note.replace("a0a0 ", "a0 "),
            format!("{note} 1"),
            "spill-1".to_owned(),
            "?".to_owned(),
        ] {
            assert_eq!(Intent::parse(&bad), Err(UnknownIntent), "{bad}");
        }
    }
}
