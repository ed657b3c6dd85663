//! The embedded ClickHouse engine, in a process of its own behind ClickHouse's HTTP interface.
//!
//! Candor speaks HTTP to ClickHouse, and so do analysts' tools. On one machine without a server,
//! this crate answers them: it loads the real engine as a library and serves it on loopback, so
//! that there is one code path for both. A process of its own keeps the engine's crashes, memory and
//! signal handling away from the collector, and lets the kernel confine it.
//!
//! The path of a request: [`server`] accepts it, `http` checks and reads it whole, `sql` splits and
//! guards the statement, `run` has the engine run it on a fresh connection, and the answer streams
//! back. `ffi` holds the engine's C interface, and the only unsafe code.
//!
//! ```no_run
//! use std::path::Path;
//! use candor_clickhouse::{Engine, Limits, server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = server::bind("127.0.0.1:0")?;
//! let engine = Engine::open(Path::new("libchdb.so"), Path::new("data"))?;
//! let runtime = tokio::runtime::Runtime::new()?;
//! runtime.block_on(server::serve(listener, engine, Limits::default(), async {}))?;
//! # Ok(())
//! # }
//! ```
#![deny(unsafe_code)]

mod engine;
mod error;
mod exception;
#[expect(unsafe_code, reason = "the engine's C interface; nothing else in the crate is unsafe")]
mod ffi;
#[cfg(test)]
mod hostile;
mod http;
mod limits;
pub mod process;
mod run;
mod sandbox;
pub mod server;
mod session;
mod setup;
mod sql;
mod turns;
mod work;

pub use engine::Engine;
pub use error::Error;
pub use limits::Limits;
pub use sandbox::Confinement;
