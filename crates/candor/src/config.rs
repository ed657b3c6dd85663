//! `candor.toml`: each crate owns its part, this composes them. Every key is optional.

mod fleet;
#[cfg(test)]
mod hostile;
mod secret;
mod tables;

use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use candor_pipeline::KeyPeriod;
use candor_store::{Authorities, Password};
use candor_transport::journal::JournalConfig;
use candor_transport::kafka::{KafkaConfig, KafkaError};
use candor_transport::spill::{SpillConfig, SpillError};
use serde::Deserialize;

pub(crate) use fleet::{FleetConfig, Leader, Role};
pub(crate) use tables::{
    Ack, AdminConfig, AgentsConfig, DataConfig, EngineConfig, GeoConfig, KeysConfig, Level,
    LogConfig, LogKind, PoliciesConfig, TelemetryConfig,
};

use crate::telemetry;

/// The commented reference: every key with its default.
pub(crate) const REFERENCE: &str = include_str!("reference.toml");

const JOURNAL_BATCH_AGE_MS: NonZeroU64 = NonZeroU64::new(1_000).unwrap();
const KAFKA_BATCH_AGE_MS: NonZeroU64 = NonZeroU64::new(5_000).unwrap();
/// What notices say of the key before: half an hour.
const OVERLAP_S_MAX: u32 = 1_800;

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
    pub(crate) log: LogConfig,
    pub(crate) journal: JournalConfig,
    pub(crate) kafka: KafkaConfig,
    pub(crate) spill: SpillConfig,
    pub(crate) sink: candor_sink::Config,
    pub(crate) clickhouse: candor_store::Config,
    pub(crate) engine: EngineConfig,
    pub(crate) telemetry: TelemetryConfig,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error("in {path}: {message}\n`candor config` prints every key with its default")]
    Parse { path: PathBuf, message: String },
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Spill(#[from] SpillError),
    #[error("{0}")]
    Value(String),
}

/// `candor config`: prints the reference, or checks a file.
pub(crate) fn show(check: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = check else {
        return telemetry::say(REFERENCE);
    };
    Config::load(Some(path))?.check()?;
    telemetry::say(&format!("{} can be used\n", path.display()))
}

// === impl Config ===

impl Config {
    /// Reads a file; without one everything is at its default.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let read = |source| ConfigError::Read { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(read)?;
        Self::parse(path, &text)
    }

    /// The line at fault is named and not shown: it may hold a secret that stands where it should not.
    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let begin = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(begin).filter(|byte| *byte == b'\n').count() + 1;
            let message = format!("line {line}: {}", error.message());
            ConfigError::Parse { path: path.to_owned(), message }
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
            return Err(ConfigError::value(
                "keys.rotation_s must be above 0 and above keys.overlap_s",
            ));
        }
        if self.keys.overlap_s > OVERLAP_S_MAX {
            return Err(ConfigError::value(
                "keys.overlap_s is at most 1800: notices promise that a key is gone half an hour \
                 after its time",
            ));
        }
        self.collector.check().map_err(ConfigError::value)?;
        self.keys.fleet.role()?;
        for (table, tls) in [("collector", &self.collector.tls), ("admin", &self.admin.tls)] {
            let half = |error| ConfigError::Value(format!("[{table}.tls]: {error}"));
            tls.files().map_err(half)?;
        }
        if self.collector.tls.client_ca_file.is_some() {
            return Err(ConfigError::value(
                "collector.tls.client_ca_file: visitors have no certificates; it is for [admin.tls]",
            ));
        }
        if self.clickhouse.is_tls() != self.clickhouse.ca_file.is_some() {
            return Err(ConfigError::value(
                "clickhouse.url with https:// and clickhouse.ca_file go together: name the authorities \
                 that may vouch for ClickHouse, /etc/ssl/certs/ca-certificates.crt for those that this \
                 system trusts",
            ));
        }
        match self.log.kind {
            LogKind::Journal => {
                self.journal.check().map_err(|error| ConfigError::Value(error.to_string()))
            }
            LogKind::Kafka => {
                self.kafka.check()?;
                Ok(self.spill.check()?)
            }
        }
    }

    pub(crate) fn key_period(&self) -> KeyPeriod {
        KeyPeriod { rotation_seconds: self.keys.rotation_s, overlap_seconds: self.keys.overlap_s }
    }

    /// When batches are stored. Each partition makes batches of its own, and Kafka has several.
    pub(crate) fn batches(&self) -> candor_sink::Config {
        let batch_age = match self.log.kind {
            LogKind::Journal => JOURNAL_BATCH_AGE_MS,
            LogKind::Kafka => KAFKA_BATCH_AGE_MS,
        };
        self.sink.clone().or_batch_age(batch_age)
    }

    /// Refuses more inserts a second than ClickHouse can merge: the tables of all purposes, and the
    /// ledger, for each partition.
    pub(crate) fn check_inserts(&self, purposes: usize) -> Result<(), ConfigError> {
        let tables = purposes as u64 + 1;
        let partitions = match self.log.kind {
            LogKind::Journal => 1,
            LogKind::Kafka => self.kafka.create.partitions.get().into(),
        };
        self.batches()
            .check(tables, partitions)
            .map_err(|error| ConfigError::Value(error.to_string()))
    }

    /// A sink that does nothing for this long has lost its partitions.
    pub(crate) fn stall_max(&self) -> Duration {
        let session = Duration::from_secs(self.kafka.session_timeout_s.get().into());
        session.max(self.sink.insert_deadline() * 2)
    }

    /// Whether nobody else can reach the secret in a file.
    pub(crate) fn check_secret(path: &Path) -> Result<(), ConfigError> {
        secret::check(path)
    }

    /// Where Kafka is, once nobody else can read the secrets for it.
    pub(crate) fn kafka(&self) -> Result<&KafkaConfig, ConfigError> {
        let security = &self.kafka.security;
        for path in security.password_file.iter().chain(&security.key_file) {
            secret::check(path)?;
        }
        Ok(&self.kafka)
    }

    /// Where the configured ClickHouse is, with the password and the authorities that its files hold.
    pub(crate) fn server(&self) -> Result<candor_store::Config, ConfigError> {
        let mut clickhouse = self.clickhouse.clone();
        if let Some(path) = &clickhouse.password_file {
            clickhouse.password = Some(Password::new(secret::read(path)?));
        }
        if let Some(path) = &clickhouse.ca_file {
            let read = |source| ConfigError::Read { path: path.to_owned(), source };
            let text = std::fs::read(path).map_err(read)?;
            let unusable = |error| ConfigError::Value(format!("{}: {error}", path.display()));
            clickhouse.authorities = Some(Authorities::from_pem(&text).map_err(unusable)?);
        }
        Ok(clickhouse)
    }

    /// Where the embedded ClickHouse is. It has no users.
    pub(crate) fn embedded(&self, url: String) -> candor_store::Config {
        let clickhouse = self.clickhouse.clone();
        candor_store::Config { url, ca_file: None, user: None, password: None, ..clickhouse }
    }

    /// Where Kafka is. Refuses a log that only one process can hold.
    pub(crate) fn need_kafka(
        &self,
        command: &str,
        instead: &str,
    ) -> Result<&KafkaConfig, ConfigError> {
        if self.log.kind == LogKind::Kafka {
            return self.kafka();
        }
        Err(ConfigError::Value(format!(
            "`candor {command}` needs Kafka, but the log is a journal, which belongs to one process: \
             {instead}, or set kind = \"kafka\" under [log] in candor.toml"
        )))
    }
}

// === impl ConfigError ===

impl ConfigError {
    pub(crate) fn value(message: &str) -> Self {
        Self::Value(message.to_owned())
    }
}

#[cfg(test)]
mod tests;
