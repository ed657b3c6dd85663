//! The tables of `candor.toml` that belong to no other crate.
#![expect(clippy::disallowed_types, reason = "addresses to listen on")]

use std::net::SocketAddr;
use std::path::PathBuf;

use candor_collector::tls::TlsConfig;
use candor_pipeline::KeyPeriod;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::FleetConfig;

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
    pub(crate) tls: TlsConfig,
}

/// The rotating key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KeysConfig {
    pub(crate) rotation_s: u32,
    pub(crate) overlap_s: u32,
    pub(crate) file: Option<PathBuf>,
    pub(crate) fleet: FleetConfig,
    #[serde(rename = "sole_collector")]
    _sole_collector: SoleCollector,
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
    pub(crate) crawlers: Option<PathBuf>,
    pub(crate) isbot: Option<PathBuf>,
    pub(crate) referrer_spam: Option<PathBuf>,
}

/// The embedded ClickHouse.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EngineConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) library: Option<PathBuf>,
}

/// The log between the collector and the sink.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    pub(crate) kind: LogKind,
    pub(crate) ack: Ack,
    #[serde(rename = "level")]
    _level: Moved,
}

/// When an event counts as taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ack {
    #[default]
    Durable,
    /// Loses events in a crash.
    Memory,
}

/// What the log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogKind {
    #[default]
    Journal,
    Kafka,
}

/// A key that stood here before. Whoever still has it is told where it went.
#[derive(Clone, Debug, Default)]
struct Moved;

/// What was sworn before collectors could share keys.
#[derive(Clone, Copy, Debug, Default)]
struct SoleCollector;

/// What the program says of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TelemetryConfig {
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

impl Default for DataConfig {
    fn default() -> Self {
        Self { dir: "data".into() }
    }
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 8090).into(), tls: TlsConfig::default() }
    }
}

impl Default for KeysConfig {
    fn default() -> Self {
        let KeyPeriod { rotation_seconds, overlap_seconds } = KeyPeriod::default();
        Self {
            rotation_s: rotation_seconds,
            overlap_s: overlap_seconds,
            file: None,
            fleet: FleetConfig::default(),
            _sole_collector: SoleCollector,
        }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 8123).into(), library: None }
    }
}

impl<'de> Deserialize<'de> for Moved {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(
            "what the program says of itself is set by `level` under [telemetry] now; \
             [log] is the log between the collector and the sink",
        ))
    }
}

impl<'de> Deserialize<'de> for SoleCollector {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(
            "sole_collector has fallen away: take the line out. A collector without [keys.fleet] draws keys of \
             its own; with it, several share them",
        ))
    }
}
