//! The envelope of everything in the journal that is not a record: the id, the cursor and the header
//! of a segment. `[magic 8][version u32][crc32c u32 of these][length u32][body][crc32c u32 of all]`,
//! little-endian.
//!
//! The first 16 bytes are the same in every version to come, so that a later format is told from a
//! damaged one: the first is refused by name, the second may be survived.

use std::path::Path;

use super::JournalError;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Cursor,
    Id,
    Segment,
    /// Says that the records are frames of a spill.
    Spill,
}

/// Why an envelope cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormatError {
    Damaged,
    Version(u32),
}

/// Puts `body` into its envelope.
pub(super) fn seal(kind: FileKind, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + ENVELOPE_BYTES);
    bytes.extend_from_slice(kind.magic());
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// Takes the body out of its envelope; what follows the envelope is not looked at.
pub(super) fn unseal(kind: FileKind, bytes: &[u8]) -> Result<&[u8], FormatError> {
    opened(kind, bytes).ok_or(FormatError::Damaged)?
}

fn opened(kind: FileKind, bytes: &[u8]) -> Option<Result<&[u8], FormatError>> {
    let (preamble, rest) = bytes.split_first_chunk::<12>()?;
    let (crc, rest) = number(rest)?;
    let (magic, version) = preamble.split_first_chunk::<8>()?;
    if magic != kind.magic() || crc != crc32c::crc32c(preamble) {
        return None;
    }
    let (version, _) = number(version)?;
    if version != VERSION {
        return Some(Err(FormatError::Version(version)));
    }
    let (length, rest) = number(rest)?;
    let (body, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let (crc, _) = number(rest)?;
    let sealed = bytes.get(..body.len() + ENVELOPE_BYTES - 4)?;
    (crc == crc32c::crc32c(sealed)).then_some(Ok(body))
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), rest))
}

// === impl FileKind ===

impl FileKind {
    const fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Cursor => b"candor-c",
            Self::Id => b"candor-i",
            Self::Segment => b"candor-s",
            Self::Spill => b"candor-f",
        }
    }
}

// === impl FormatError ===

impl FormatError {
    /// The operator's error, for a file without which the journal cannot be opened.
    pub(super) fn of(self, path: &Path) -> JournalError {
        let path = path.to_owned();
        match self {
            Self::Damaged => JournalError::Damaged { path },
            Self::Version(version) => JournalError::Version { path, version },
        }
    }
}

/// The only version so far.
pub(super) const VERSION: u32 = 1;

/// What the envelope adds to its body.
pub(super) const ENVELOPE_BYTES: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_and_no_flipped_bit_does() {
        let sealed = seal(FileKind::Cursor, b"body");
        assert_eq!(unseal(FileKind::Cursor, &sealed), Ok(&b"body"[..]));
        assert_eq!(unseal(FileKind::Id, &sealed), Err(FormatError::Damaged), "another kind");
        for at in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert_eq!(unseal(FileKind::Cursor, &flipped), Err(FormatError::Damaged));
        }
        for length in 0..sealed.len() {
            assert_eq!(unseal(FileKind::Cursor, &sealed[..length]), Err(FormatError::Damaged));
        }
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let mut later = seal(FileKind::Id, b"");
        later[8] = 2;
        let crc = crc32c::crc32c(&later[..12]);
        later[12..16].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(unseal(FileKind::Id, &later[..16]), Err(FormatError::Version(2)));
    }
}
