//! `candor.toml`, put together from parts.

use candor_transport::kafka::KafkaConfig;
use toml::Table;

/// Several texts as one; of a key that stands in several the last counts.
pub(crate) fn merged(texts: &[&str]) -> String {
    let mut whole = Table::new();
    for text in texts {
        merge(&mut whole, text.parse().expect("the configuration of a test is TOML"));
    }
    whole.to_string()
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(into)), toml::Value::Table(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// What a configuration says of Kafka.
pub(crate) fn kafka_of(text: &str) -> KafkaConfig {
    let mut whole: Table = text.parse().unwrap();
    whole.remove("kafka").expect("it says something of Kafka").try_into().unwrap()
}
