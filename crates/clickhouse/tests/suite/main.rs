//! The server's promises, over its own door: every test speaks HTTP to a real engine.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod client;
mod confinement;
mod crash;
mod inserts;
mod interface;
mod lifecycle;
mod rust_client;
#[path = "../support/server.rs"]
mod server;
mod sessions;
