//! The only bytes on the log: [`EventBatch`], and the one place that reads and writes it.
//!
//! An event is encoded as a batch of one; encoded batches concatenate into a batch, which is how
//! Protobuf's repeated fields are defined, so bundling events costs no decoding.

mod view;
mod write;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use smallvec::SmallVec;

pub use self::view::{CampaignView, EventView, GrantView, PairView};
use self::view::{Fields, Value, text};
pub use self::write::write;
use crate::{Basis, Event, EventBatch, FieldSet, Kind, Purpose, Site};

/// An event of a record, checked, and not taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded<'a> {
    /// Which event it is.
    pub id: [u8; 16],
    /// What may be kept of it, purpose by purpose; at least one.
    pub grants: GrantViews<'a>,
    /// The event's message, a part of the record: [`EventView::read`] reads it.
    pub message: Bytes,
}

/// Most events are kept for one purpose.
pub type GrantViews<'a> = SmallVec<[GrantView<'a>; 1]>;

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
    each(record, |message| {
        check(message)?;
        Event::decode(message).map_err(|_| WireError::NotProtobuf)
    })
    .map(|events| EventBatch { events })
}

/// Splits a record into its events, and checks what the types of the contract cannot say. What
/// [`decode`] refuses this refuses, and the other way round.
///
/// # Errors
/// [`WireError`]: the record cannot be stored as it is.
pub fn split(record: &Bytes) -> Result<Vec<Encoded<'_>>, WireError> {
    each(record, |message| {
        let (id, grants) = check(message)?;
        Ok(Encoded { id, grants, message: record.slice_ref(message) })
    })
}

/// What becomes of each event's message.
fn each<'a, T>(
    record: &'a [u8],
    mut event: impl FnMut(&'a [u8]) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    let mut events = Vec::new();
    let mut fields = Fields::of(record);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(message)) => events.push(event(message)?),
            (1, _) => return Err(WireError::NotProtobuf),
            _ => {}
        }
    }
    Ok(events)
}

/// The id and the grants of an event that can be stored.
fn check(message: &[u8]) -> Result<([u8; 16], GrantViews<'_>), WireError> {
    let mut grants = Ok(GrantViews::new());
    let event = EventView::check(message, |message| {
        if let Ok(read) = &mut grants {
            match grant(message) {
                Ok(grant) => read.push(grant),
                Err(error) => grants = Err(error),
            }
        }
    })?;
    let id = event.id.try_into().map_err(|_| WireError::BadId)?;
    if event.policy_version.len() != 16 {
        return Err(WireError::BadId);
    }
    let optional = [
        event.consent_record,
        event.address,
        event.address_hash,
        event.visitor,
        event.visitor_previous,
    ];
    if optional.iter().any(|id| !matches!(id.len(), 0 | 16)) {
        return Err(WireError::BadId);
    }
    if Site::check(text(event.site)?).is_err() {
        return Err(WireError::BadName);
    }
    if matches!(Kind::try_from(event.kind), Err(_) | Ok(Kind::Unspecified)) {
        return Err(WireError::UnknownValue);
    }
    let grants = grants?;
    if grants.is_empty() {
        return Err(WireError::NoGrant);
    }
    if message.len() > EVENT_BYTES_MAX {
        return Err(WireError::TooLarge);
    }
    Ok((id, grants))
}

fn grant(message: &[u8]) -> Result<GrantView<'_>, WireError> {
    let grant = GrantView::read(message)?;
    if Purpose::check(grant.purpose).is_err() {
        return Err(WireError::BadName);
    }
    if matches!(Basis::try_from(grant.basis), Err(_) | Ok(Basis::Unspecified)) {
        return Err(WireError::UnknownValue);
    }
    FieldSet::from_bits(grant.fields).ok_or(WireError::UnknownField)?;
    Ok(grant)
}

#[cfg(test)]
#[path = "wire/tests.rs"]
mod tests;
