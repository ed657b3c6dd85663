//! What the records of a journal are: events of the log itself, or frames of a spill. A directory of one
//! kind is never taken for the other.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::JournalError;
use super::disk::sync_dir;
use super::format::{FileKind, seal, unseal};

/// What the records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Encoded batches of events.
    Batches,
    /// Frames, each an event with its id and the time at which it was spilled ([`crate::spill`]).
    Frames,
}

// === impl Contents ===

impl Contents {
    /// Whether the journal in `dir` holds this. One that is `new` gets a file that says so, before it gets
    /// an id.
    pub(super) fn check(self, dir: &Path, new: bool) -> Result<(), JournalError> {
        let path = dir.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => {
                unseal(FileKind::Spill, &bytes).map_err(|error| error.of(&path))?;
                self.expect(Self::Frames, dir)
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(JournalError::io("read", path)(error))
            }
            Err(_) if new && self == Self::Frames => write(dir, &path),
            Err(_) if new => Ok(()),
            Err(_) => self.expect(Self::Batches, dir),
        }
    }

    fn expect(self, found: Self, dir: &Path) -> Result<(), JournalError> {
        if self == found {
            return Ok(());
        }
        let holds = match found {
            Self::Batches => "the log itself, and no spill",
            Self::Frames => "a spill, and not the log itself",
        };
        Err(JournalError::Contents { dir: dir.to_owned(), holds })
    }
}

/// Half a file is one that is damaged; so it gets its name when it is whole.
fn write(dir: &Path, path: &Path) -> Result<(), JournalError> {
    let new = dir.join("spill.new");
    fs::File::create(&new)
        .and_then(|mut file| {
            std::io::Write::write_all(&mut file, &seal(FileKind::Spill, b""))?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&new, path))
        .and_then(|()| sync_dir(dir))
        .map_err(JournalError::io("write", path))
}

/// Where the error of an unknown version points.
pub(super) const FILE: &str = "spill";
