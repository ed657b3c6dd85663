//! The front door: hyper in, the log out. Every beacon that is heard ends in exactly one
//! [`Outcome`](candor_event::Outcome), and the visitor's browser is answered 202 only when its event is
//! durable.
#![forbid(unsafe_code)]

mod body;
mod config;
mod door;
#[cfg(test)]
mod hostile;
mod import;
mod inflate;
pub mod limit;
mod protocol;
mod rate;
pub mod respond;
mod route;
pub mod server;
mod share;
mod tally;
mod throttle;
pub mod tls;

pub use config::{Config, Limits, TrackerPath, TrackerPathError};
pub use door::{Door, Page, Pages};
pub use import::{ImportError, Report};
pub use tally::Tally;
