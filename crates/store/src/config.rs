//! Where ClickHouse is, and how its tables are made.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};
use zeroize::Zeroizing;

use crate::tls::Authorities;

/// The connection to ClickHouse.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The HTTP interface, `http://` or `https://` with host and port: user and password have keys of their
    /// own, and are refused here.
    #[serde(deserialize_with = "bare_url")]
    pub url: String,
    /// The certificates of the authorities that may vouch for ClickHouse, PEM; with `https://` it must be set.
    /// Whoever reads the configuration reads it, into `authorities`.
    pub ca_file: Option<PathBuf>,
    /// Those that may vouch for ClickHouse; never in a configuration file. Certificate and host name are
    /// always checked.
    #[serde(skip)]
    pub authorities: Option<Authorities>,
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

/// A password. It does not print, and is overwritten when it is dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8123".to_owned(),
            database: "candor".to_owned(),
            ca_file: None,
            authorities: None,
            user: None,
            password_file: None,
            password: None,
            tables: TableOptions::default(),
        }
    }
}

impl Config {
    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.url.starts_with(HTTPS)
    }
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { ttl_timeout_seconds: 3_600, compressed: true }
    }
}

impl Password {
    /// This password.
    pub fn new(password: impl Into<Zeroizing<String>>) -> Self {
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

const HTTP: &str = "http://";
const HTTPS: &str = "https://";

/// An address without anything that could be a secret. What is refused is not repeated.
fn bare_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    let Some(place) = url.strip_prefix(HTTP).or_else(|| url.strip_prefix(HTTPS)) else {
        return Err(de::Error::custom("url must begin with http:// or https://"));
    };
    if place.contains(['@', '?', '#']) {
        return Err(de::Error::custom(
            "url must be scheme, host and port: the user belongs into `user`, the password into a file \
             that `password_file` names",
        ));
    }
    Ok(url)
}
