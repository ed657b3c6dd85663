//! The id of a log: made once, with the directory, and never again.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::JournalError;
use super::disk::sync_dir;
use super::format::{FileKind, FormatError, seal, unseal};
use crate::LogId;

/// The id in `dir`, if there is one.
pub(super) fn read(dir: &Path) -> Result<Option<LogId>, JournalError> {
    let path = dir.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::io("read", path)(error)),
    };
    let body = unseal(FileKind::Id, &bytes).map_err(|error| error.of(&path))?;
    let id = body.try_into().map_err(|_| FormatError::Damaged.of(&path))?;
    Ok(Some(LogId::from_bytes(id)))
}

/// Makes `id` the one of `dir`, durably.
pub(super) fn write(dir: &Path, id: LogId) -> Result<(), JournalError> {
    let path = dir.join(FILE);
    let new = dir.join("id.new");
    fs::File::create(&new)
        .and_then(|mut file| {
            std::io::Write::write_all(&mut file, &seal(FileKind::Id, id.as_bytes()))?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&new, &path))
        .and_then(|()| sync_dir(dir))
        .map_err(JournalError::io("write", path))
}

/// An id that no other log has.
pub(super) fn random() -> Result<LogId, JournalError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|_| JournalError::Random)?;
    Ok(LogId::from_bytes(id))
}

/// Where the error of a missing id points.
pub(super) const FILE: &str = "id";
