//! Where the group stands, for whoever is no member of it.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::cursor::cursor_of;
use super::error::code_of;
use super::side::Side;
use super::{KafkaConfig, KafkaError, settings};
use crate::Standing;

/// Asks the broker for the cursors of all partitions. Joins nothing and commits nothing.
///
/// # Errors
/// The configuration does not fit, or the broker cannot be asked.
pub async fn standing(config: &KafkaConfig) -> Result<Standing, KafkaError> {
    Handle::try_current().map_err(|_| KafkaError::Runtime)?;
    let config = config.clone();
    spawn_blocking(move || ask(&config)).await.unwrap_or(Err(KafkaError::Runtime))
}

fn ask(config: &KafkaConfig) -> Result<Standing, KafkaError> {
    let fail = |code| KafkaError::of(config, "ask for the group's cursors", code);
    let described = Side::new(config)?.describe(&config.topic, TIMEOUT).map_err(fail)?;
    let mut settings = settings::base(config)?;
    let made = settings.set("group.id", &config.group).create();
    let consumer: BaseConsumer = made.map_err(|error| KafkaError::client(&error))?;
    let mut list = TopicPartitionList::new();
    for partition in 0..described.partitions {
        list.add_partition(&config.topic, i32::try_from(partition).unwrap_or(i32::MAX));
    }
    let list = consumer.committed_offsets(list, TIMEOUT).map_err(|error| fail(code_of(&error)))?;
    let mut cursors = BTreeMap::new();
    for element in list.elements() {
        element.error().map_err(|error| fail(code_of(&error)))?;
        let cursor = match element.offset() {
            Offset::Offset(offset) => cursor_of(described.id, offset, element.metadata()),
            _ => None, // nothing was committed
        };
        cursors.insert(u32::try_from(element.partition()).unwrap_or(u32::MAX), cursor);
    }
    Ok(Standing { log: described.id, cursors })
}

const TIMEOUT: Duration = Duration::from_secs(10);
