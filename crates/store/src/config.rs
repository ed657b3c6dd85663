//! Where ClickHouse is, and how its tables are made.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// The connection to ClickHouse.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The HTTP interface.
    pub url: String,
    /// The database; created when it is missing.
    pub database: String,
    /// The user; ClickHouse's default user when it is left out.
    pub user: Option<String>,
    /// A file with the user's password. Whoever reads the configuration reads it, into `password`.
    pub password_file: Option<PathBuf>,
    /// The user's password; never in a configuration file.
    #[serde(skip)]
    pub password: Option<Password>,
    /// How tables are made.
    pub tables: TableOptions,
}

/// How tables are made.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TableOptions {
    /// The least time between two merges that remove what is overdue, seconds. Overdue rows are out of
    /// the views at once, and gone from the disk at the next such merge.
    pub ttl_timeout_seconds: u32,
    /// Whether columns are compressed. Turned off, the files can be searched for anything that should
    /// not be there.
    pub compressed: bool,
}

/// A password. It does not print.
#[derive(Clone)]
pub struct Password(String);

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8123".to_owned(),
            database: "candor".to_owned(),
            user: None,
            password_file: None,
            password: None,
            tables: TableOptions::default(),
        }
    }
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { ttl_timeout_seconds: 3_600, compressed: true }
    }
}

impl Password {
    /// This password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
