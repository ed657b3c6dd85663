//! The whole way, through public doors only: `candor up` with the real Apache Kafka and the real engine.
//! The harness tells the two programs apart by their names.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]
#![expect(clippy::print_stdout, reason = "seeds and figures are for whoever looks")]

mod disks;
mod faults;
mod fleet;
mod killed;
mod marks;
mod parts;
mod poison;
mod replayed;
mod spilled;
#[path = "../e2e/suite.rs"]
mod suite;
mod versions;
