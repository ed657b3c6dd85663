//! The whole way, through public doors only: `candor up` with the journal and the real engine.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "suite.rs"]
mod suite;
