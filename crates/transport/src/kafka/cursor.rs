//! A cursor in Kafka's words: an offset, and metadata that begins with the log that the offset belongs to.
//!
//! Kafka keeps a group's offsets by the name of the topic, even when another topic has that name by now.

use crate::{Cursor, LogId};

/// The metadata of a commit.
pub(super) fn metadata_of(log: LogId, cursor: &Cursor) -> String {
    format!("{log}:{}", cursor.metadata)
}

/// The cursor in what was committed for `log`; none if it was committed for another.
///
/// An operator's commit names no log, and stands for the one that is there.
pub(super) fn cursor_of(log: LogId, offset: i64, metadata: &str) -> Option<Cursor> {
    let offset = u64::try_from(offset).ok()?; // below 0: nothing was committed
    let ours = metadata.split_once(':').filter(|(name, _)| is_id(name));
    match ours {
        Some((name, rest)) => {
            (name == log.to_string()).then(|| Cursor { offset, metadata: rest.to_owned() })
        }
        None => Some(Cursor { offset, metadata: String::new() }),
    }
}

fn is_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogId = LogId::from_bytes([0xab; 16]);

    #[test]
    fn a_cursor_comes_back_as_it_was_written() {
        for metadata in ["", "v1 end=9", "a:b"] {
            let cursor = Cursor { offset: 7, metadata: metadata.to_owned() };
            let written = metadata_of(LOG, &cursor);
            assert_eq!(cursor_of(LOG, 7, &written), Some(cursor), "{written}");
        }
    }

    #[test]
    fn the_cursor_of_another_log_is_none() {
        let cursor = Cursor { offset: 7, metadata: String::new() };
        let other = metadata_of(LogId::from_bytes([1; 16]), &cursor);
        assert_eq!(cursor_of(LOG, 7, &other), None);
        assert_eq!(cursor_of(LOG, -1001, ""), None, "nor what was never committed");
    }

    #[test]
    fn an_operators_cursor_is_taken_without_its_note() {
        for metadata in ["", "reset by hand", "abc:def"] {
            let cursor = cursor_of(LOG, 9, metadata);
            assert_eq!(cursor, Some(Cursor { offset: 9, metadata: String::new() }), "{metadata}");
        }
    }

    #[test]
    fn the_longest_metadata_fits_what_brokers_take() {
        let cursor = Cursor { offset: 0, metadata: "m".repeat(Cursor::METADATA_BYTES_MAX) };
        assert!(metadata_of(LOG, &cursor).len() < 4_096);
    }
}
