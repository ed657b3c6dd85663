//! What is left of a visit: the vocabulary that every other crate speaks, and the Protobuf contract
//! [`EventBatch`] that lies in the log. No I/O, no sibling, and by design no type that could hold a
//! visitor's address or a secret: [`StoredAddress`] cannot be built without truncating.
//!
//! ```
//! use candor_event::draft::{Draft, Facts, GrantDraft};
//! use candor_event::{Basis, EventId, Field, FieldSet, Kind, PolicyVersion, wire};
//!
//! let mut draft = Draft {
//!     id: EventId::from_bytes([7; 16]),
//!     site: "demo",
//!     kind: Kind::Pageview,
//!     received_at: 1_790_000_000,
//!     policy_version: PolicyVersion::from_bytes([0; 16]),
//!     key_epoch: 0,
//!     facts: Facts { path: "/prices".into(), title: "Prices".into(), ..Facts::default() },
//! };
//! let fields = FieldSet::of(&[Field::Path]);
//! let (purpose, basis) = ("statistics", Basis::Consent);
//! let grant = GrantDraft { purpose, basis, expires_at: 1_850_000_000, fields };
//! draft.facts.retain(fields);
//!
//! let record = wire::write(&draft, [grant].into_iter());
//! let read = wire::decode(&record)?;
//! assert_eq!(read.events[0].path, "/prices");
//! assert_eq!(read.events[0].title, "", "no grant covers the title, so it is not in the record");
//! # Ok::<(), wire::WireError>(())
//! ```
#![forbid(unsafe_code)]

mod address;
mod clock;
mod consent;
pub mod draft;
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
