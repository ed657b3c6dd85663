//! What the topic should be.

use std::fmt;

use crate::kafka::{KafkaConfig, TopicConfig};

/// One setting of the topic that is not what the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The name of the setting, as Kafka spells it.
    pub setting: String,
    /// What it is.
    pub is: String,
    /// What it should be.
    pub should_be: String,
    /// How to change it.
    pub command: String,
}

// === impl Difference ===

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, is, should_be, command } = self;
        write!(f, "  {setting} is {is}, should be {should_be}: {command}")
    }
}

/// The settings of the topic.
pub(super) fn settings(create: &TopicConfig) -> Vec<(&'static str, String)> {
    let retention_ms = u64::from(create.retention_hours.get()) * 3_600_000;
    let segment_ms = u64::from(create.segment_minutes.get()) * 60_000;
    vec![
        ("cleanup.policy", "delete".to_owned()),
        ("compression.type", "producer".to_owned()),
        // The broker's clock decides when an event is old, not a collector's.
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("min.insync.replicas", create.min_insync_replicas.to_string()),
        ("retention.ms", retention_ms.to_string()),
        ("segment.ms", segment_ms.to_string()),
        // A replica that was left behind would lose what was acknowledged.
        ("unclean.leader.election.enable", "false".to_owned()),
    ]
}

/// What differs of the partitions and their copies.
pub(super) fn compare_size(
    config: &KafkaConfig,
    partitions: u32,
    replicas: u32,
) -> Vec<Difference> {
    let KafkaConfig { topic, create, .. } = config;
    let servers = config.bootstrap_servers.join(",");
    let mut differences = Vec::new();
    let wanted = create.partitions.get();
    if partitions != wanted {
        let command = if partitions < wanted {
            format!(
                "kafka-topics.sh --bootstrap-server {servers} --alter --topic {topic} \
                 --partitions {wanted}"
            )
        } else {
            format!("partitions cannot be taken away: set kafka.create.partitions = {partitions}")
        };
        differences.push(Difference::new("partitions", &partitions, &wanted, command));
    }
    let wanted = u32::from(create.replication.get());
    if replicas != wanted {
        let command = format!(
            "kafka-reassign-partitions.sh --bootstrap-server {servers} --execute \
             --reassignment-json-file FILE, with {wanted} replicas for each partition of {topic}"
        );
        differences.push(Difference::new("replication", &replicas, &wanted, command));
    }
    differences
}

/// What differs of the settings.
pub(super) fn compare_settings(
    config: &KafkaConfig,
    is: impl Fn(&str) -> String,
) -> Vec<Difference> {
    let topic = &config.topic;
    let servers = config.bootstrap_servers.join(",");
    let command = |setting: &str, value: &str| {
        format!(
            "kafka-configs.sh --bootstrap-server {servers} --alter --entity-type topics \
             --entity-name {topic} --add-config {setting}={value}"
        )
    };
    let mut differences = Vec::new();
    for (setting, wanted) in settings(&config.create) {
        let is = is(setting);
        if is != wanted {
            let command = command(setting, &wanted);
            differences.push(Difference::new(setting, &is, &wanted, command));
        }
    }
    let largest = is(MESSAGE_BYTES);
    if largest.parse::<u64>().is_ok_and(|largest| largest < BATCH_BYTES_MAX) {
        let command = command(MESSAGE_BYTES, "1048588");
        let wanted = format!("at least {BATCH_BYTES_MAX}");
        differences.push(Difference::new(MESSAGE_BYTES, &largest, &wanted, command));
    }
    differences
}

impl Difference {
    fn new(setting: &str, is: &impl ToString, should_be: &impl ToString, command: String) -> Self {
        let (is, should_be) = (is.to_string(), should_be.to_string());
        Self { setting: setting.to_owned(), is, should_be, command }
    }
}

const MESSAGE_BYTES: &str = "max.message.bytes";
/// The largest batch of records that librdkafka sends by default.
const BATCH_BYTES_MAX: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_says_what_it_is_what_it_should_be_and_how_to_change_it() {
        let config = KafkaConfig::default();
        let is = |setting: &str| match setting {
            "retention.ms" => "604800000".to_owned(),
            MESSAGE_BYTES => "1000".to_owned(),
            setting => {
                let wanted = settings(&config.create);
                wanted.into_iter().find(|(name, _)| *name == setting).unwrap().1
            }
        };
        let found = compare_settings(&config, is);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            found[0].to_string(),
            "  retention.ms is 604800000, should be 68400000: kafka-configs.sh \
             --bootstrap-server 127.0.0.1:9092 --alter --entity-type topics --entity-name candor \
             --add-config retention.ms=68400000"
        );
        assert_eq!(found[1].should_be, "at least 1000000");
    }

    #[test]
    fn partitions_can_be_added_and_not_taken_away() {
        let config = KafkaConfig::default();
        assert!(compare_size(&config, 6, 1).is_empty());
        let few = compare_size(&config, 3, 1);
        assert!(few[0].command.ends_with("--alter --topic candor --partitions 6"), "{few:?}");
        let many = compare_size(&config, 12, 3);
        assert!(many[0].command.contains("kafka.create.partitions = 12"), "{many:?}");
        assert_eq!(many[1].setting, "replication");
    }
}
