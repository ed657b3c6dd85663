//! The log in Apache Kafka: one topic, written by many collectors and read by many sinks.
//!
//! Invariants, each held by a test against a real broker:
//! - [`produce`](crate::Producer::produce) answers after `acks=all`, and what it acknowledged is in the log
//!   once, whatever becomes of the broker.
//! - A record is a bundle of one partition's events, and has no key; headers only when it lay in a
//!   [spill](crate::spill), two, which say in which and where ([`SpillMark`](crate::SpillMark)). The partition
//!   follows from the event's id alone, by either way.
//! - What waits in memory is bounded; above it events are refused, and nothing that was taken is dropped.
//! - A partition is somebody else's only after it was released here, or after the group took it without
//!   asking; nothing is committed for it from then on.
//! - A partition that the group gave to nobody is found, and shared out anew.
//! - A log is known by the topic's id. A topic that was deleted and made anew is another log: its records
//!   are read from the beginning, and no cursor of the old one reaches it.
//! - Where reading goes on is never guessed; what the log deleted before it was read is told.
//! - The topic is made by `candor migrate`, and never changed by anything here.

mod ask;
mod committer;
mod config;
mod consumer;
mod cursor;
mod error;
#[cfg(test)]
mod hostile;
mod log;
mod mark;
mod metrics;
mod native;
mod partition;
mod producer;
mod reader;
mod settings;
mod side;
mod standing;
mod tail;
mod topic;

pub use committer::KafkaCommitter;
pub use config::{Compression, KafkaConfig, Mechanism, Protocol, Security, TopicConfig};
pub(crate) use config::{RECORD_BYTES_MAX, RECORD_EVENTS_MAX};
pub use consumer::{KafkaConsumer, KafkaHealth};
pub use error::{BrokerError, KafkaError};
pub(crate) use partition::partition_of;
pub use producer::KafkaProducer;
pub(crate) use producer::{Drained, NotTaken, Pulse, Taken};
pub use standing::standing;
pub use tail::{From, KafkaTail, Tailed};
pub use topic::{Difference, NewTopic, Topic, TopicPlan};
