//! The key's place on tmpfs, so that a restart within an epoch finds it again.
//!
//! Memory is the only place where a key may lie: the file system is asked what it is, and anything
//! but tmpfs or ramfs is refused. This is the only I/O of the crate; it happens at start and at
//! rotation, never for a beacon.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use candor_event::Timestamp;
use zeroize::Zeroizing;

use super::epoch::Epoch;
use super::form::{self, FORM_BYTES, Form, Held};

/// `statfs` magic numbers of the file systems that live in memory (linux/magic.h).
const TMPFS_MAGIC: i64 = 0x0102_1994;
const RAMFS_MAGIC: i64 = 0x8584_58f6;

/// An open key file.
#[derive(Debug)]
pub struct KeyFile {
    file: File,
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be opened.
    #[error("cannot open the key file {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file would survive a power cut.
    #[error(
        "the key file {0} is not on tmpfs: a key on a disk can be found again; choose a path \
         below /run or /dev/shm, or leave the setting out"
    )]
    NotInMemory(PathBuf),
}

impl KeyFile {
    /// Opens or creates the file, readable by its owner alone.
    ///
    /// # Errors
    /// [`KeyFileError`] when it cannot be opened or is not in memory.
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        let open = |source| KeyFileError::Open { path: path.to_owned(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(open)?;
        let file_system = rustix::fs::fstatfs(&file).map_err(|errno| open(errno.into()))?;
        if !matches!(file_system.f_type, TMPFS_MAGIC | RAMFS_MAGIC) {
            return Err(KeyFileError::NotInMemory(path.to_owned()));
        }
        Ok(Self { file })
    }

    /// The epochs in the file; `None` when there are none, or not whole ones.
    pub(super) fn read(&self) -> Option<Held> {
        let mut bytes = Zeroizing::new([0_u8; FORM_BYTES]);
        self.file.read_exact_at(bytes.as_mut(), 0).ok()?;
        form::read(Form::File, bytes.as_slice())
    }

    /// Overwrites the file with these epochs, so that the key before is gone. A failure costs no more
    /// than the restart's continuity.
    pub(super) fn write(&self, now: Timestamp, current: &Epoch, next: Option<&Epoch>) {
        self.overwrite(&form::write(Form::File, now, current, next));
    }

    /// Leaves no key in the file.
    pub(super) fn erase(&self) {
        self.overwrite(&[0; FORM_BYTES]);
    }

    fn overwrite(&self, bytes: &[u8]) {
        if let Err(error) = self.file.write_all_at(bytes, 0) {
            tracing::warn!(%error, "cannot write the key file: a restart will begin a new epoch");
        }
    }
}
