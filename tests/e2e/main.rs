//! The whole way, through public doors only: `candor up` with its journal and the real engine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod anonymity;
mod bad_input;
mod consent;
mod crash;
mod demo;
mod geo;
mod import;
mod keys;
mod quarantine;
mod retention;
mod schema;
mod shutdown;

/// A page view of the site `demo` with consent, and whatever else is said.
fn pageview(more: &str) -> String {
    format!(r#"{{"site":"demo","url":"http://localhost/a","consent":true{more}}}"#)
}
