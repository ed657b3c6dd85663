//! Runs the real thing for tests: `candor up` as a process of its own, with the real engine, on free
//! ports and in a directory of its own. Public doors only.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics"
)]

mod audit;
mod authority;
mod candor;
mod config;
mod disk;
mod event;
mod geo;
mod hash;
mod http;
mod kafka;
mod leak;
mod load;
mod part;
mod parts;
mod policy;
mod process;
mod proxy;
mod scale;
mod sql;
mod stranger;

pub use audit::Audit;
pub use authority::{Authority, Shown};
pub use candor::{Candor, Options};
pub use disk::SmallDisk;
pub use event::event;
pub use geo::{geo_config, geo_database};
pub use hash::hash_under;
pub use http::{Answer, Client};
pub use kafka::Broker;
pub use leak::{Canary, Leak, MARKED, MARKED_INTERFACE, files};
pub use load::{Load, audit, stored_after};
pub use part::{Part, free_address};
pub use parts::{Parts, PartsOptions};
pub use policy::{Policy, policy};
pub use process::{Process, program};
pub use proxy::{Ailment, Proxy};
pub use scale::{Fault, Scale, scale};
pub use stranger::Stranger;

use std::time::{Duration, Instant};

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| DIGITS[usize::from(digit)])
        .collect()
}

const DIGITS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

/// Waits until `done` gives a value, looking again every few milliseconds.
pub fn eventually<T>(what: &str, done: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_secs(30), what, done)
}

/// The same, for so long: of what other programs take their time for.
pub fn within<T>(most: Duration, what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + most;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {most:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
