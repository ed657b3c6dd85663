//! Everything that the writer does to the disk: the seam where tests make it fail. Reading needs no
//! seam, because a test can damage the bytes themselves.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

/// The directory of a journal, as the writer sees it.
pub(super) trait Disk: Debug + Send {
    /// Makes a new, empty file; it is an error if there is one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the bytes in `range` zeros, durably; the file stays as long as it is.
    fn erase(&self, path: &Path, range: Range<u64>) -> io::Result<()>;
    /// Makes the names in the directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A segment that is being written.
pub(super) trait SegmentFile: Debug + Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;
}

/// The disk of the machine.
#[derive(Debug)]
pub(super) struct SystemDisk;

// === impl SystemDisk ===

impl Disk for SystemDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(file))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn erase(&self, path: &Path, range: Range<u64>) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let length = range.end.saturating_sub(range.start);
        match fallocate(&file, hole, range.start, length) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => overwrite(&file, range)?,
            punched => punched?,
        }
        file.sync_data()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        sync_dir(dir)
    }
}

impl SegmentFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}

/// For file systems that know no holes.
fn overwrite(file: &File, range: Range<u64>) -> io::Result<()> {
    let zeros = [0; 4_096];
    let mut position = range.start;
    while position < range.end {
        let left = usize::try_from(range.end - position).unwrap_or(usize::MAX);
        let piece = zeros.get(..left).unwrap_or(&zeros);
        file.write_all_at(piece, position)?;
        position += piece.len() as u64;
    }
    Ok(())
}

/// Makes the names in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erased_bytes_are_zeros_and_the_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let whole = vec![7; 20_000];
        let mut erased = whole.clone();
        erased[56..9_999].fill(0);

        fs::write(&path, &whole).unwrap();
        SystemDisk.erase(&path, 56..9_999).unwrap();
        assert!(fs::read(&path).unwrap() == erased);

        fs::write(&path, &whole).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        overwrite(&file, 56..9_999).unwrap();
        assert!(fs::read(&path).unwrap() == erased);
    }
}
