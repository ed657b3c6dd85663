//! The tests of the whole way; each runs on both logs, for this file is part of two programs.

mod anonymity;
mod audit;
mod bad_input;
mod consent;
mod crash;
mod demo;
mod geo;
mod import;
mod keys;
mod log;
mod notices;
mod policies;
mod protocols;
mod quarantine;
mod retention;
mod retried;
pub(crate) mod schema;
mod sessions;
mod shutdown;
mod stricter;
mod texts;

/// A page view of the site `demo` with consent, and whatever else is said.
fn pageview(more: &str) -> String {
    format!(r#"{{"site":"demo","url":"http://localhost/a","consent":true{more}}}"#)
}
