//! Reads the records of a segment in blocks, and finds its way again after damage.
//!
//! One rule tells a record from anything else, wherever it is looked for: its length is possible, its
//! number is within what the bytes passed over could have held, and its checksum fits.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use super::record::{Checksum, HEADER_BYTES, Header, RECORD_BYTES_MIN};

/// What to read.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) file: &'a File,
    pub(super) checksum: Checksum,
    /// Nothing from this byte on is read.
    pub(super) bytes: u64,
    /// Nothing from this number on is a record.
    pub(super) end: u64,
}

/// A place in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// The byte to read next.
    pub(super) position: u64,
    /// The number that is expected there.
    pub(super) sequence: u64,
}

/// What was met.
#[derive(Debug)]
pub(super) enum Step {
    /// No record follows. What lies between here and the end cannot be read.
    End,
    /// Numbers whose records cannot be read: all that the place moved over.
    Lost,
    /// Numbers and payloads, in order; at least one.
    Records(Vec<(u64, Bytes)>),
}

// === impl Scan ===

impl Scan<'_> {
    /// Reads on from `at`, and moves it behind what was met.
    pub(super) fn step(&self, at: &mut At) -> io::Result<Step> {
        while at.sequence < self.end && at.position < self.bytes {
            let records = self.records(at)?;
            if !records.is_empty() {
                return Ok(Step::Records(records));
            }
            let Some(found) = self.resync(*at)? else {
                break;
            };
            let lost = found.sequence > at.sequence;
            *at = found;
            if lost {
                return Ok(Step::Lost);
            }
        }
        Ok(Step::End)
    }

    /// The records that lie whole and sound in the block at `at`.
    fn records(&self, at: &mut At) -> io::Result<Vec<(u64, Bytes)>> {
        let mut block = self.block(*at)?;
        let mut records = Vec::new();
        while at.sequence < self.end
            && let Some(header) = Header::parse(&block)
            && header.sequence == at.sequence
            && let Ok(whole) = usize::try_from(header.record_bytes())
            && whole <= block.len()
        {
            let payload = block.split_to(whole).split_off(HEADER_BYTES);
            if !self.checksum.fits(header, &payload) {
                break;
            }
            records.push((header.sequence, payload));
            at.position += header.record_bytes();
            at.sequence += 1;
        }
        Ok(records)
    }

    /// A block, made longer when its first record needs it.
    fn block(&self, at: At) -> io::Result<Bytes> {
        let left = self.bytes - at.position;
        let block = self.read(at.position, left.min(BLOCK_BYTES))?;
        let first = Header::parse(&block).filter(|header| header.sequence == at.sequence);
        match first.map(Header::record_bytes) {
            Some(whole) if whole > BLOCK_BYTES && whole <= left => self.read(at.position, whole),
            _ => Ok(block),
        }
    }

    /// The first record behind `from`.
    fn resync(&self, from: At) -> io::Result<Option<At>> {
        let mut start = from.position + 1;
        while start < self.bytes {
            let left = self.bytes - start;
            let window = self.read(start, left.min(BLOCK_BYTES + HEADER_BYTES as u64 - 1))?;
            for (position, candidate) in (start..).zip(window.windows(HEADER_BYTES)) {
                if let Some(found) = self.candidate(from, position, candidate)? {
                    return Ok(Some(found));
                }
            }
            start += BLOCK_BYTES;
        }
        Ok(None)
    }

    fn candidate(&self, from: At, position: u64, bytes: &[u8]) -> io::Result<Option<At>> {
        let Some(header) = Header::parse(bytes) else {
            return Ok(None);
        };
        let passed = (position - from.position) / RECORD_BYTES_MIN;
        let possible = from.sequence..=from.sequence.saturating_add(passed);
        let payload_at = position + HEADER_BYTES as u64;
        if !possible.contains(&header.sequence)
            || header.sequence >= self.end
            || u64::from(header.length) > self.bytes - payload_at
        {
            return Ok(None);
        }
        let payload = self.read(payload_at, header.length.into())?;
        Ok(self
            .checksum
            .fits(header, &payload)
            .then_some(At { position, sequence: header.sequence }))
    }

    fn read(&self, position: u64, bytes: u64) -> io::Result<Bytes> {
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        let mut buffer = vec![0; bytes];
        self.file.read_exact_at(&mut buffer, position)?;
        Ok(buffer.into())
    }
}

/// What one read takes, unless a record is longer.
const BLOCK_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::LogId;

    fn checksum() -> Checksum {
        Checksum::new(LogId::from_bytes([9; 16]))
    }

    fn record(sequence: u64, payload: &[u8]) -> Vec<u8> {
        let mut record = checksum().header(sequence, payload).to_bytes().to_vec();
        record.extend_from_slice(payload);
        record
    }

    /// All numbers that are read and that are lost.
    fn scan(bytes: &[u8], end: u64) -> (Vec<u64>, Vec<u64>, At) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let scan = Scan { file: &file, checksum: checksum(), bytes: bytes.len() as u64, end };
        let mut at = At { position: 0, sequence: 0 };
        let (mut read, mut lost) = (vec![], vec![]);
        loop {
            let before = at.sequence;
            match scan.step(&mut at).unwrap() {
                Step::End => return (read, lost, at),
                Step::Lost => lost.extend(before..at.sequence),
                Step::Records(records) => read.extend(records.iter().map(|record| record.0)),
            }
        }
    }

    #[test]
    fn records_longer_than_a_block_are_read_and_passed_over() {
        let long = vec![1; 3 << 20];
        let parts = [record(0, &long), record(1, b"x"), record(2, &long)];
        let mut bytes = parts.concat();
        assert_eq!(scan(&bytes, u64::MAX).0, [0, 1, 2]);
        bytes[20] ^= 1;
        let (read, lost, _) = scan(&bytes, u64::MAX);
        assert_eq!((read, lost), (vec![1, 2], vec![0]));
    }

    #[test]
    fn a_damaged_length_hides_one_record_only() {
        let parts: Vec<_> = (0..5).map(|n| record(n, b"payload")).collect();
        let mut bytes = parts.concat();
        bytes[parts[0].len()] ^= 0x80;
        let (read, lost, _) = scan(&bytes, u64::MAX);
        assert_eq!((read, lost), (vec![0, 2, 3, 4], vec![1]));
    }

    #[test]
    fn a_record_inside_an_event_is_not_believed() {
        let other = Checksum::new(LogId::from_bytes([0; 16]));
        let mut forged = other.header(1, b"forged").to_bytes().to_vec();
        forged.extend_from_slice(b"forged");
        let mut bytes = [record(0, &forged), record(1, b"true")].concat();
        bytes[8] ^= 1;
        let (read, lost, _) = scan(&bytes, u64::MAX);
        assert_eq!((read, lost), (vec![1], vec![0]));
    }

    #[test]
    fn numbers_that_the_passed_bytes_could_not_hold_are_not_believed() {
        let bytes = [vec![0; 20], record(5, b"far")].concat();
        let (read, lost, at) = scan(&bytes, u64::MAX);
        assert_eq!((read.len(), lost.len(), at.position), (0, 0, 0));
    }

    #[test]
    fn nothing_from_the_end_on_is_read() {
        let bytes = [record(0, b"a"), record(1, b"b")].concat();
        assert_eq!(scan(&bytes, 1).0, [0]);
    }
}
