//! Events into records. Encoded batches concatenate into a batch, so bundling only copies bytes; a
//! checksum and a number then serve up to a thousand events.

use super::config::JournalConfig;
use super::record::{Checksum, HEADER_BYTES};

/// Builds the records of one group in a buffer that is used again for the next.
#[derive(Debug)]
pub(super) struct Bundler {
    checksum: Checksum,
    events_max: u32,
    bytes_max: usize,
    buffer: Vec<u8>,
    next: u64,
    open: Option<Open>,
}

/// The record that is being filled.
#[derive(Debug)]
struct Open {
    start: usize,
    events: u32,
}

// === impl Bundler ===

impl Bundler {
    pub(super) fn new(checksum: Checksum, config: &JournalConfig) -> Self {
        Self {
            checksum,
            events_max: config.record_events_max.get(),
            bytes_max: config.record_bytes_max.get() as usize,
            buffer: Vec::new(),
            next: 0,
            open: None,
        }
    }

    /// Begins a group with `prefix`; its first record gets the number `next`.
    pub(super) fn begin(&mut self, prefix: &[u8], next: u64) {
        self.buffer.clear();
        self.buffer.extend_from_slice(prefix);
        self.next = next;
        self.open = None;
    }

    pub(super) fn push(&mut self, event: &[u8]) {
        if event.is_empty() {
            return; // a batch of no events
        }
        let fits = self.open.as_ref().is_some_and(|open| {
            let bytes = self.buffer.len() - open.start - HEADER_BYTES + event.len();
            open.events < self.events_max && bytes <= self.bytes_max
        });
        if !fits {
            self.close();
        }
        let start = self.buffer.len();
        let open = self.open.get_or_insert_with(|| {
            self.buffer.extend_from_slice(&[0; HEADER_BYTES]);
            Open { start, events: 0 }
        });
        open.events += 1;
        self.buffer.extend_from_slice(event);
    }

    /// Ends the group: its bytes, and the number after its last record.
    pub(super) fn finish(&mut self) -> (Vec<u8>, u64) {
        self.close();
        (std::mem::take(&mut self.buffer), self.next)
    }

    /// Takes the bytes of a group back, to build the next one in.
    pub(super) fn reuse(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        buffer.shrink_to(BUFFER_BYTES_KEPT);
        self.buffer = buffer;
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        let record = self.buffer.get_mut(open.start..);
        if let Some((header, payload)) = record.and_then(|record| record.split_first_chunk_mut()) {
            *header = self.checksum.header(self.next, payload).to_bytes();
            self.next += 1;
        }
    }
}

/// More than this is given back after a group.
const BUFFER_BYTES_KEPT: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::LogId;
    use crate::journal::record::Header;

    fn records(events: &[&[u8]], events_max: u32, bytes_max: u32) -> Vec<(u64, Vec<u8>)> {
        let config = JournalConfig {
            record_events_max: NonZeroU32::new(events_max).unwrap(),
            record_bytes_max: NonZeroU32::new(bytes_max).unwrap(),
            ..JournalConfig::default()
        };
        let checksum = Checksum::new(LogId::from_bytes([1; 16]));
        let mut bundler = Bundler::new(checksum, &config);
        bundler.begin(b"prefix", 5);
        for event in events {
            bundler.push(event);
        }
        let (bytes, next) = bundler.finish();
        let mut rest = bytes.strip_prefix(b"prefix").unwrap();
        let mut records = Vec::new();
        while let Some(header) = Header::parse(rest) {
            let record = usize::try_from(header.record_bytes()).unwrap();
            let payload = &rest[HEADER_BYTES..record];
            assert!(checksum.fits(header, payload));
            records.push((header.sequence, payload.to_vec()));
            rest = &rest[record..];
        }
        assert!(rest.is_empty());
        assert_eq!(next, 5 + records.len() as u64);
        records
    }

    #[test]
    fn events_share_a_record_up_to_either_bound() {
        let by_count = records(&[b"a", b"b", b"c"], 2, 100);
        assert_eq!(by_count, [(5, b"ab".to_vec()), (6, b"c".to_vec())]);
        let by_bytes = records(&[b"aa", b"bb", b"c"], 100, 3);
        assert_eq!(by_bytes, [(5, b"aa".to_vec()), (6, b"bbc".to_vec())]);
        assert!(records(&[], 2, 100).is_empty());
        assert!(records(&[b""], 2, 100).is_empty());
    }
}
