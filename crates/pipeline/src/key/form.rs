//! Epochs as bytes: in the key file, and from the leader of a fleet to the others. A version and a checksum
//! stand around them, so that what is torn, or is the other's, is no key.

use std::sync::Arc;

use candor_event::Timestamp;
use zeroize::Zeroizing;

use super::epoch::{Epoch, Previous};
use crate::locked::Locked;

/// The present epoch, and the next one when it is drawn already.
pub(super) struct Held {
    /// When it was written, by the clock of whoever did.
    pub(super) at: Timestamp,
    pub(super) current: Epoch,
    pub(super) next: Option<Epoch>,
}

/// Whom the bytes are for; the first of them says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Form {
    File = 2,
    Handover = 0x81,
}

/// id, from, until, key.
const EPOCH_BYTES: usize = 8 + 8 + 8 + 32;
/// version, time of writing, present epoch, previous until (0: none), previous key, next epoch (id 0: none).
const CHECKED_BYTES: usize = 1 + 8 + EPOCH_BYTES + 8 + 32 + EPOCH_BYTES;
const CHECKSUM_BYTES: usize = 32;
/// All of it.
pub(super) const FORM_BYTES: usize = CHECKED_BYTES + CHECKSUM_BYTES;

/// The bytes of these epochs. They are overwritten when they are dropped, and never move before.
pub(super) fn write(
    form: Form,
    now: Timestamp,
    current: &Epoch,
    next: Option<&Epoch>,
) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(FORM_BYTES));
    bytes.push(form as u8);
    bytes.extend_from_slice(&now.unix().to_le_bytes());
    write_epoch(&mut bytes, current);
    let previous = current.previous.as_ref();
    let until = previous.map_or(0, |previous| previous.until.unix());
    bytes.extend_from_slice(&until.to_le_bytes());
    bytes.extend_from_slice(previous.map_or(&[0; 32], |previous| previous.key.expose()));
    match next {
        Some(next) => write_epoch(&mut bytes, next),
        None => bytes.extend_from_slice(&[0; EPOCH_BYTES]),
    }
    let checksum = blake3::hash(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes
}

fn write_epoch(bytes: &mut Vec<u8>, epoch: &Epoch) {
    bytes.extend_from_slice(&epoch.id().to_le_bytes());
    bytes.extend_from_slice(&epoch.from.unix().to_le_bytes());
    bytes.extend_from_slice(&epoch.until.unix().to_le_bytes());
    bytes.extend_from_slice(epoch.key.expose());
}

/// The epochs in these bytes; `None` when there are none, or not whole ones, or not for this.
pub(super) fn read(form: Form, bytes: &[u8]) -> Option<Held> {
    let (content, checksum) = bytes.split_at_checked(CHECKED_BYTES)?;
    if blake3::hash(content).as_bytes().as_slice() != checksum {
        return None;
    }
    let mut fields = Fields(content);
    if fields.take::<1>()? != [form as u8] {
        return None;
    }
    let at = fields.take_time()?;
    let mut current = fields.take_epoch()?;
    let until = fields.take_time()?;
    let key = Arc::new(fields.take_secret()?);
    current.previous = (until.unix() != 0).then_some(Previous { key, until });
    Some(Held { at, current, next: fields.take_epoch() })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn take_time(&mut self) -> Option<Timestamp> {
        Some(Timestamp::from_unix(i64::from_le_bytes(self.take()?)))
    }

    fn take_secret(&mut self) -> Option<Locked> {
        let (field, rest) = self.0.split_first_chunk::<32>()?;
        self.0 = rest;
        Locked::new(|bytes| {
            bytes.copy_from_slice(field);
            Some(())
        })
    }

    /// None where there is none.
    fn take_epoch(&mut self) -> Option<Epoch> {
        let id = u64::from_le_bytes(self.take()?);
        let time = (self.take_time()?, self.take_time()?);
        let key = self.take_secret()?;
        if id == 0 {
            return None;
        }
        Epoch::with_key(id, time, Arc::new(key), None)
    }
}
