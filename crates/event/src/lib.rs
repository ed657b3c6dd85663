//! What is left of a visit: the vocabulary that every other crate speaks, and the Protobuf contract
//! [`EventBatch`] that lies in the log. No I/O, no sibling, and by design no type that could hold a
//! visitor's address or a secret: [`StoredAddress`] cannot be built without truncating.
//!
//! ```
//! use candor_event::{Event, EventId, Field, FieldSet, Grant, Kind, wire};
//!
//! let mut event = Event {
//!     id: EventId::from_bytes([7; 16]).to_vec(),
//!     site: "demo".to_owned(),
//!     kind: Kind::Pageview.into(),
//!     received_at: 1_790_000_000,
//!     policy_version: vec![0; 16],
//!     path: "/prices".to_owned(),
//!     title: "Prices".to_owned(),
//!     ..Event::default()
//! };
//! let fields = FieldSet::of(&[Field::Path]);
//! event.grants.push(Grant {
//!     purpose: "statistics".to_owned(),
//!     basis: candor_event::Basis::Consent.into(),
//!     expires_at: 1_850_000_000,
//!     fields: fields.bits(),
//! });
//! event.retain(fields);
//!
//! let record = wire::encode(&event);
//! let read = wire::decode(&record)?;
//! assert_eq!(read.events[0].path, "/prices");
//! assert_eq!(read.events[0].title, "", "no grant covers the title, so it is not in the record");
//! # Ok::<(), wire::WireError>(())
//! ```
#![forbid(unsafe_code)]

mod address;
mod clock;
mod consent;
mod event;
mod field;
mod id;
mod name;
mod outcome;
pub mod wire;

#[expect(clippy::pedantic, reason = "generated from proto/candor/v1/event.proto")]
mod generated {
    include!("generated/candor.v1.rs");
}

pub use address::{StoredAddress, TooPrecise};
pub use clock::{Clock, ManualClock, Timestamp};
pub use consent::Signal;
pub use field::{Field, FieldSet, Identifiability};
pub use generated::{Basis, Campaign, Channel, Device, Event, EventBatch, Grant, Kind, Pair};
pub use id::{EventId, PolicyVersion};
pub use name::{NameError, Purpose, Site};
pub use outcome::Outcome;
