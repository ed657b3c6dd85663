//! The only bytes on the log: [`EventBatch`], and the one place that reads and writes it.
//!
//! An event is encoded as a batch of one; encoded batches concatenate into a batch, which is how
//! Protobuf's repeated fields are defined, so bundling events costs no decoding.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use crate::{Basis, Event, EventBatch, FieldSet, Kind, Purpose, Site};

/// Why a record cannot be stored. It names the rule that is broken and holds none of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// An identifier that is not 16 bytes long.
    #[error("an identifier has the wrong length")]
    BadId,
    /// A site or purpose outside of its alphabet.
    #[error("a name is not allowed")]
    BadName,
    /// Not Protobuf, or not this message.
    #[error("the bytes are not a candor.v1.EventBatch")]
    NotProtobuf,
    /// No purpose may keep the event.
    #[error("an event carries no grant")]
    NoGrant,
    /// An event that no collector makes, for it would fit into no record.
    #[error("an event is larger than any of a collector")]
    TooLarge,
    /// A kind or basis of a later version.
    #[error("a value is not known to this version")]
    UnknownValue,
    /// A field of a later version.
    #[error("a grant names fields that are not known to this version")]
    UnknownField,
}

impl WireError {
    /// Whether a newer version could read the record: the reader stops and keeps it, rather than
    /// set it aside.
    pub const fn is_from_the_future(self) -> bool {
        matches!(self, Self::UnknownField | Self::UnknownValue)
    }

    /// The word for it in metrics and in the quarantine.
    pub const fn label(self) -> &'static str {
        match self {
            Self::BadId => "bad_id",
            Self::BadName => "bad_name",
            Self::NotProtobuf => "not_protobuf",
            Self::NoGrant => "no_grant",
            Self::TooLarge => "too_large",
            Self::UnknownValue => "unknown_value",
            Self::UnknownField => "unknown_field",
        }
    }
}

/// The most bytes that an event may have: a collector makes no larger record either.
pub const EVENT_BYTES_MAX: usize = 512 << 10;

/// Encodes one event as a batch of one.
pub fn encode(event: &Event) -> Bytes {
    let mut record = BytesMut::with_capacity(event.encoded_len() + 6);
    encode_into(event, &mut record);
    record.freeze()
}

/// Appends one event to an encoded batch.
pub fn encode_into(event: &Event, batch: &mut impl BufMut) {
    prost::encoding::message::encode(1, event, batch);
}

/// Reads a record, and checks what the types of the contract cannot say.
///
/// # Errors
/// [`WireError`]: the record cannot be stored as it is.
pub fn decode(record: &[u8]) -> Result<EventBatch, WireError> {
    let batch = EventBatch::decode(record).map_err(|_| WireError::NotProtobuf)?;
    batch.events.iter().try_for_each(check)?;
    let is_too_large = |event: &Event| event.encoded_len() > EVENT_BYTES_MAX;
    if record.len() > EVENT_BYTES_MAX && batch.events.iter().any(is_too_large) {
        return Err(WireError::TooLarge);
    }
    Ok(batch)
}

fn check(event: &Event) -> Result<(), WireError> {
    if event.id.len() != 16 || event.policy_version.len() != 16 {
        return Err(WireError::BadId);
    }
    let optional = [
        &event.consent_record,
        &event.address,
        &event.address_hash,
        &event.visitor,
        &event.visitor_previous,
    ];
    if optional.iter().any(|id| !matches!(id.len(), 0 | 16)) {
        return Err(WireError::BadId);
    }
    if Site::parse(&event.site).is_err() {
        return Err(WireError::BadName);
    }
    if matches!(Kind::try_from(event.kind), Err(_) | Ok(Kind::Unspecified)) {
        return Err(WireError::UnknownValue);
    }
    if event.grants.is_empty() {
        return Err(WireError::NoGrant);
    }
    for grant in &event.grants {
        if Purpose::parse(&grant.purpose).is_err() {
            return Err(WireError::BadName);
        }
        if matches!(Basis::try_from(grant.basis), Err(_) | Ok(Basis::Unspecified)) {
            return Err(WireError::UnknownValue);
        }
        FieldSet::from_bits(grant.fields).ok_or(WireError::UnknownField)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "wire/tests.rs"]
mod tests;
