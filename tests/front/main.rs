//! The HTTP front as operators meet it: `candor up` with certificates that change, and among many connections.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

mod figures;
mod fleet;
mod process;
mod tls;
