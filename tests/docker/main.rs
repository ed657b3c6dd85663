//! What `docker/` says, as far as it can be tried without a Docker engine. The files are read and checked;
//! each check is also shown a mistake. Kafka's settings and commands start the real broker, the programs
//! load their configuration, and ClickHouse's grants and limits are put in force in the real engine.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

mod access;
mod analysts;
mod compose;
mod config;
mod engine;
mod image;
mod kafka;
mod server;
mod sql;
mod whole;

use std::path::PathBuf;

/// The root of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file of the repository.
fn read(path: &str) -> String {
    let file = root().join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A file with a mistake put in: `from` has to be there.
fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "nothing to change: {from}");
    text.replace(from, to)
}
