//! Headers of records that somebody else wrote into the topic.

use candor_hostile::attack;
use rdkafka::Timestamp;
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};

use super::mark;
use crate::{LogId, SpillMark};

fn message(headers: OwnedHeaders) -> OwnedMessage {
    OwnedMessage::new(None, None, "t".to_owned(), Timestamp::NotAvailable, 0, 0, Some(headers))
}

/// Lines of a name, a colon and a value make headers.
#[test]
fn hostile_marks() {
    let seed = [
        b"candor-spill:\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\n"
            .as_slice(),
        b"candor-sequence:\0\0\0\0\0\0\0\x07\n",
        b"traceparent:00-1",
    ]
    .concat();
    let words = ["candor-spill:", "candor-sequence:", "\n"];
    let (mut known, mut refused) = (0_u64, 0_u64);
    attack("marks", &[&seed, b"traceparent:00-1"], &words, |bytes| {
        let mut headers = OwnedHeaders::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (name, value) = line.split_at(at);
            // The client library has names as text without a zero.
            let Ok(key) = str::from_utf8(name) else { continue };
            if !key.contains('\0') {
                headers = headers.insert(Header { key, value: value.get(1..) });
            }
        }
        match mark::read(&message(headers)) {
            Ok(Some(mark)) => {
                known += 1;
                assert_eq!(mark::read(&message(mark::headers(mark))), Ok(Some(mark)));
            }
            Ok(None) => {}
            Err(_) => refused += 1,
        }
    });
    let mark = SpillMark { id: LogId::from_bytes([9; 16]), sequence: 7 };
    assert_eq!(mark::read(&message(mark::headers(mark))), Ok(Some(mark)));
    assert!(known > 0 && refused > 0, "{known} known, {refused} refused");
}
