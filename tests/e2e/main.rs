//! The whole way, through public doors only: `candor up` with the journal and the real engine.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

mod bench;
mod held;
mod load;
#[path = "suite.rs"]
mod suite;
