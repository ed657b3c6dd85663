//! The front door through real sockets, before a log that is as slow as a test wants it.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

mod bodies;
mod clocks;
mod connections;
mod origins;
mod rates;
mod support;
mod tls;
