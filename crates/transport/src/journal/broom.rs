//! What is confirmed leaves the disk: whole segments at once, and what lies before unconfirmed records
//! in the same segment soon after, because a sink that stalls would otherwise keep its neighbours.
//!
//! An erased record needs no mark: its bytes are zeros, which are no record, and nobody looks for
//! anything below the cursor.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::record::Checksum;
use super::scan::{At, Scan, Step};
use super::segment::{SEGMENT_HEADER_BYTES, Segment};
use super::shared::Shared;
use crate::LogId;

/// Deletes and erases on behalf of the writer.
#[derive(Debug)]
pub(super) struct Broom {
    dir: PathBuf,
    checksum: Checksum,
    /// How long confirmed records may lie before unconfirmed ones.
    patience: Duration,
    /// When to erase next, while there is something to erase.
    erase_at: Option<Instant>,
    /// The segment that was erased last, and up to where.
    erased: Option<(u64, At)>,
    /// When to try again to delete what could not be deleted.
    remove_again: Option<Instant>,
}

// === impl Broom ===

impl Broom {
    pub(super) fn new(dir: &Path, log_id: LogId, patience: Duration) -> Self {
        Self {
            dir: dir.to_owned(),
            checksum: Checksum::new(log_id),
            patience,
            erase_at: None,
            erased: None,
            remove_again: None,
        }
    }

    /// Deletes the segments that are confirmed, and erases when it is time to.
    pub(super) fn sweep(
        &mut self,
        disk: &dyn Disk,
        shared: &Shared,
        committed: u64,
        active: Option<u64>,
    ) {
        let confirmed = shared.segments().confirmed(committed, active);
        let due = match self.remove_again {
            None => !confirmed.is_empty(),
            Some(again) => again <= Instant::now(),
        };
        if due {
            self.remove(disk, shared, &confirmed);
        }
        let partly = shared.segments().partly_confirmed(committed);
        match (partly.filter(|it| !self.is_erased(*it, committed)), self.erase_at) {
            (None, _) => self.erase_at = None,
            (Some(_), None) => self.erase_at = Some(Instant::now() + self.patience),
            (Some(segment), Some(at)) if at <= Instant::now() => {
                self.erase_at = None;
                if let Err(error) = self.erase(disk, segment, committed) {
                    tracing::error!(%error, "the journal cannot erase confirmed events");
                    self.erase_at = Some(Instant::now() + TRY_AGAIN_AFTER);
                }
            }
            _ => {}
        }
    }

    /// When to sweep, even if nothing happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.erase_at.into_iter().chain(self.remove_again).min()
    }

    fn remove(&mut self, disk: &dyn Disk, shared: &Shared, confirmed: &[u64]) {
        let removed = confirmed.iter().try_for_each(|first| {
            match disk.remove(&Segment::path(&self.dir, *first)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => shared.segments().forget(*first),
            }
            Ok(())
        });
        let synced = removed.and_then(|()| disk.sync_dir(&self.dir));
        if let Err(error) = &synced
            && self.remove_again.is_none()
        {
            tracing::error!(%error, "the journal cannot delete confirmed events");
        }
        self.remove_again = synced.err().map(|_| Instant::now() + TRY_AGAIN_AFTER);
    }

    fn is_erased(&self, segment: Segment, committed: u64) -> bool {
        matches!(self.erased, Some((first, at))
            if first == segment.first && at.sequence >= committed)
    }

    fn erase(&mut self, disk: &dyn Disk, segment: Segment, committed: u64) -> io::Result<()> {
        let begin = At { position: SEGMENT_HEADER_BYTES, sequence: segment.first };
        let erased = self.erased.filter(|erased| erased.0 == segment.first);
        let begin = erased.map_or(begin, |erased| erased.1);
        let path = Segment::path(&self.dir, segment.first);
        let scan = Scan {
            file: &File::open(&path)?,
            checksum: self.checksum,
            bytes: segment.bytes,
            end: committed,
        };
        let mut at = begin;
        while !matches!(scan.step(&mut at)?, Step::End) {}
        if at.position > begin.position {
            disk.erase(&path, begin.position..at.position)?;
        }
        at.sequence = committed;
        self.erased = Some((segment.first, at));
        Ok(())
    }
}

const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
