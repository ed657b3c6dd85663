//! A record on disk: `[payload length u32][crc32c u32][sequence u64][payload]`, little-endian.
//!
//! The checksum covers the log's id, the length, the sequence and the payload. The id is in it so
//! that no bytes inside an event, which visitors choose, can pass for a record when the reader looks
//! for the next one after damage; nor can a record of another log.

use crate::LogId;

/// Computes the checksums of one log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checksum {
    seed: u32,
}

/// The fixed part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) length: u32,
    pub(super) crc: u32,
    pub(super) sequence: u64,
}

// === impl Checksum ===

impl Checksum {
    pub(super) fn new(log_id: LogId) -> Self {
        Self { seed: crc32c::crc32c(log_id.as_bytes()) }
    }

    fn of(self, length: u32, sequence: u64, payload: &[u8]) -> u32 {
        let crc = crc32c::crc32c_append(self.seed, &length.to_le_bytes());
        let crc = crc32c::crc32c_append(crc, &sequence.to_le_bytes());
        crc32c::crc32c_append(crc, payload)
    }

    /// The header of `payload`.
    pub(super) fn header(self, sequence: u64, payload: &[u8]) -> Header {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        Header { length, crc: self.of(length, sequence, payload), sequence }
    }

    /// Whether `payload` is the one that `header` was written for.
    pub(super) fn fits(self, header: Header, payload: &[u8]) -> bool {
        self.of(header.length, header.sequence, payload) == header.crc
    }
}

// === impl Header ===

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let number =
            u128::from(self.length) | u128::from(self.crc) << 32 | u128::from(self.sequence) << 64;
        number.to_le_bytes()
    }

    /// Reads a header that could be one: its length is allowed. Whether it is one, the checksum says.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (crc, rest) = rest.split_first_chunk()?;
        let (sequence, _) = rest.split_first_chunk()?;
        let length = u32::from_le_bytes(*length);
        (1..=PAYLOAD_BYTES_MAX).contains(&length).then_some(Self {
            length,
            crc: u32::from_le_bytes(*crc),
            sequence: u64::from_le_bytes(*sequence),
        })
    }

    /// The bytes of the whole record.
    pub(super) const fn record_bytes(self) -> u64 {
        HEADER_BYTES as u64 + self.length as u64
    }
}

/// The bytes before the payload.
pub(super) const HEADER_BYTES: usize = 16;

/// The smallest record: no payload is empty.
pub(super) const RECORD_BYTES_MIN: u64 = HEADER_BYTES as u64 + 1;

/// The most that any configuration may allow: a longer length on disk is damage.
pub(super) const PAYLOAD_BYTES_MAX: u32 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_fits_its_payload_only() {
        let checksum = Checksum::new(LogId::from_bytes([1; 16]));
        let header = checksum.header(7, b"payload");
        assert_eq!(Header::parse(&header.to_bytes()), Some(header));
        assert_eq!(header.record_bytes(), 23);
        assert!(checksum.fits(header, b"payload"));
        assert!(!checksum.fits(header, b"paYload"));
        assert!(!checksum.fits(Header { sequence: 8, ..header }, b"payload"));
        let other = Checksum::new(LogId::from_bytes([2; 16]));
        assert!(!other.fits(header, b"payload"), "another log's record");
    }

    #[test]
    fn zeros_and_absurd_lengths_are_no_headers() {
        assert_eq!(Header::parse(&[0; 16]), None);
        assert_eq!(Header::parse(&[0xff; 16]), None);
        assert_eq!(Header::parse(&[1; 15]), None);
    }
}
