//! Moves the cursors.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use super::consumer::{Owned, Slot};
use super::cursor::metadata_of;
use super::error::{BrokerError, code_of, is_missing};
use super::metrics;
use crate::{CommitError, Committer, Cursor};

/// Moves the cursors of a group's member. Clones share them.
///
/// Why no commit can go to somebody else's partition, or to another log, although the broker checks
/// neither (it only knows the member, and the topic's name):
/// - A partition is given away in librdkafka only after [`Consumer::release`](crate::Consumer::release)
///   and after the commits that were being made; until then the group gives it to nobody.
/// - Where it was taken without asking, the broker does not know the member any more. librdkafka may join
///   again by itself, and then as another member, to whom no partition here was assigned: its id is compared.
/// - The topic's id is asked for after the records were read: if it is still the one that the partition
///   was assigned with, they were of this log. Should the topic be made anew between question and commit,
///   the log's id in the metadata tells.
#[derive(Clone, Debug)]
pub struct KafkaCommitter {
    owned: Arc<Owned>,
}

// === impl KafkaCommitter ===

impl KafkaCommitter {
    pub(super) const fn new(owned: Arc<Owned>) -> Self {
        Self { owned }
    }
}

impl Committer for KafkaCommitter {
    async fn commit(&self, partition: u32, cursor: Cursor) -> Result<(), CommitError> {
        if cursor.metadata.len() > Cursor::METADATA_BYTES_MAX {
            return Err(CommitError::MetadataTooLong);
        }
        let slot = self.owned.slot(partition).ok_or(CommitError::Fenced)?;
        let mut commits = slot.commits.lock().await;
        slot.settle(&mut commits).await?;
        if slot.is_over() {
            return Err(CommitError::Fenced);
        }
        if !(slot.committed()..=slot.delivered()).contains(&cursor.offset) {
            return Err(CommitError::OutOfOrder);
        }
        let (owned, of) = (Arc::clone(&self.owned), Arc::clone(&slot));
        let write = spawn_blocking(move || (cursor.offset, measured(&owned, &of, &cursor)));
        commits.under_way = Some(write);
        slot.settle(&mut commits).await
    }
}

fn measured(owned: &Owned, slot: &Slot, cursor: &Cursor) -> Result<(), CommitError> {
    let begun = Instant::now();
    let made = write(owned, slot, cursor);
    match &made {
        Ok(()) => metrics::committed(begun.elapsed()),
        Err(error) => metrics::commit_failed(matches!(error, CommitError::Fenced)),
    }
    made
}

/// Blocks until the broker has answered, or librdkafka has given up.
fn write(owned: &Owned, slot: &Slot, cursor: &Cursor) -> Result<(), CommitError> {
    let topic = &owned.config.topic;
    if owned.is_stalled() {
        return Err(CommitError::Io(io::Error::other("the consumer was not asked for too long")));
    }
    if slot.reader.member_id() != slot.member {
        owned.expel();
        return Err(CommitError::Fenced);
    }
    match slot.reader.side().describe(topic, ASK_TIMEOUT) {
        Ok(described) if described.id == slot.log => {}
        Err(code) if !is_missing(code) => return Err(failure(code)),
        _ => {
            owned.expel(); // what librdkafka has read since may be of another log
            return Err(CommitError::Fenced);
        }
    }
    let partition = i32::try_from(slot.partition).unwrap_or(i32::MAX);
    let offset = i64::try_from(cursor.offset).unwrap_or(i64::MAX);
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition(topic, partition);
    element.set_metadata(metadata_of(slot.log, cursor));
    let made = element.set_offset(Offset::Offset(offset));
    let made = made.and_then(|()| slot.reader.consumer().commit(&list, CommitMode::Sync));
    made.map_err(|error| {
        let failure = failure(code_of(&error));
        if matches!(failure, CommitError::Fenced) {
            owned.expel();
        }
        failure
    })
}

/// What the broker's refusal means: whether we are still the member that we were.
fn failure(code: Code) -> CommitError {
    match code {
        Code::UnknownMemberId | Code::FencedInstanceId | Code::Fenced | Code::Fatal => {
            CommitError::Fenced
        }
        Code::OffsetMetadataTooLarge => CommitError::MetadataTooLong,
        code => CommitError::Io(io::Error::other(BrokerError::new(code))),
    }
}

const ASK_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whoever_is_not_the_member_any_more_is_fenced() {
        for code in [Code::UnknownMemberId, Code::FencedInstanceId, Code::Fenced, Code::Fatal] {
            assert!(matches!(failure(code), CommitError::Fenced), "{code}");
        }
        for code in [
            Code::RebalanceInProgress,
            Code::IllegalGeneration,
            Code::CoordinatorLoadInProgress,
            Code::CoordinatorNotAvailable,
            Code::NotCoordinator,
            Code::WaitingForCoordinator,
            Code::RequestTimedOut,
            Code::OperationTimedOut,
            Code::BrokerTransportFailure,
            Code::GroupAuthorizationFailed,
        ] {
            assert!(matches!(failure(code), CommitError::Io(_)), "{code}");
        }
    }
}
