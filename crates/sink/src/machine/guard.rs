//! What must hold of a partition, whatever happens: looked at in every build, before the act.

use candor_store::Range;
use candor_transport::Cursor;

use super::intent::Note;
use crate::error::SinkError;

/// What is known of a partition's cursor.
#[derive(Debug)]
pub(super) struct Guard {
    /// Everything below was confirmed.
    confirmed: u64,
    /// The range that may be inserted: its intent is written, and nothing was committed since.
    standing: Option<(u64, u64)>,
}

impl Guard {
    pub(super) const fn new(confirmed: u64) -> Self {
        Self { confirmed, standing: None }
    }

    /// Before a commit: the cursor does not go back.
    pub(super) fn commits(&mut self, cursor: &Cursor) -> Result<(), SinkError> {
        if cursor.offset < self.confirmed {
            return Err(SinkError::Defect("a cursor would move back"));
        }
        self.standing = None;
        Ok(())
    }

    /// After a commit.
    pub(super) fn committed(&mut self, cursor: &Cursor) -> Result<(), SinkError> {
        self.confirmed = cursor.offset;
        self.standing = match Note::decode(&cursor.metadata)? {
            Note::Settle(intent) => Some((cursor.offset, intent.end)),
            Note::Begin | Note::Nothing => None,
        };
        Ok(())
    }

    /// Before an insert: its intent stands.
    pub(super) fn inserts(&self, range: &Range) -> Result<(), SinkError> {
        if self.standing != Some((range.first, range.last)) {
            return Err(SinkError::Defect("an insert without an intent"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::intent::Intent;

    fn cursor(offset: u64, end: Option<u64>) -> Cursor {
        let intent = |end| Intent {
            end,
            repair: 0,
            deadline_s: 30,
            stored_at: None,
            skip: vec![],
            sift: vec![],
            ids_from: None,
        };
        let metadata = end.map_or(Note::Nothing, |end| Note::Settle(intent(end))).encode();
        Cursor { offset, metadata }
    }

    fn range(first: u64, last: u64) -> Range {
        Range { log: "a".to_owned(), partition: 0, first, last }
    }

    #[test]
    fn an_insert_needs_the_intent_of_exactly_its_range() {
        let mut guard = Guard::new(5);
        assert!(guard.inserts(&range(5, 9)).is_err(), "nothing was written");
        guard.commits(&cursor(5, Some(9))).unwrap();
        assert!(guard.inserts(&range(5, 9)).is_err(), "not known to be written");
        guard.committed(&cursor(5, Some(9))).unwrap();
        guard.inserts(&range(5, 9)).unwrap();
        assert!(guard.inserts(&range(5, 8)).is_err());
        guard.commits(&cursor(10, None)).unwrap();
        assert!(guard.inserts(&range(5, 9)).is_err(), "it may be confirmed");
    }

    #[test]
    fn a_cursor_never_moves_back() {
        let mut guard = Guard::new(5);
        guard.commits(&cursor(5, Some(9))).unwrap();
        guard.committed(&cursor(10, None)).unwrap();
        assert!(matches!(guard.commits(&cursor(9, None)), Err(SinkError::Defect(_))));
    }
}
