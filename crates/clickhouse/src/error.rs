//! What keeps the server from starting or running; each message says what to do next.

use std::io;
use std::path::PathBuf;

/// An operator's problem.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The listening address would be reachable from other machines.
    #[error(
        "refusing to listen on {0}: the embedded engine has no users and no encryption, so it \
         binds to loopback only; use 127.0.0.1 or [::1], or run a ClickHouse server instead"
    )]
    NotLoopback(String),
    /// The listening socket could not be bound.
    #[error("cannot listen on {address}: is another server running there? try port 0")]
    Bind {
        /// The address asked for.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The engine's library could not be loaded.
    #[error(
        "cannot load the engine from {path}: give the path of libchdb.so 26.7 (npm package \
         @chdb/lib-linux-x64-gnu) with --library"
    )]
    Library {
        /// The path tried.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: libloading::Error,
    },
    /// The data directory, or a file in it, could not be made.
    #[error("cannot write {path}: give a data directory that this user may write with --data")]
    Data {
        /// The path tried.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The data directory belongs to a running engine.
    #[error("{0} is in use by another engine: stop it, or give another directory with --data")]
    Locked(PathBuf),
    /// The engine did not come up.
    #[error(
        "the engine did not start on {0}: its files may be damaged or written by a newer version; \
         its own words stand above"
    )]
    Boot(PathBuf),
    /// The engine refused one of the server's own statements.
    #[error("the engine refused a statement at start-up: {0}")]
    Startup(String),
    /// The process could not be confined to its data directory.
    #[error("cannot confine the process to its data directory")]
    Sandbox(#[source] landlock::RulesetError),
    /// A socket or thread failed.
    #[error("the server cannot go on")]
    Io(#[from] io::Error),
}
