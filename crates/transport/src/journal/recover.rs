//! What a directory holds when it is opened.
//!
//! Only the last segment can end in an unfinished write, so only it is read; the others are checked
//! when a consumer reads them. Nothing is ever appended to a segment of an earlier run. The numbers
//! that an unfinished write could have used are given up: a record that was readable once, and whose
//! bits flipped since, must not lend its number to another.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use super::JournalError;
use super::record::{Checksum, RECORD_BYTES_MIN};
use super::scan::{At, Scan, Step};
use super::segment::{SEGMENT_HEADER_BYTES, Segment, Segments};
use crate::LogId;

/// The log as it was found.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) segments: Segments,
    /// The bytes of unfinished writes.
    pub(super) torn_bytes: u64,
}

#[derive(Debug)]
struct Found {
    first: u64,
    bytes: u64,
    /// `None`: the header is damaged.
    given_up_from: Option<u64>,
    /// The number after the last record, of those that were read through.
    end: Option<u64>,
}

/// The first numbers of all segments in `dir`, in order.
pub(super) fn list(dir: &Path) -> Result<Vec<u64>, JournalError> {
    let entries = fs::read_dir(dir).map_err(JournalError::io("list", dir))?;
    let mut firsts = Vec::new();
    for entry in entries {
        let entry = entry.map_err(JournalError::io("list", dir))?;
        firsts.extend(entry.file_name().to_str().and_then(Segment::parse_name));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Finds out where the log in `dir` ends, and makes what is kept of it durable.
pub(super) fn recover(
    dir: &Path,
    firsts: &[u64],
    log_id: LogId,
    committed: u64,
) -> Result<Recovered, JournalError> {
    let mut found = firsts
        .iter()
        .map(|first| Found::read(dir, *first, log_id))
        .collect::<Result<Vec<_>, _>>()?;
    let mut next = committed;
    let mut torn_bytes = 0;
    for last in found.iter_mut().rev() {
        let (end, torn) = last
            .scan_tail(dir, log_id)
            .map_err(JournalError::io("read", Segment::path(dir, last.first)))?;
        let given_up = if torn == 0 { 0 } else { torn / RECORD_BYTES_MIN + 1 };
        // Past the name of an empty segment too, which is taken.
        let past = end.max(last.first.saturating_add(1));
        next = next.max(past.saturating_add(given_up));
        torn_bytes += torn;
        last.end = Some(end);
        if !last.is_void() {
            break;
        }
    }
    Ok(Recovered { segments: assemble(&found, committed, next), torn_bytes })
}

/// Puts the segments in a row: each ends where a later one says that the durable numbers end. A
/// segment without durable numbers is one that was abandoned or never finished. Where nothing tells
/// what was before it, it is what was confirmed, since only that is ever deleted.
fn assemble(found: &[Found], committed: u64, next: u64) -> Segments {
    let mut segments = Segments::new(next);
    let mut durable_end = committed;
    for (index, this) in found.iter().enumerate() {
        let later = found.get(index + 1..).unwrap_or_default();
        let limits = [
            later.first().map(|following| following.first),
            later.iter().find_map(|known| known.given_up_from),
        ];
        let limit = limits.into_iter().flatten().min();
        let end = this.end.or(limit).unwrap_or(next).max(this.first);
        let unknown = if end > this.first { this.first } else { durable_end.min(this.first) };
        segments.restore(Segment {
            given_up_from: this.given_up_from.unwrap_or(unknown),
            first: this.first,
            end,
            bytes: this.bytes,
        });
        durable_end = segments.durable_end();
    }
    segments
}

// === impl Found ===

impl Found {
    fn read(dir: &Path, first: u64, log_id: LogId) -> Result<Self, JournalError> {
        let path = Segment::path(dir, first);
        let (bytes, header) = read_header(&path).map_err(JournalError::io("read", &path))?;
        let given_up_from = Segment::parse_header(&header, log_id, first, &path)?;
        if given_up_from.is_none() {
            tracing::warn!(segment = first, "the header of a segment is damaged");
        }
        Ok(Self { first, bytes, given_up_from, end: None })
    }

    /// The number after the last record, and the bytes behind that record. What is read must not
    /// vanish in a later power failure, so it is synced, and comes from the disk itself: the page
    /// cache may still show what an earlier process failed to sync.
    fn scan_tail(&self, dir: &Path, log_id: LogId) -> io::Result<(u64, u64)> {
        let file = File::open(Segment::path(dir, self.first))?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
        let scan =
            Scan { file: &file, checksum: Checksum::new(log_id), bytes: self.bytes, end: u64::MAX };
        let mut at = At { position: SEGMENT_HEADER_BYTES.min(self.bytes), sequence: self.first };
        while !matches!(scan.step(&mut at)?, Step::End) {}
        let header_is_torn = self.bytes < SEGMENT_HEADER_BYTES;
        let kept = if header_is_torn { 0 } else { at.position };
        Ok((at.sequence, self.bytes - kept))
    }

    /// Whether the crash came while the file was made: nothing in it can be read.
    fn is_void(&self) -> bool {
        self.given_up_from.is_none() && self.end == Some(self.first)
    }
}

fn read_header(path: &Path) -> io::Result<(u64, Vec<u8>)> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let length = bytes.min(SEGMENT_HEADER_BYTES);
    let mut header = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut header, 0)?;
    Ok((bytes, header))
}
