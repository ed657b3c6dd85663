//! The headers of a record that came by a spill. They are the whole contract with whoever reads the topic:
//!
//! | header | value |
//! |---|---|
//! | `candor-spill` | the 16 bytes of the spill's id |
//! | `candor-sequence` | the sequence, 8 bytes, big-endian |
//!
//! Both or none. Headers of other names are somebody else's and are not looked at.

use rdkafka::Message;
use rdkafka::message::{Header, Headers, OwnedHeaders};

use crate::{LogId, SpillMark};

/// The headers are there, but are not such as we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnknownMark;

/// The headers of a record with this mark.
pub(super) fn headers(mark: SpillMark) -> OwnedHeaders {
    OwnedHeaders::new_with_capacity(2)
        .insert(Header { key: SPILL, value: Some(mark.id.as_bytes()) })
        .insert(Header { key: SEQUENCE, value: Some(&mark.sequence.to_be_bytes()) })
}

/// The mark of a record, if it has one.
pub(super) fn read(message: &impl Message) -> Result<Option<SpillMark>, UnknownMark> {
    message.headers().map_or(Ok(None), parse)
}

fn parse(headers: &impl Headers) -> Result<Option<SpillMark>, UnknownMark> {
    let (mut id, mut sequence) = (None, None);
    for header in headers.iter() {
        let known = match header.key {
            SPILL => id.replace(fixed(header.value)?).is_none(),
            SEQUENCE => sequence.replace(fixed(header.value)?).is_none(),
            _ => true,
        };
        if !known {
            return Err(UnknownMark); // twice
        }
    }
    match (id, sequence) {
        (None, None) => Ok(None),
        (Some(id), Some(sequence)) => Ok(Some(SpillMark {
            id: LogId::from_bytes(id),
            sequence: u64::from_be_bytes(sequence),
        })),
        _ => Err(UnknownMark),
    }
}

fn fixed<const N: usize>(value: Option<&[u8]>) -> Result<[u8; N], UnknownMark> {
    value.and_then(|value| value.try_into().ok()).ok_or(UnknownMark)
}

const SPILL: &str = "candor-spill";
const SEQUENCE: &str = "candor-sequence";

#[cfg(test)]
mod tests {
    use super::*;

    fn with(headers: &[(&str, &[u8])]) -> OwnedHeaders {
        headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header { key, value: Some(*value) })
        })
    }

    #[test]
    fn a_mark_comes_back() {
        for sequence in [0, 1, u64::MAX] {
            let mark = SpillMark { id: LogId::from_bytes([9; 16]), sequence };
            assert_eq!(parse(&headers(mark)), Ok(Some(mark)));
        }
    }

    #[test]
    fn other_headers_are_no_mark_and_half_a_mark_is_refused() {
        let (id, sequence): (&[u8], &[u8]) = (&[9; 16], &[0; 8]);
        assert_eq!(parse(&with(&[])), Ok(None));
        assert_eq!(parse(&with(&[("traceparent", b"00")])), Ok(None));
        for bad in [
            &[(SPILL, id)][..],
            &[(SEQUENCE, sequence)],
            &[(SPILL, id), (SEQUENCE, b"7")],
            &[(SPILL, b"short"), (SEQUENCE, sequence)],
            &[(SPILL, id), (SPILL, id), (SEQUENCE, sequence)],
            &[(SPILL, id), (SEQUENCE, sequence), (SEQUENCE, sequence)],
        ] {
            assert_eq!(parse(&with(bad)), Err(UnknownMark), "{bad:?}");
        }
    }
}
