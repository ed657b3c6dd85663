//! The cursor on disk.
//!
//! It is replaced as a whole, so that it is either the old or the new one. The new one is written
//! over a spare file of the same size, which then changes names with the old: a commit needs no
//! fresh block, and so works on a full disk, where it is what frees space.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::JournalError;
use super::disk::sync_dir;
use super::format::{FileKind, FormatError, seal, unseal};
use super::lock::Lock;
use crate::{Cursor, LogId};

/// The cursor of one log. It keeps the journal locked: a commit whose future was dropped still ends
/// before anybody else can open the journal.
#[derive(Debug)]
pub(super) struct CursorFile {
    dir: PathBuf,
    log_id: LogId,
    _lock: Arc<Lock>,
}

/// What a cursor file says.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) log_id: LogId,
    /// `None` in a log from which nothing was ever committed.
    pub(super) cursor: Option<Cursor>,
}

// === impl CursorFile ===

impl CursorFile {
    pub(super) fn new(dir: &Path, log_id: LogId, lock: Arc<Lock>) -> Self {
        Self { dir: dir.to_owned(), log_id, _lock: lock }
    }

    /// Begins the cursor of a new log, and leaves a spare file beside it.
    pub(super) fn create(&self) -> Result<(), JournalError> {
        self.write(None)
            .and_then(|()| self.write(None))
            .map_err(JournalError::io("write", self.dir.join(FILE)))
    }

    /// Makes `cursor` the one that a reopened journal begins with, durably.
    pub(super) fn write(&self, cursor: Option<&Cursor>) -> io::Result<()> {
        let mut bytes = seal(FileKind::Cursor, &body(self.log_id, cursor));
        bytes.resize(bytes.len().max(FILE_BYTES), 0);
        let spare = self.dir.join("cursor.spare");
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&spare)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        swap(&spare, &self.dir.join(FILE))?;
        sync_dir(&self.dir)
    }
}

// === impl Stored ===

impl Stored {
    /// The cursor in `dir`, if there is one.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, JournalError> {
        let path = dir.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JournalError::io("read", path)(error)),
        };
        let body = unseal(FileKind::Cursor, &bytes).map_err(|error| error.of(&path))?;
        let stored = Self::parse(body).ok_or_else(|| FormatError::Damaged.of(&path))?;
        Ok(Some(stored))
    }

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let (log_id, rest) = body.split_first_chunk()?;
        let cursor = match rest.split_first()? {
            (0, []) => None,
            (1, rest) => {
                let (offset, metadata) = rest.split_first_chunk()?;
                Some(Cursor {
                    offset: u64::from_le_bytes(*offset),
                    metadata: str::from_utf8(metadata).ok()?.to_owned(),
                })
            }
            _ => return None,
        };
        Some(Self { log_id: LogId::from_bytes(*log_id), cursor })
    }
}

fn body(log_id: LogId, cursor: Option<&Cursor>) -> Vec<u8> {
    let mut body = log_id.as_bytes().to_vec();
    body.push(cursor.is_some().into());
    if let Some(cursor) = cursor {
        body.extend_from_slice(&cursor.offset.to_le_bytes());
        body.extend_from_slice(cursor.metadata.as_bytes());
    }
    body
}

/// Exchanges the names, which allocates nothing. A file system that cannot, or a log without a cursor
/// yet, gets a plain rename; the spare file is then made anew by the next commit.
fn swap(spare: &Path, current: &Path) -> io::Result<()> {
    renameat_with(CWD, spare, CWD, current, RenameFlags::EXCHANGE)
        .or_else(|_| fs::rename(spare, current))
}

/// Where the error of a missing cursor points.
pub(super) const FILE: &str = "cursor";

/// One block, above the longest cursor, so that the file never grows.
const FILE_BYTES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_through_any_number_of_commits() {
        let dir = tempfile::tempdir().unwrap();
        let log_id = LogId::from_bytes([3; 16]);
        let lock = Arc::new(Lock::take(dir.path()).unwrap());
        let file = CursorFile::new(dir.path(), log_id, lock);
        assert!(Stored::read(dir.path()).unwrap().is_none());
        file.create().unwrap();
        let stored = Stored::read(dir.path()).unwrap().unwrap();
        assert_eq!((stored.log_id, stored.cursor), (log_id, None));
        for length in [0, 1, Cursor::METADATA_BYTES_MAX, 5] {
            let cursor = Cursor { offset: 7, metadata: "m".repeat(length) };
            file.write(Some(&cursor)).unwrap();
            let stored = Stored::read(dir.path()).unwrap().unwrap();
            assert_eq!(stored.cursor, Some(cursor));
        }
        let bytes = fs::metadata(dir.path().join(FILE)).unwrap().len();
        assert_eq!(bytes, FILE_BYTES as u64);
    }

    #[test]
    fn no_flipped_bit_of_a_cursor_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Arc::new(Lock::take(dir.path()).unwrap());
        let file = CursorFile::new(dir.path(), LogId::from_bytes([3; 16]), lock);
        let cursor = Cursor { offset: 9, metadata: "intent".to_owned() };
        file.write(Some(&cursor)).unwrap();
        let path = dir.path().join(FILE);
        let bytes = fs::read(&path).unwrap();
        let sealed = body(LogId::from_bytes([3; 16]), Some(&cursor)).len() + 24;
        for at in 0..sealed {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            fs::write(&path, flipped).unwrap();
            assert!(
                matches!(Stored::read(dir.path()), Err(JournalError::Damaged { .. })),
                "byte {at}"
            );
        }
    }
}
