//! A firm's privacy notice as a program: a TOML file that says who keeps what of a visit, for which
//! purpose, on which basis and for how long, compiled once into what the hot path asks. Pure: no I/O
//! and no clock. A file with any problem yields no policy at all, and every problem is shown at once.
//!
//! ```
//! use candor_event::{Field, Kind, Timestamp};
//! use candor_policy::{Consent, DEMO, Denial, Request, Signals, compile};
//!
//! let policy = compile("demo.toml", DEMO)?;
//! let now = Timestamp::from_unix(1_790_000_000);
//! let mut request = Request {
//!     kind: Kind::Pageview,
//!     signals: Signals::default(),
//!     consent: Consent::All(true),
//!     received_at: now,
//!     now,
//!     asserted_by_operator: false,
//! };
//! let admission = policy.admit(&request).expect("the visitor consented");
//! let grant = admission.grants().next().expect("an admission is never empty");
//! assert_eq!(grant.purpose.as_str(), "statistics");
//! assert!(grant.fields.contains(Field::Path));
//!
//! request.signals.gpc = true;
//! assert_eq!(policy.admit(&request).err(), Some(Denial::Gpc), "a signal beats consent");
//!
//! let problems = compile("my.toml", "[controler]").unwrap_err().to_string();
//! assert!(problems.contains("did you mean `controller`?"));
//! # Ok::<(), candor_policy::Problems>(())
//! ```
#![forbid(unsafe_code)]

mod civil;
mod compile;
mod country;
mod date;
mod diff;
mod document;
mod explain;
mod file;
mod foreign;
mod form;
mod gate;
mod host;
mod hours;
mod json;
mod kind;
mod language;
mod nearest;
mod notice;
mod page;
mod pending;
mod period;
mod policy;
mod problem;
mod profile;
mod prose;
mod record;
mod redact;
mod registry;
mod retention;
mod rules;
mod version;
mod words;

pub use compile::{compile, compile_json};
pub use country::{Authority, Country, Region};
pub use date::Date;
pub use diff::{Change, Diff, Effect, Subject};
pub use explain::Explanation;
pub use foreign::{ForeignId, ForeignIdError, Protocol, Scripts};
pub use gate::{Admission, Consent, Denial, GrantRef, Request, Signals};
pub use host::{HostError, HostPattern};
pub use hours::Hours;
pub use kind::KindSet;
pub use language::{Language, Texts};
pub use notice::{Escaped, Format, NoticeError, Published, STYLE};
pub use page::{PathPattern, PatternError};
pub use pending::{Capability, Pending};
pub use period::{Period, PeriodError};
pub use policy::Policy;
pub use policy::controller::{
    Controller, Data, Edition, Processor, Role, Safeguard, SiteEntry, Task,
};
pub use policy::purpose::{LegalBasis, PurposeRule};
pub use policy::treatment::{AddressMode, Geography, ReferrerMode, VisitorMode};
pub use problem::Problems;
pub use profile::Profile;
pub use redact::{Redaction, may_be_redacted, redact};
pub use registry::Registry;
pub use retention::Retention;

/// The text of the built-in demo: statistics on consent, for 24 months, without a visitor id.
pub const DEMO: &str = include_str!("../policies/demo.toml");

/// Five firms' notices as policy files, by name: examples, and what tests hold the language against.
pub const NOTICES: [(&str, &str); 5] = [
    ("reachmee.toml", include_str!("../policies/reachmee.toml")),
    ("smilee.toml", include_str!("../policies/smilee.toml")),
    ("heeros.toml", include_str!("../policies/heeros.toml")),
    ("superoffice.toml", include_str!("../policies/superoffice.toml")),
    ("vastuu.toml", include_str!("../policies/vastuu.toml")),
];
