//! The note in the cursor's metadata: a range that is being inserted, or a partition that is being begun.

use candor_event::Timestamp;
use serde::Deserialize;

use crate::error::SinkError;

/// What a cursor says to whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// Whether anything was ever stored of the partition is being asked.
    Begin,
    /// Nothing is under way.
    Nothing,
    /// A range is to be settled first.
    Settle(Intent),
}

/// A range that is being inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intent {
    /// The last offset of the range; the cursor's offset is its first.
    pub(super) end: u64,
    /// The last of the tokens `/replay-n` that may have been used; 0 for none but the first try's.
    pub(super) repair: u32,
    /// How long an insert of it may be under way after the intent was written, seconds.
    pub(super) deadline_s: u64,
    /// When its rows are stored. Whoever settles it decides by the same time what is over already. None in
    /// notes of the first version.
    pub(super) stored_at: Option<Timestamp>,
}

/// An intent as it is written. Fields of one version are not guessed in another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u32,
    end: u64,
    repair: u32,
    deadline_s: u64,
    stored_at: Option<i64>,
}

/// The version that is written. The first had no `stored_at`; it is still read.
const VERSION: u32 = 2;
const WITHOUT_TIME: u32 = 1;
const BEGIN: &str = r#"{"v":2,"begin":true}"#;

impl Note {
    /// The note as text; at most 150 bytes.
    pub(super) fn encode(self) -> String {
        match self {
            Self::Begin => BEGIN.to_owned(),
            Self::Nothing => String::new(),
            Self::Settle(intent) => intent.encode(),
        }
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`SinkError::IntentUnknown`]: never guess.
    pub(super) fn decode(metadata: &str) -> Result<Self, SinkError> {
        match metadata {
            "" => Ok(Self::Nothing),
            BEGIN => Ok(Self::Begin),
            text => Intent::decode(text).map(Self::Settle),
        }
    }
}

impl Intent {
    fn encode(self) -> String {
        let Self { end, repair, deadline_s, stored_at } = self;
        let (v, stored_at) = stored_at.map_or((WITHOUT_TIME, String::new()), |at| {
            (VERSION, format!(r#","stored_at":{}"#, at.unix()))
        });
        format!(r#"{{"v":{v},"end":{end},"repair":{repair},"deadline_s":{deadline_s}{stored_at}}}"#)
    }

    fn decode(text: &str) -> Result<Self, SinkError> {
        let written: Written = serde_json::from_str(text).map_err(|_| SinkError::IntentUnknown)?;
        let Written { v, end, repair, deadline_s, stored_at } = written;
        match (v, stored_at) {
            (WITHOUT_TIME, None) | (VERSION, Some(_)) => {
                let stored_at = stored_at.map(Timestamp::from_unix);
                Ok(Self { end, repair, deadline_s, stored_at })
            }
            _ => Err(SinkError::IntentUnknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_and_fits() {
        for stored_at in [None, Some(Timestamp::from_unix(i64::MIN))] {
            let intent =
                Intent { end: u64::MAX, repair: u32::MAX, deadline_s: u64::MAX, stored_at };
            let text = Note::Settle(intent).encode();
            assert!(text.len() <= 150, "{text}");
            assert_eq!(Note::decode(&text).unwrap(), Note::Settle(intent));
        }
        for note in [Note::Begin, Note::Nothing] {
            assert_eq!(Note::decode(&note.encode()).unwrap(), note);
        }
    }

    #[test]
    fn a_note_of_the_first_version_is_still_read() {
        let note = Note::decode(r#"{"v":1,"end":9,"repair":1,"deadline_s":30}"#).unwrap();
        let intent = Intent { end: 9, repair: 1, deadline_s: 30, stored_at: None };
        assert_eq!(note, Note::Settle(intent));
    }

    #[test]
    fn another_version_is_never_guessed() {
        for text in [
            r#"{"v":3,"end":1,"repair":0,"deadline_s":0,"stored_at":0}"#,
            r#"{"v":2,"end":1,"repair":0,"deadline_s":0}"#,
            r#"{"v":1,"end":1,"repair":0,"deadline_s":0,"stored_at":0}"#,
            r#"{"v":2,"end":1,"repair":0,"deadline_s":0,"stored_at":0,"more":0}"#,
            r#"{"v":3,"begin":true}"#,
            r#"{"end":1}"#,
            "x",
        ] {
            assert!(matches!(Note::decode(text), Err(SinkError::IntentUnknown)), "{text}");
        }
    }
}
