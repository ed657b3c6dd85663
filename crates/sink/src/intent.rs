//! The note in the cursor's metadata: a range that is being inserted.

use serde::{Deserialize, Serialize};

use crate::error::SinkError;

/// What whoever reads the cursor must settle first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Intent {
    /// The version of this note.
    v: u32,
    /// The last offset of the range; the cursor's offset is its first.
    pub(crate) end: u64,
    /// How many repairs were begun.
    pub(crate) repair: u32,
    /// How long an insert of it may be under way after the intent was written, seconds.
    pub(crate) deadline_s: u64,
}

const VERSION: u32 = 1;

impl Intent {
    pub(crate) fn new(end: u64, repair: u32, deadline_s: u64) -> Self {
        Self { v: VERSION, end, repair, deadline_s }
    }

    /// The note as text; at most 100 bytes.
    pub(crate) fn encode(self) -> String {
        let Self { v, end, repair, deadline_s } = self;
        format!(r#"{{"v":{v},"end":{end},"repair":{repair},"deadline_s":{deadline_s}}}"#)
    }

    /// Reads a note; no text is no intent.
    ///
    /// # Errors
    /// [`SinkError::IntentUnknown`]: never guess.
    pub(crate) fn decode(metadata: &str) -> Result<Option<Self>, SinkError> {
        if metadata.is_empty() {
            return Ok(None);
        }
        let intent: Self = serde_json::from_str(metadata).map_err(|_| SinkError::IntentUnknown)?;
        if intent.v == VERSION { Ok(Some(intent)) } else { Err(SinkError::IntentUnknown) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_and_fits() {
        let intent = Intent::new(u64::MAX, u32::MAX, u64::MAX);
        let text = intent.encode();
        assert!(text.len() <= 100, "{text}");
        assert_eq!(Intent::decode(&text).unwrap(), Some(intent));
        assert_eq!(Intent::decode("").unwrap(), None);
    }

    #[test]
    fn another_version_is_never_guessed() {
        for text in [r#"{"v":2,"end":1,"repair":0,"deadline_s":0}"#, r#"{"end":1}"#, "x"] {
            assert!(matches!(Intent::decode(text), Err(SinkError::IntentUnknown)), "{text}");
        }
    }
}
