//! The log in Apache Kafka: one topic, shared by many collectors and many sinks.
//!
//! Records have no key and no headers. The partition of an event follows from its id.

mod ask;
mod committer;
mod config;
mod consumer;
mod cursor;
mod error;
mod log;
mod metrics;
mod partition;
mod producer;
mod reader;
mod settings;
mod tail;
mod topic;
mod topic_id;

pub use committer::KafkaCommitter;
pub use config::{Compression, KafkaConfig, Mechanism, Protocol, Security, TopicConfig};
pub use consumer::{KafkaConsumer, KafkaHealth};
pub use error::{BrokerError, KafkaError};
pub use producer::KafkaProducer;
pub use tail::{From, KafkaTail, Tailed};
pub use topic::{Difference, NewTopic, Topic, TopicPlan};
