//! Everything about the Kafka log that can be set, in one place.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use candor_event::wire::EVENT_BYTES_MAX;
use serde::{Deserialize, Serialize};

use super::KafkaError;

/// The Kafka log: where it is, and the bounds of its clients.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// Brokers to begin with, `host:port` each; the others are learnt from them.
    pub bootstrap_servers: Vec<String>,
    /// The topic that holds the events.
    pub topic: String,
    /// The consumer group of the sinks, which share the partitions.
    pub group: String,
    /// The name of this sink in its group; none means the name of the host. A sink that comes back
    /// under its name within `session_timeout_s` gets its partitions back.
    pub instance: Option<String>,
    /// How the producer compresses.
    pub compression: Compression,
    /// How long events wait for others to share a record with, in milliseconds, while records before
    /// them are on their way; four times that when much comes. An event that is alone does not wait.
    pub commit_window_ms: u32,
    /// Events that may wait in memory for the broker; further ones are refused with 503.
    pub queue_events_max: NonZeroU32,
    /// Bytes of events that may wait in memory for the broker.
    pub queue_bytes_max: NonZeroU32,
    /// A sink that was not heard of for so long is taken for dead, in seconds.
    pub session_timeout_s: NonZeroU32,
    /// How the broker is talked to.
    pub security: Security,
    /// What `candor migrate` makes the topic with, and compares it to.
    pub create: TopicConfig,
}

/// How the producer compresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Cheap.
    #[default]
    Lz4,
    /// Not at all.
    None,
    /// Small.
    Zstd,
}

/// How the broker is talked to. Whoever asks for TLS gets it checked: the certificate and the host name
/// are always verified. A password is never sent without TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// Encryption, and who we say we are.
    pub protocol: Protocol,
    /// Certificates of the authorities that may vouch for the broker, PEM; none means the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, PEM.
    pub certificate_file: Option<PathBuf>,
    /// The key of our certificate, PEM.
    pub key_file: Option<PathBuf>,
    /// How the password is proved.
    pub mechanism: Option<Mechanism>,
    /// Who we are.
    pub username: Option<String>,
    /// Holds the password and nothing else; a newline at its end does not count.
    pub password_file: Option<PathBuf>,
}

/// Encryption, and who we say we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// None of both.
    #[default]
    Plaintext,
    /// TLS, and a password.
    SaslSsl,
    /// TLS, and a certificate if one is set.
    Ssl,
}

/// How a password is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// It is sent.
    Plain,
    /// By a challenge, SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// By a challenge, SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

/// How the topic is made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TopicConfig {
    /// As many sinks can share the work.
    pub partitions: NonZeroU32,
    /// Brokers that hold a copy of each partition.
    pub replication: NonZeroU16,
    /// Copies that must have an event before it counts as durable.
    pub min_insync_replicas: NonZeroU16,
    /// How long the log keeps events, in hours, read or not. The notice states it.
    pub retention_hours: NonZeroU32,
    /// Only whole segments are deleted: events stay this much longer at most, in minutes.
    pub segment_minutes: NonZeroU32,
}

// === impl KafkaConfig ===

impl KafkaConfig {
    /// Whether the values fit each other.
    ///
    /// # Errors
    /// [`KafkaError::Config`], with what is to be changed.
    pub fn check(&self) -> Result<(), KafkaError> {
        let problem = self.problem().or_else(|| self.security.problem());
        match problem.or_else(|| self.create.problem()) {
            Some(problem) => Err(KafkaError::Config(problem)),
            None => Ok(()),
        }
    }

    fn problem(&self) -> Option<&'static str> {
        let servers = &self.bootstrap_servers;
        if servers.is_empty() || servers.iter().any(|it| it.is_empty() || it.contains([',', ' '])) {
            return Some("bootstrap_servers must be a list of \"host:port\"");
        }
        if !is_name(&self.topic) {
            return Some("topic must be 1 to 249 letters, digits, dots, dashes or underscores");
        }
        if self.group.is_empty() || self.group.len() > NAME_BYTES_MAX {
            return Some("group must be 1 to 249 bytes long");
        }
        if self.instance.as_deref().is_some_and(|name| !is_name(name)) {
            return Some("instance must be 1 to 249 letters, digits, dots, dashes or underscores");
        }
        if self.commit_window_ms > COMMIT_WINDOW_MS_MAX {
            return Some("commit_window_ms must be at most 1000");
        }
        if (self.queue_bytes_max.get() as usize) < RECORD_BYTES_MAX {
            return Some("queue_bytes_max must be at least 524288, the largest record");
        }
        if self.queue_bytes_max.get() > QUEUE_BYTES_MAX {
            return Some("queue_bytes_max must be at most 1073741824");
        }
        if self.queue_events_max.get() > QUEUE_EVENTS_MAX {
            return Some("queue_events_max must be at most 10000000");
        }
        (self.session_timeout_s.get() > SESSION_TIMEOUT_S_MAX)
            .then_some("session_timeout_s must be at most 1800, which brokers take by default")
    }
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            bootstrap_servers: vec!["127.0.0.1:9092".to_owned()],
            topic: "candor".to_owned(),
            group: "candor-sink".to_owned(),
            instance: None,
            compression: Compression::default(),
            commit_window_ms: 2,
            queue_events_max: at_least_one(65_536),
            queue_bytes_max: at_least_one(32 << 20),
            session_timeout_s: at_least_one(20),
            security: Security::default(),
            create: TopicConfig::default(),
        }
    }
}

// === impl Security ===

impl Security {
    fn problem(&self) -> Option<&'static str> {
        let tls = self.protocol != Protocol::Plaintext;
        let files = [&self.ca_file, &self.certificate_file, &self.key_file];
        if !tls && files.into_iter().any(Option::is_some) {
            return Some("security: certificates need protocol = \"ssl\" or \"sasl_ssl\"");
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return Some("security: certificate_file and key_file go together");
        }
        let password =
            [self.mechanism.is_some(), self.username.is_some(), self.password_file.is_some()];
        if self.protocol == Protocol::SaslSsl {
            return password.contains(&false).then_some(
                "security: protocol = \"sasl_ssl\" needs mechanism, username and password_file",
            );
        }
        password.contains(&true).then_some(
            "security: mechanism, username and password_file need protocol = \"sasl_ssl\"",
        )
    }
}

// === impl TopicConfig ===

impl TopicConfig {
    fn problem(&self) -> Option<&'static str> {
        if self.min_insync_replicas > self.replication {
            return Some("create: min_insync_replicas must be at most replication");
        }
        if self.retention_hours.get() > RETENTION_HOURS_MAX {
            return Some("create: retention_hours must be at most 8784, a year");
        }
        (u64::from(self.segment_minutes.get()) > u64::from(self.retention_hours.get()) * 60)
            .then_some("create: segment_minutes must not be longer than retention_hours")
    }
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            partitions: at_least_one(6),
            replication: NonZeroU16::MIN,
            min_insync_replicas: NonZeroU16::MIN,
            retention_hours: at_least_one(19),
            segment_minutes: at_least_one(60),
        }
    }
}

/// What Kafka takes as the name of a topic or of a member of a group.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && !matches!(name, "." | "..")
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// The most events in one record.
pub(crate) const RECORD_EVENTS_MAX: usize = 1_000;
/// The most bytes in one record, and so in one event: half of what brokers take by default.
pub(crate) const RECORD_BYTES_MAX: usize = EVENT_BYTES_MAX;

const NAME_BYTES_MAX: usize = 249;
const COMMIT_WINDOW_MS_MAX: u32 = 1_000;
const QUEUE_BYTES_MAX: u32 = 1 << 30;
const QUEUE_EVENTS_MAX: u32 = 10_000_000;
const SESSION_TIMEOUT_S_MAX: u32 = 1_800;
const RETENTION_HOURS_MAX: u32 = 8_784;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), KafkaError> {
        toml::from_str::<KafkaConfig>(text).expect("it parses").check()
    }

    #[test]
    fn the_defaults_are_the_documented_ones_and_hold_together() {
        let config: KafkaConfig = toml::from_str("").unwrap();
        assert_eq!(config, KafkaConfig::default());
        assert_eq!(config.bootstrap_servers, ["127.0.0.1:9092"]);
        assert_eq!(config.queue_bytes_max.get(), 32 * 1024 * 1024);
        assert_eq!(config.create.partitions.get(), 6);
        assert!(config.check().is_ok());
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let text = r#"
            bootstrap_servers = ["a:9092", "b:9092"]
            instance = "sink-1"
            compression = "zstd"
            [security]
            protocol = "sasl_ssl"
            ca_file = "/etc/ca.pem"
            mechanism = "scram-sha-512"
            username = "candor"
            password_file = "/run/secrets/kafka"
            [create]
            replication = 3
            min_insync_replicas = 2
        "#;
        assert!(check(text).is_ok());
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for bad in [
            "bootstrap_servers = []",
            "bootstrap_servers = [\"a:1,b:2\"]",
            "topic = \"a/b\"",
            "topic = \"..\"",
            "group = \"\"",
            "instance = \"a b\"",
            "commit_window_ms = 1001",
            "queue_bytes_max = 1000",
            "queue_bytes_max = 2000000000",
            "session_timeout_s = 1801",
            "[security]\nca_file = \"x\"",
            "[security]\nprotocol = \"ssl\"\nkey_file = \"x\"",
            "[security]\nprotocol = \"ssl\"\nusername = \"x\"",
            "[security]\nprotocol = \"sasl_ssl\"\nusername = \"x\"",
            "[create]\nmin_insync_replicas = 2",
            "[create]\nretention_hours = 1\nsegment_minutes = 61",
            "[create]\nretention_hours = 8785",
        ] {
            assert!(matches!(check(bad), Err(KafkaError::Config(_))), "{bad}");
        }
    }

    #[test]
    fn there_is_no_switch_to_trust_anybody_and_no_password_in_the_open() {
        for bad in ["[security]\nverify = false", "[security]\nprotocol = \"sasl_plaintext\""] {
            assert!(toml::from_str::<KafkaConfig>(bad).is_err(), "{bad}");
        }
    }
}
