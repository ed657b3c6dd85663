//! What is asked of the broker before a partition is read. Everything here blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Offset, TopicPartitionList};

use super::owned::Owned;
use crate::kafka::cursor::cursor_of;
use crate::kafka::error::{code_of, is_missing};
use crate::kafka::metrics;
use crate::kafka::native::Described;
use crate::kafka::reader::{Context, Reader};
use crate::{Cursor, LogId};

/// A partition that is being read from now on.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) partition: u32,
    pub(super) committed: Option<Cursor>,
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) queue: Queue,
}

/// Where the records of one partition come out.
pub(super) struct Queue(PartitionQueue<Context>);

/// Why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The topic is gone, or another one.
    Another,
    /// Try again.
    Code(Code),
    /// The group does not know us any more, or librdkafka does not expect it.
    Expelled,
}

// === impl Queue ===

impl Queue {
    /// What is there; does not wait.
    pub(super) fn poll(&self) -> Option<Result<BorrowedMessage<'_>, ClientError>> {
        self.0.poll(Duration::ZERO)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

/// The id of the topic.
pub(super) fn log_of(owned: &Owned, reader: &Reader) -> Result<LogId, Code> {
    described(owned, reader).map(|it| it.id)
}

/// What the topic is.
pub(super) fn described(owned: &Owned, reader: &Reader) -> Result<Described, Code> {
    reader.side().describe(&owned.config.topic, TIMEOUT)
}

/// Which of so many partitions the group gave to nobody, if that is ours to see to: the first of its members does.
pub(super) fn unowned(
    owned: &Owned,
    reader: &Reader,
    partitions: u32,
) -> Result<BTreeSet<u32>, Code> {
    let group = reader.side().group(&owned.config, GROUP_TIMEOUT)?;
    if !group.is_stable || group.members.first() != Some(&reader.member_id()) {
        return Ok(BTreeSet::new());
    }
    Ok((0..partitions).filter(|partition| !group.given.contains(partition)).collect())
}

/// Leaves the group, and waits until its coordinator knows: whoever joins earlier under the same name is taken for the
/// one that was there.
pub(super) fn leave(owned: &Owned, reader: &Reader) {
    let member = reader.member_id();
    let begun = Instant::now();
    let is_told = reader.leave();
    let mut is_gone = false;
    while is_told && !is_gone && begun.elapsed() < LEAVE_TIMEOUT {
        let group = reader.side().group(&owned.config, GROUP_TIMEOUT);
        is_gone = group.is_ok_and(|group| !group.members.contains(&member));
    }
    if !is_gone {
        tracing::warn!("the group did not let this sink go");
    }
}

/// Measures how far behind the end we are. librdkafka knows only as long as it fetches, which it does not
/// when nobody takes what it has read ahead.
pub(super) fn measure(owned: &Owned, reader: &Reader) {
    for slot in owned.all() {
        let number = i32::try_from(slot.partition).unwrap_or(i32::MAX);
        let Ok((_, high)) = reader.side().ends(&owned.config.topic, number, TIMEOUT) else {
            return;
        };
        let high = u64::try_from(high).unwrap_or(0);
        if !slot.is_over() {
            metrics::lag(slot.partition, high.saturating_sub(slot.committed()));
        }
    }
}

/// Looks where to begin, and begins: only this makes librdkafka's group go on. `before` is who we were
/// when what we have was assigned. Gives back who we are.
pub(super) fn assign(
    owned: &Owned,
    reader: &Reader,
    log: LogId,
    before: Option<&str>,
    partitions: &[u32],
) -> Result<(String, Vec<Found>), Failure> {
    let member = reader.member_id();
    if member.is_empty() || before.is_some_and(|before| before != member) {
        return Err(Failure::Expelled);
    }
    let (assignment, found) = look(owned, reader, log, partitions)?;
    incremental_assign(reader, &assignment)?;
    if reader.member_id() != member {
        return Err(Failure::Expelled);
    }
    Ok((member, found))
}

fn look(
    owned: &Owned,
    reader: &Reader,
    log: LogId,
    partitions: &[u32],
) -> Result<(TopicPartitionList, Vec<Found>), Failure> {
    if partitions.is_empty() {
        return Ok((TopicPartitionList::new(), Vec::new()));
    }
    let topic = owned.config.topic.as_str();
    same_log(owned, reader, log)?;
    let committed = committed(reader, topic, log, partitions)?;
    let mut found = Vec::new();
    let mut assignment = TopicPartitionList::new();
    for (partition, committed) in committed {
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let ends = match reader.side().ends(topic, number, TIMEOUT) {
            Ok(ends) => ends,
            Err(code) if is_missing(code) => {
                // A topic made anew with fewer partitions: the group has not noticed yet. The others are read.
                same_log(owned, reader, log)?;
                tracing::warn!(partition, "assigned, but the topic has no such partition");
                continue;
            }
            Err(code) => return Err(Failure::Code(code)),
        };
        let offset = |raw| u64::try_from(raw).map_err(|_| Failure::Code(Code::BadMessage));
        let (low, high) = (offset(ends.0)?, offset(ends.1)?);
        // A cursor behind the end is not fetched: its owner is told, and nothing is read.
        let start = start_of(committed.as_ref(), low).min(high);
        let raw = Offset::Offset(i64::try_from(start).unwrap_or(i64::MAX));
        assignment.add_partition_offset(topic, number, raw).map_err(failure)?;
        // Before anything is read: what comes goes to this queue, and stays there during a pause.
        let queue = reader.consumer().split_partition_queue(topic, number);
        let mut queue = queue.ok_or(Failure::Code(Code::UnknownPartition))?;
        let wake = Arc::clone(&owned.wake);
        queue.set_nonempty_callback(move || wake.notify_one());
        found.push(Found { partition, committed, low, high, queue: Queue(queue) });
    }
    same_log(owned, reader, log)?; // still: what was found is of this log
    Ok((assignment, found))
}

/// Gives partitions away: the group goes on.
pub(super) fn unassign(owned: &Owned, reader: &Reader, partitions: &[u32]) -> Result<(), Code> {
    let list = list_of(&owned.config.topic, partitions);
    reader.consumer().incremental_unassign(&list).map_err(|error| code_of(&error))
}

/// Goes on reading elsewhere. A partition that is being given away is not read any more.
pub(super) fn seek(owned: &Owned, reader: &Reader, places: &BTreeMap<u32, u64>) {
    for (partition, offset) in places {
        let number = i32::try_from(*partition).unwrap_or(i32::MAX);
        let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
        let sought = reader.consumer().seek(&owned.config.topic, number, offset, TIMEOUT);
        if let Err(error) = sought {
            tracing::warn!(partition, %error, "cannot skip");
        }
    }
}

/// Where reading begins.
pub(super) fn start_of(committed: Option<&Cursor>, low: u64) -> u64 {
    committed.map_or(low, |cursor| cursor.offset.max(low))
}

fn incremental_assign(reader: &Reader, list: &TopicPartitionList) -> Result<(), Failure> {
    reader.consumer().incremental_assign(list).map_err(|_| Failure::Expelled)
}

fn same_log(owned: &Owned, reader: &Reader, log: LogId) -> Result<(), Failure> {
    match log_of(owned, reader) {
        Ok(found) if found == log => Ok(()),
        Err(code) if !is_missing(code) => Err(Failure::Code(code)),
        _ => Err(Failure::Another),
    }
}

fn committed(
    reader: &Reader,
    topic: &str,
    log: LogId,
    partitions: &[u32],
) -> Result<Vec<(u32, Option<Cursor>)>, Failure> {
    let list = list_of(topic, partitions);
    let list = reader.consumer().committed_offsets(list, TIMEOUT).map_err(failure)?;
    let mut all = Vec::new();
    for element in list.elements() {
        match element.error().map_err(failure) {
            // There is no such partition, which is found out below.
            Ok(()) | Err(Failure::Another) => {}
            Err(failure) => return Err(failure),
        }
        let partition = u32::try_from(element.partition());
        let partition = partition.map_err(|_| Failure::Code(Code::BadMessage))?;
        let cursor = match element.offset() {
            Offset::Offset(offset) => cursor_of(log, offset, element.metadata()),
            _ => None, // nothing was committed
        };
        all.push((partition, cursor));
    }
    Ok(all)
}

fn list_of(topic: &str, partitions: &[u32]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(topic, i32::try_from(*partition).unwrap_or(i32::MAX));
    }
    list
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn failure(error: ClientError) -> Failure {
    failure_of(code_of(&error))
}

fn failure_of(code: Code) -> Failure {
    if is_missing(code) { Failure::Another } else { Failure::Code(code) }
}

const TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than a client takes to leave and a coordinator to know it.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(15);
/// Decisions of the group wait meanwhile.
const GROUP_TIMEOUT: Duration = Duration::from_secs(1);
