//! `candor.toml`: each crate owns its part, this composes them. Every key is optional.
#![expect(clippy::disallowed_types, reason = "addresses to listen on")]

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use candor_pipeline::KeyPeriod;
use candor_transport::journal::JournalConfig;
use serde::Deserialize;

/// The commented reference: every key with its default.
pub(crate) const REFERENCE: &str = include_str!("reference.toml");

/// The whole configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) data: DataConfig,
    pub(crate) policies: PoliciesConfig,
    pub(crate) collector: candor_collector::Config,
    pub(crate) admin: AdminConfig,
    pub(crate) keys: KeysConfig,
    pub(crate) geo: GeoConfig,
    pub(crate) agents: AgentsConfig,
    pub(crate) journal: JournalConfig,
    pub(crate) sink: candor_sink::Config,
    pub(crate) clickhouse: candor_store::Config,
    pub(crate) engine: EngineConfig,
    pub(crate) log: LogConfig,
}

/// Where data lies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DataConfig {
    pub(crate) dir: PathBuf,
}

/// Where policies lie.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PoliciesConfig {
    pub(crate) dir: Option<PathBuf>,
}

/// Health, metrics and import.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AdminConfig {
    pub(crate) listen: SocketAddr,
}

/// The rotating key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KeysConfig {
    pub(crate) rotation_s: u32,
    pub(crate) overlap_s: u32,
    pub(crate) file: Option<PathBuf>,
}

/// Address databases.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GeoConfig {
    pub(crate) places: Option<PathBuf>,
    pub(crate) networks: Option<PathBuf>,
}

/// The user agent parser.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AgentsConfig {
    pub(crate) rules: Option<PathBuf>,
}

/// The embedded ClickHouse.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EngineConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) library: Option<PathBuf>,
}

/// The log of the program itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    pub(crate) level: Level,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Debug,
    Error,
    #[default]
    Info,
    Warn,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("in {path}: {message}\n`candor config` prints every key with its default")]
    Parse { path: PathBuf, message: String },
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{0}")]
    Value(String),
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { dir: "data".into() }
    }
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 8090).into() }
    }
}

impl Default for KeysConfig {
    fn default() -> Self {
        let KeyPeriod { rotation_seconds, overlap_seconds } = KeyPeriod::default();
        Self { rotation_s: rotation_seconds, overlap_s: overlap_seconds, file: None }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 8123).into(), library: None }
    }
}

impl Config {
    /// Reads a file; without one everything is at its default.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let read = |source| ConfigError::Read { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(read)?;
        toml::from_str(&text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }

    /// Whether the values fit each other.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if !self.engine.listen.ip().is_loopback() {
            return Err(ConfigError::Value(format!(
                "the embedded ClickHouse has no users and listens on loopback only, not on {}: \
                 choose 127.0.0.1, or put a proxy with authentication before it",
                self.engine.listen
            )));
        }
        if self.keys.rotation_s == 0 || self.keys.overlap_s >= self.keys.rotation_s {
            return Err(ConfigError::Value(
                "keys.rotation_s must be above 0 and above keys.overlap_s".to_owned(),
            ));
        }
        Ok(())
    }

    pub(crate) fn key_period(&self) -> KeyPeriod {
        KeyPeriod { rotation_seconds: self.keys.rotation_s, overlap_seconds: self.keys.overlap_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference with every `# key = value` taken out of its comment. Prose has no ` = `.
    fn uncommented() -> String {
        let is_key = |line: &str| {
            let name = line.strip_prefix("# ").and_then(|line| line.split_once(" = "));
            name.is_some_and(|(name, _)| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'))
        };
        let line =
            |line: &str| if is_key(line) { line.replacen("# ", "", 1) } else { line.to_owned() };
        REFERENCE.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_reference_is_the_defaults() {
        let reference: Config = toml::from_str(REFERENCE).unwrap();
        assert_eq!(format!("{reference:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn every_key_of_the_reference_is_read() {
        let config: Config = toml::from_str(&uncommented()).unwrap();
        assert!(config.keys.file.is_some() && config.geo.places.is_some());
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("candor.toml");
        std::fs::write(&path, "[sink]\nbatch_ago_ms = 5\n").unwrap();
        let error = Config::load(Some(&path)).unwrap_err().to_string();
        assert!(error.contains("batch_ago_ms") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn an_engine_for_everyone_is_refused() {
        let mut config = Config::default();
        config.engine.listen = ([0, 0, 0, 0], 8123).into();
        assert!(config.check().is_err());
    }
}
