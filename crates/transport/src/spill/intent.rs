//! What is about to be sent, written down before: the note in the cursor of the spill.
//!
//! A sequence must mean the same events whenever it is sent, for the second is dropped unseen. Which events
//! share one follows from where the batch begins and ends, and from how many partitions they are dealt to;
//! so these are written down. Whoever finds a note sends exactly that batch again.

use crate::LogId;

/// The batch that begins at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intent {
    /// Where it is sent to.
    pub(super) log: LogId,
    /// Whether it was to be sent to another log before, which was made anew: clients know a topic by its name,
    /// so that records of the other dealing may lie in this one.
    pub(super) is_dealt_anew: bool,
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
    /// What marks of its records say of the spill. One sequence means the same events for ever, so what is dealt
    /// anew does not come by the same name.
    pub(super) fn name(self, spill: LogId) -> LogId {
        if !self.is_dealt_anew {
            return spill;
        }
        let (spill, log) = (spill.as_bytes(), self.log.as_bytes());
        LogId::from_bytes(std::array::from_fn(|at| {
            spill.get(at).copied().unwrap_or_default() ^ log.get(at).copied().unwrap_or_default()
        }))
    }

    /// The note.
    pub(super) fn to_note(self) -> String {
        let Self { log, is_dealt_anew, partitions, end } = self;
        let version = if is_dealt_anew { DEALT_ANEW } else { VERSION };
        format!("{version} {log} {partitions} {end}")
    }

    /// What a note says; an empty one says that nothing is on its way.
    pub(super) fn parse(note: &str) -> Result<Option<Self>, UnknownIntent> {
        if note.is_empty() {
            return Ok(None);
        }
        let mut words = note.split(' ');
        let version = words.next().filter(|version| [VERSION, DEALT_ANEW].contains(version));
        let intent = version.and_then(|version| {
            Some(Self {
                log: parse_log(words.next()?)?,
                is_dealt_anew: version == DEALT_ANEW,
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
/// The same of a batch that is dealt anew.
const DEALT_ANEW: &str = "spill-2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_and_others_are_refused() {
        let log = LogId::from_bytes([0xa0; 16]);
        let intent = Intent { log, is_dealt_anew: false, partitions: 6, end: u64::MAX };
        for intent in [intent, Intent { is_dealt_anew: true, ..intent }] {
            assert_eq!(Intent::parse(&intent.to_note()), Ok(Some(intent)));
        }
        assert!(intent.to_note().len() <= crate::Cursor::METADATA_BYTES_MAX);
        assert_eq!(Intent::parse(""), Ok(None));
        let note = intent.to_note();
        for bad in [
            note.replace("spill-1", "spill-3"),
            note.replace(" 6 ", " 0 "),
            note.replace("a0a0 ", "a0 "),
            format!("{note} 1"),
            "spill-1".to_owned(),
            "?".to_owned(),
        ] {
            assert_eq!(Intent::parse(&bad), Err(UnknownIntent), "{bad}");
        }
    }

    #[test]
    fn what_is_dealt_anew_comes_by_another_name_for_each_log() {
        let id = |byte| LogId::from_bytes([byte; 16]);
        let name = |log, is_dealt_anew| {
            Intent { log: id(log), is_dealt_anew, partitions: 6, end: 7 }.name(id(1))
        };
        assert_eq!([name(2, false), name(3, false)], [id(1); 2]);
        let names = [name(2, true), name(3, true), id(1)];
        assert!(names[0] != names[1] && !names[..2].contains(&names[2]), "{names:?}");
        assert_eq!(name(2, true), names[0], "after a crash, too");
    }
}
