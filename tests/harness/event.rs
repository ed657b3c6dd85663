//! Events that no collector made, for what is put into a log by hand.

use candor_event::{Basis, Event, Grant, Kind};

/// A page view of the demo site that statistics may keep, with this number for its id.
pub fn event(number: u8, received_at: i64) -> Event {
    Event {
        id: vec![number; 16],
        site: "demo".to_owned(),
        kind: Kind::Pageview.into(),
        received_at,
        policy_version: vec![0; 16],
        grants: vec![Grant {
            purpose: "statistics".to_owned(),
            basis: Basis::Consent.into(),
            expires_at: 4_000_000_000,
            fields: 0,
        }],
        ..Event::default()
    }
}
