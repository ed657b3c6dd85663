//! Segments: their files, headers and places in the sequence of records.
//!
//! Inside a segment the sequence has no gaps. Between two there may be one: numbers that were given
//! up because a write failed or was cut by a crash. Each header states where the durable numbers
//! before it ended, so that whatever an abandoned file still holds is never read as if it had been
//! kept, and so that a reader knows a given-up number from a lost record.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::JournalError;
use super::format::{ENVELOPE_BYTES, FileKind, FormatError, seal, unseal};
use crate::LogId;

/// Where a segment lies in the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// From here up to `first` the numbers were given up.
    pub(super) given_up_from: u64,
    /// The number of its first record; its name.
    pub(super) first: u64,
    /// The number after its last durable record.
    pub(super) end: u64,
    /// How much of the file is durable.
    pub(super) bytes: u64,
}

/// All segments, the oldest first.
#[derive(Debug)]
pub(super) struct Segments {
    list: VecDeque<Segment>,
    /// The number after the last that is durable or given up: what a reader may reach.
    next: u64,
}

/// What a reader does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// Nothing more is there yet.
    End,
    /// The numbers up to this one, which is excluded, were given up.
    Torn(u64),
    /// The numbers up to this one, which is excluded, are lost.
    Lost(u64),
    /// Read this segment.
    Read(Segment),
}

// === impl Segment ===

impl Segment {
    pub(super) fn header(log_id: LogId, given_up_from: u64, first: u64) -> Vec<u8> {
        let mut body = log_id.as_bytes().to_vec();
        body.extend_from_slice(&given_up_from.to_le_bytes());
        body.extend_from_slice(&first.to_le_bytes());
        seal(FileKind::Segment, &body)
    }

    /// Where the durable numbers before the segment named `path` ended; `None` when its header is
    /// damaged, which costs no record.
    pub(super) fn parse_header(
        bytes: &[u8],
        log_id: LogId,
        first: u64,
        path: &Path,
    ) -> Result<Option<u64>, JournalError> {
        let body = match unseal(FileKind::Segment, bytes) {
            Ok(body) => body,
            Err(FormatError::Damaged) => return Ok(None),
            Err(error) => return Err(error.of(path)),
        };
        match parse_body(body) {
            Some((owner, given_up_from, named)) if owner == log_id && named == first => {
                Ok(Some(given_up_from))
            }
            _ => Err(JournalError::Foreign { path: path.to_owned() }),
        }
    }

    pub(super) fn path(dir: &Path, first: u64) -> PathBuf {
        dir.join(format!("{first:020}.seg"))
    }

    /// The first number of the segment with this file name.
    pub(super) fn parse_name(name: &str) -> Option<u64> {
        let digits = name.strip_suffix(".seg")?;
        let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| plain)
    }
}

fn parse_body(body: &[u8]) -> Option<(LogId, u64, u64)> {
    let (log_id, rest) = body.split_first_chunk()?;
    let (given_up_from, rest) = rest.split_first_chunk()?;
    let (first, _) = rest.split_first_chunk()?;
    Some((
        LogId::from_bytes(*log_id),
        u64::from_le_bytes(*given_up_from),
        u64::from_le_bytes(*first),
    ))
}

// === impl Segments ===

impl Segments {
    /// No segment yet; the first record will have the number `next`.
    pub(super) fn new(next: u64) -> Self {
        Self { list: VecDeque::new(), next }
    }

    /// Adds a segment that was found on disk.
    pub(super) fn restore(&mut self, segment: Segment) {
        self.list.push_back(segment);
    }

    /// The first number that the log still has.
    pub(super) fn low(&self) -> u64 {
        self.list.front().map_or(self.next, |segment| segment.first)
    }

    /// Where the durable numbers end: a later segment gives up the numbers from here on.
    pub(super) fn durable_end(&self) -> u64 {
        let last = self.list.iter().rfind(|it| it.end > it.first);
        let first = self.list.front().map(|it| it.given_up_from);
        last.map(|it| it.end).or(first).unwrap_or(self.next)
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.list.iter().map(|segment| segment.bytes).sum()
    }

    /// What a reader that expects number `expected` does. Gaps that touch are one.
    pub(super) fn view(&self, expected: u64) -> View {
        let mut torn = expected;
        for segment in self.list.iter().filter(|it| it.end > expected) {
            if expected >= segment.first {
                return View::Read(*segment);
            }
            if torn < segment.given_up_from && torn == expected {
                return View::Lost(segment.given_up_from);
            }
            if torn < segment.given_up_from {
                return View::Torn(torn);
            }
            torn = segment.first;
            if segment.end > segment.first {
                return View::Torn(torn);
            }
        }
        if torn.max(self.next) > expected { View::Torn(torn.max(self.next)) } else { View::End }
    }

    /// Takes note of a group that became durable: of a new segment, or at the end of the last one.
    pub(super) fn extend(&mut self, segment: Segment) {
        self.next = segment.end;
        match self.list.back_mut() {
            Some(last) if last.first == segment.first => *last = segment,
            _ => self.list.push_back(segment),
        }
    }

    /// The segments before `active` whose every record is below `committed`. The last one is also
    /// the memory of numbers that were given up after it, and stays until these are passed.
    pub(super) fn confirmed(&self, committed: u64, active: Option<u64>) -> Vec<u64> {
        let last = self.list.back().map(|segment| segment.first);
        self.list
            .iter()
            .filter(|segment| segment.end <= committed && Some(segment.first) != active)
            .filter(|segment| Some(segment.first) != last || self.next <= committed)
            .map(|segment| segment.first)
            .collect()
    }

    /// The segment that holds confirmed and unconfirmed records.
    pub(super) fn partly_confirmed(&self, committed: u64) -> Option<Segment> {
        let mut list = self.list.iter();
        list.find(|segment| segment.first < committed && committed < segment.end).copied()
    }

    pub(super) fn forget(&mut self, first: u64) {
        self.list.retain(|segment| segment.first != first);
    }
}

/// The bytes before the first record.
pub(super) const SEGMENT_HEADER_BYTES: u64 = ENVELOPE_BYTES as u64 + 32;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: LogId = LogId::from_bytes([5; 16]);

    fn segment(given_up_from: u64, first: u64, end: u64) -> Segment {
        Segment { given_up_from, first, end, bytes: 100 }
    }

    fn segments(list: &[Segment], next: u64) -> Segments {
        let mut segments = Segments::new(next);
        for segment in list {
            segments.restore(*segment);
        }
        segments
    }

    #[test]
    fn a_header_comes_back_and_is_tied_to_its_log_and_name() {
        let path = Path::new("x");
        let header = Segment::header(ID, 3, 7);
        assert_eq!(header.len() as u64, SEGMENT_HEADER_BYTES);
        let parse = |id, first| Segment::parse_header(&header, id, first, path);
        assert_eq!(parse(ID, 7).unwrap(), Some(3));
        let other = LogId::from_bytes([6; 16]);
        assert!(matches!(parse(other, 7), Err(JournalError::Foreign { .. })));
        assert!(matches!(parse(ID, 8), Err(JournalError::Foreign { .. })));
        let cut = Segment::parse_header(&header[..20], ID, 7, path);
        assert_eq!(cut.unwrap(), None, "a damaged header is survived");
    }

    #[test]
    fn only_our_own_names_are_segments() {
        let path = Segment::path(Path::new("d"), 42);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(name, "00000000000000000042.seg");
        assert_eq!(Segment::parse_name(name), Some(42));
        for other in ["42.seg", "+0000000000000000042.seg", "cursor", ".seg"] {
            assert_eq!(Segment::parse_name(other), None, "{other}");
        }
    }

    #[test]
    fn a_reader_is_told_of_records_gaps_and_losses() {
        let list = [segment(0, 0, 5), segment(5, 8, 10), segment(12, 14, 15)];
        let segments = segments(&list, 17);
        assert_eq!(segments.view(4), View::Read(segment(0, 0, 5)));
        assert_eq!(segments.view(5), View::Torn(8));
        assert_eq!(segments.view(8), View::Read(segment(5, 8, 10)));
        assert_eq!(segments.view(10), View::Lost(12));
        assert_eq!(segments.view(12), View::Torn(14));
        assert_eq!(segments.view(15), View::Torn(17));
        assert_eq!(segments.view(17), View::End);
        assert_eq!(segments.low(), 0);
        assert_eq!(segments.durable_end(), 15);
        assert_eq!(segments.confirmed(16, None), [0, 8], "15 and 16 were given up");
        assert_eq!(segments.confirmed(17, None), [0, 8, 14]);
        assert_eq!(segments.confirmed(17, Some(14)), [0, 8]);
    }

    #[test]
    fn what_an_abandoned_file_holds_is_never_read() {
        // The write of 5..8 failed and left a file; its numbers were given up by the next segment.
        let list = [segment(0, 0, 5), segment(5, 5, 5), segment(5, 8, 9)];
        let segments = segments(&list, 9);
        assert_eq!(segments.view(5), View::Torn(8));
        assert_eq!(segments.confirmed(5, None), [0, 5]);
    }

    #[test]
    fn gaps_around_an_empty_segment_are_one() {
        let list = [segment(0, 0, 5), segment(5, 8, 8), segment(8, 9, 10)];
        assert_eq!(segments(&list, 10).view(5), View::Torn(9));
        assert_eq!(segments(&list[..2], 9).view(5), View::Torn(9));
        let gone = [segment(0, 0, 5), segment(5, 8, 8), segment(9, 9, 10)];
        assert_eq!(segments(&gone, 10).view(5), View::Torn(8));
        assert_eq!(segments(&gone, 10).view(8), View::Lost(9));
    }
}
