//! The note in the cursor's metadata: a range that is being inserted, or a partition that is being begun.

use std::collections::BTreeMap;
use std::fmt::Write;

use candor_event::{Purpose, Timestamp};
use candor_store::{Position, Refusal, Refused};
use candor_transport::Cursor;
use serde::Deserialize;

use crate::error::SinkError;

/// What a cursor says to whoever reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// Whether anything was ever stored of the partition is being asked.
    Begin,
    /// Nothing is under way.
    Nothing,
    /// A range is to be settled first.
    Settle(Intent),
}

/// A range that is being inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Rows that ClickHouse refuses and that are set aside instead.
    pub(super) skip: Vec<Refused>,
    /// Purposes of which rows were refused, so that they are inserted in slices.
    pub(super) sift: Vec<Purpose>,
    /// From which offset on ids of events were looked at. None in notes before the third version: they
    /// were not.
    pub(super) ids_from: Option<u64>,
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
    /// By purpose: offset, index, and the code of the refusal.
    #[serde(default)]
    skip: BTreeMap<String, Vec<(u64, u32, u8)>>,
    #[serde(default)]
    sift: Vec<String>,
    ids_from: Option<u64>,
}

/// The version that is written. The first had no `stored_at` and what follows it, the second no `ids_from`;
/// they are still read, and written as they were.
const VERSION: u32 = 3;
const WITHOUT_IDS: u32 = 2;
const WITHOUT_TIME: u32 = 1;
const BEGIN: &str = r#"{"v":2,"begin":true}"#;

impl Note {
    /// The note as text; at most 180 bytes, and what is skipped.
    pub(super) fn encode(&self) -> String {
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

/// The first offset of which nothing is being stored, as a partition's cursor has it.
///
/// # Errors
/// [`SinkError::IntentUnknown`].
pub fn under_way(cursor: &Cursor) -> Result<u64, SinkError> {
    match Note::decode(&cursor.metadata)? {
        Note::Settle(intent) => Ok(intent.end.saturating_add(1).max(cursor.offset)),
        Note::Begin | Note::Nothing => Ok(cursor.offset),
    }
}

impl Intent {
    fn encode(&self) -> String {
        let Self { end, repair, deadline_s, stored_at, skip, sift, ids_from } = self;
        let v = match (stored_at, ids_from) {
            (None, _) => WITHOUT_TIME,
            (Some(_), None) => WITHOUT_IDS,
            (Some(_), Some(_)) => VERSION,
        };
        let number = |key: &str, value: Option<i128>| {
            value.map_or_else(String::new, |value| format!(r#","{key}":{value}"#))
        };
        let stored_at = number("stored_at", stored_at.map(|at| at.unix().into()));
        let ids_from = number("ids_from", ids_from.map(Into::into));
        let more = [stored_at, ids_from, skip_as_text(skip), sift_as_text(sift)].concat();
        format!(r#"{{"v":{v},"end":{end},"repair":{repair},"deadline_s":{deadline_s}{more}}}"#)
    }

    fn decode(text: &str) -> Result<Self, SinkError> {
        let written: Written = serde_json::from_str(text).map_err(|_| SinkError::IntentUnknown)?;
        let Written { v, end, repair, deadline_s, stored_at, skip, sift, ids_from } = written;
        match (v, stored_at, ids_from) {
            (WITHOUT_TIME, None, None) if skip.is_empty() && sift.is_empty() => {}
            (WITHOUT_IDS, Some(_), None) | (VERSION, Some(_), Some(_)) => {}
            _ => return Err(SinkError::IntentUnknown),
        }
        let stored_at = stored_at.map(Timestamp::from_unix);
        let purposes = sift.iter().map(|name| Purpose::parse(name));
        let sift = purposes.collect::<Result<_, _>>().map_err(|_| SinkError::IntentUnknown)?;
        Ok(Self { end, repair, deadline_s, stored_at, skip: skip_of(skip)?, sift, ids_from })
    }
}

/// Nothing when nothing is skipped. Names of purposes need no escaping.
fn skip_as_text(skip: &[Refused]) -> String {
    let mut purposes: BTreeMap<&str, String> = BTreeMap::new();
    for Refused { purpose, position: Position { offset, index }, refusal } in skip {
        let rows = purposes.entry(purpose.as_str()).or_default();
        let comma = if rows.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        write!(rows, "{comma}[{offset},{index},{}]", code_of(*refusal)).ok();
    }
    let rows: Vec<_> =
        purposes.into_iter().map(|(purpose, rows)| format!(r#""{purpose}":[{rows}]"#)).collect();
    if rows.is_empty() { String::new() } else { format!(r#","skip":{{{}}}"#, rows.join(",")) }
}

fn sift_as_text(sift: &[Purpose]) -> String {
    let names: Vec<_> = sift.iter().map(|purpose| format!(r#""{purpose}""#)).collect();
    if names.is_empty() { String::new() } else { format!(r#","sift":[{}]"#, names.join(",")) }
}

fn skip_of(skip: BTreeMap<String, Vec<(u64, u32, u8)>>) -> Result<Vec<Refused>, SinkError> {
    let mut refused = Vec::new();
    for (purpose, rows) in skip {
        let purpose = Purpose::parse(&purpose).map_err(|_| SinkError::IntentUnknown)?;
        for (offset, index, code) in rows {
            let refusal = refusal_of(code).ok_or(SinkError::IntentUnknown)?;
            let position = Position { offset, index };
            refused.push(Refused { purpose: purpose.clone(), position, refusal });
        }
    }
    Ok(refused)
}

const fn code_of(refusal: Refusal) -> u8 {
    match refusal {
        Refusal::Constraint => 1,
        Refusal::Unreadable => 2,
    }
}

const fn refusal_of(code: u8) -> Option<Refusal> {
    match code {
        1 => Some(Refusal::Constraint),
        2 => Some(Refusal::Unreadable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_and_fits() {
        let time = Some(Timestamp::from_unix(i64::MIN));
        for (stored_at, ids_from) in [(None, None), (time, None), (time, Some(u64::MAX))] {
            let (end, repair, deadline_s) = (u64::MAX, u32::MAX, u64::MAX);
            let note = Note::Settle(Intent {
                end,
                repair,
                deadline_s,
                stored_at,
                skip: vec![],
                sift: vec![],
                ids_from,
            });
            let text = note.encode();
            assert!(text.len() <= 180, "{text}");
            assert_eq!(Note::decode(&text).unwrap(), note);
        }
        for note in [Note::Begin, Note::Nothing] {
            assert_eq!(Note::decode(&note.encode()).unwrap(), note);
        }
    }

    #[test]
    fn what_is_skipped_reads_back() {
        let refused = |purpose, offset, refusal| Refused {
            purpose: Purpose::parse(purpose).unwrap(),
            position: Position { offset, index: 3 },
            refusal,
        };
        let skip = vec![
            refused("marketing", 7, Refusal::Unreadable),
            refused("statistics", 5, Refusal::Constraint),
            refused("statistics", 9, Refusal::Constraint),
        ];
        let stored_at = Some(Timestamp::from_unix(1));
        let (sift, ids_from) = (vec![Purpose::parse("statistics").unwrap()], Some(2));
        let note = Note::Settle(Intent {
            end: 9,
            repair: 0,
            deadline_s: 30,
            stored_at,
            skip,
            sift,
            ids_from,
        });
        let text = note.encode();
        assert!(
            text.ends_with(r#","skip":{"marketing":[[7,3,2]],"statistics":[[5,3,1],[9,3,1]]},"sift":["statistics"]}"#),
            "{text}"
        );
        assert_eq!(Note::decode(&text).unwrap(), note);
    }

    #[test]
    fn notes_of_earlier_versions_are_still_read_and_written_as_they_were() {
        for (text, stored_at) in [
            (r#"{"v":1,"end":9,"repair":1,"deadline_s":30}"#, None),
            (r#"{"v":2,"end":9,"repair":1,"deadline_s":30,"stored_at":7}"#, Some(7)),
        ] {
            let stored_at = stored_at.map(Timestamp::from_unix);
            let (skip, sift, ids_from) = (vec![], vec![], None);
            let intent =
                Intent { end: 9, repair: 1, deadline_s: 30, stored_at, skip, sift, ids_from };
            let note = Note::decode(text).unwrap();
            assert_eq!(note, Note::Settle(intent));
            assert_eq!(note.encode(), text);
        }
    }

    #[test]
    fn another_version_is_never_guessed() {
        for text in [
            r#"{"v":3,"end":1,"repair":0,"deadline_s":0,"stored_at":0}"#,
            r#"{"v":2,"end":1,"repair":0,"deadline_s":0}"#,
            r#"{"v":1,"end":1,"repair":0,"deadline_s":0,"stored_at":0}"#,
            r#"{"v":2,"end":1,"repair":0,"deadline_s":0,"stored_at":0,"more":0}"#,
            r#"{"v":2,"end":1,"repair":0,"deadline_s":0,"stored_at":0,"skip":{"p":[[1,0,9]]}}"#,
            r#"{"v":2,"end":1,"repair":0,"deadline_s":0,"stored_at":0,"ids_from":0}"#,
            r#"{"v":4,"end":1,"repair":0,"deadline_s":0,"stored_at":0,"ids_from":0}"#,
            r#"{"v":3,"begin":true}"#,
            r#"{"end":1}"#,
            "x",
        ] {
            assert!(matches!(Note::decode(text), Err(SinkError::IntentUnknown)), "{text}");
        }
    }
}
