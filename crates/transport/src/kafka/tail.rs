//! Reads the topic beside the group: nothing is committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::error::{code_of, is_missing};
use super::reader::Reader;
use super::{KafkaConfig, KafkaError, mark, settings};
use crate::SpillMark;

/// Reads all partitions of a topic.
#[derive(Debug)]
pub struct KafkaTail {
    config: KafkaConfig,
    reader: Reader,
    wake: Arc<Notify>,
    /// What is still to be read of each partition, when there is an end.
    ends: Option<BTreeMap<u32, Span>>,
    spans: BTreeMap<u32, Span>,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With the first record that the log still has.
    Earliest,
    /// With so many records before the end of each partition.
    Last(u64),
    /// With what comes from now on.
    Latest,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tailed {
    /// Its partition.
    pub partition: u32,
    /// Its place in the partition.
    pub offset: u64,
    /// The encoded batch.
    pub record: Bytes,
    /// What it has of a spill that it came by. Of a mark that only a later version can read: nothing.
    pub spill: Option<SpillMark>,
}

/// The offsets from `next` on, without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    next: u64,
    end: u64,
}

// === impl KafkaTail ===

impl KafkaTail {
    /// Begins to read. Asks the broker how far each partition goes.
    ///
    /// # Errors
    /// The configuration does not fit, or the broker cannot be asked.
    pub async fn start(config: &KafkaConfig, from: From) -> Result<Self, KafkaError> {
        Handle::try_current().map_err(|_| KafkaError::Runtime)?;
        let config = config.clone();
        spawn_blocking(move || begin(config, from)).await.unwrap_or(Err(KafkaError::Runtime))
    }

    /// Stops at the ends that the partitions had at the start: [`Self::next`] then gives `None`.
    #[must_use]
    pub fn until_end(mut self) -> Self {
        self.ends = Some(std::mem::take(&mut self.spans));
        self
    }

    /// The next record; none when the end was reached that was asked for. Cancel safe.
    ///
    /// # Errors
    /// The topic cannot be read. That the brokers are away is no error: they are waited for.
    pub async fn next(&mut self) -> Result<Option<Tailed>, KafkaError> {
        loop {
            if self.ends.as_ref().is_some_and(|ends| ends.values().all(|it| it.next >= it.end)) {
                return Ok(None);
            }
            if let Some(tailed) = self.poll()? {
                return Ok(Some(tailed));
            }
            // The time is for librdkafka's log lines, which wait to be served.
            drop(tokio::time::timeout(SERVE_EVERY, self.wake.notified()).await);
        }
    }

    /// The next record that is there.
    fn poll(&mut self) -> Result<Option<Tailed>, KafkaError> {
        while let Some(polled) = self.reader.poll() {
            let message = match polled {
                Ok(message) => message,
                Err(rdkafka::error::KafkaError::PartitionEOF(partition)) => {
                    reached_end(&mut self.ends, partition);
                    continue;
                }
                Err(error) => match code_of(&error) {
                    code if is_missing(code) || is_refused(code) => {
                        return Err(KafkaError::of(&self.config, "read the topic", code));
                    }
                    _ => continue, // librdkafka tries again
                },
            };
            let (Ok(partition), Ok(offset)) =
                (u32::try_from(message.partition()), u64::try_from(message.offset()))
            else {
                continue;
            };
            if let Some(ends) = &mut self.ends {
                let Some(span) = ends.get_mut(&partition).filter(|it| offset < it.end) else {
                    continue; // behind the end
                };
                span.next = offset + 1;
            }
            let record = Bytes::copy_from_slice(message.payload().unwrap_or_default());
            let spill = mark::read(&message).unwrap_or_default();
            return Ok(Some(Tailed { partition, offset, record, spill }));
        }
        Ok(None)
    }
}

fn begin(config: KafkaConfig, from: From) -> Result<KafkaTail, KafkaError> {
    let fail = |code| KafkaError::of(&config, "read the topic", code);
    let wake = Arc::new(Notify::new());
    let reader = Reader::new(&config, &settings::tail(&config)?, Arc::clone(&wake))?;
    let described = reader.side().describe(&config.topic, TIMEOUT).map_err(fail)?;
    let mut spans = BTreeMap::new();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..described.partitions {
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let ends = reader.side().ends(&config.topic, number, TIMEOUT);
        let (low, high) = ends.map_err(fail)?;
        let next = match from {
            From::Earliest => low,
            From::Last(count) => high.saturating_sub_unsigned(count).max(low),
            From::Latest => high,
        };
        assignment
            .add_partition_offset(&config.topic, number, Offset::Offset(next))
            .map_err(|error| fail(code_of(&error)))?;
        let offset = |raw: i64| u64::try_from(raw).unwrap_or(0);
        spans.insert(partition, Span { next: offset(next), end: offset(high) });
    }
    reader.consumer().assign(&assignment).map_err(|error| fail(code_of(&error)))?;
    Ok(KafkaTail { config, reader, wake, ends: None, spans })
}

/// Offsets may have gaps: a partition is at its end when librdkafka says so, too.
fn reached_end(ends: &mut Option<BTreeMap<u32, Span>>, partition: i32) {
    let partition = u32::try_from(partition).unwrap_or(u32::MAX);
    if let Some(span) = ends.as_mut().and_then(|ends| ends.get_mut(&partition)) {
        span.next = span.end;
    }
}

fn is_refused(code: Code) -> bool {
    matches!(code, Code::TopicAuthorizationFailed | Code::Authentication)
}

const TIMEOUT: Duration = Duration::from_secs(10);
const SERVE_EVERY: Duration = Duration::from_secs(1);
