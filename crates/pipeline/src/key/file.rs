//! The key's place on tmpfs, so that a restart within an epoch finds it again.
//!
//! Memory is the only place where a key may lie: the file system is asked what it is, and anything
//! but tmpfs or ramfs is refused. This is the only I/O of the crate; it happens at start and at
//! rotation, never for a beacon.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candor_event::Timestamp;
use zeroize::Zeroizing;

use super::epoch::{Epoch, Previous};
use crate::locked::Locked;

/// `statfs` magic numbers of the file systems that live in memory (linux/magic.h).
const TMPFS_MAGIC: i64 = 0x0102_1994;
const RAMFS_MAGIC: i64 = 0x8584_58f6;

const FORMAT_VERSION: u8 = 1;
/// version, id, until, key, previous until (0: none), previous key, checksum.
const FILE_BYTES: usize = 1 + 8 + 8 + 32 + 8 + 32 + 32;
const CHECKED_BYTES: usize = FILE_BYTES - 32;

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

    /// The epoch in the file; `None` when there is none, or not a whole one.
    pub(super) fn read(&self) -> Option<Epoch> {
        let mut bytes = Zeroizing::new([0_u8; FILE_BYTES]);
        self.file.read_exact_at(bytes.as_mut(), 0).ok()?;
        let (content, checksum) = bytes.split_at_checked(CHECKED_BYTES)?;
        if blake3::hash(content).as_bytes().as_slice() != checksum {
            return None;
        }
        let mut fields = Fields(content);
        if fields.take::<1>()? != [FORMAT_VERSION] {
            return None;
        }
        let id = u64::from_le_bytes(fields.take()?);
        let until = Timestamp::from_unix(i64::from_le_bytes(fields.take()?));
        let key = fields.take_secret()?;
        let previous_until = Timestamp::from_unix(i64::from_le_bytes(fields.take()?));
        let previous_key = fields.take_secret()?;
        let previous = (previous_until.unix() != 0)
            .then(|| Previous { key: Arc::new(previous_key), until: previous_until });
        Epoch::with_key(id, until, Arc::new(key), previous)
    }

    /// Overwrites the file with this epoch, so that the key before is gone. A failure costs no more
    /// than the restart's continuity.
    pub(super) fn write(&self, epoch: &Epoch) {
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES));
        bytes.push(FORMAT_VERSION);
        bytes.extend_from_slice(&epoch.id().to_le_bytes());
        bytes.extend_from_slice(&epoch.until.unix().to_le_bytes());
        bytes.extend_from_slice(epoch.key.expose());
        let previous = epoch.previous.as_ref();
        let until = previous.map_or(0, |previous| previous.until.unix());
        bytes.extend_from_slice(&until.to_le_bytes());
        bytes.extend_from_slice(previous.map_or(&[0; 32], |previous| previous.key.expose()));
        let checksum = blake3::hash(&bytes);
        bytes.extend_from_slice(checksum.as_bytes());
        self.overwrite(&bytes);
    }

    /// Leaves no key in the file.
    pub(super) fn erase(&self) {
        self.overwrite(&[0; FILE_BYTES]);
    }

    fn overwrite(&self, bytes: &[u8]) {
        if let Err(error) = self.file.write_all_at(bytes, 0) {
            tracing::warn!(%error, "cannot write the key file: a restart will begin a new epoch");
        }
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn take_secret(&mut self) -> Option<Locked> {
        let (field, rest) = self.0.split_first_chunk::<32>()?;
        self.0 = rest;
        Locked::new(|bytes| {
            bytes.copy_from_slice(field);
            Some(())
        })
    }
}
