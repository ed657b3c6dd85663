//! Who has which partition, as the coordinator of the group knows it.

use std::collections::BTreeSet;
use std::ffi::{CString, c_char};
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode as Code;

use super::{Guard, ask, check, text};

/// A group, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::kafka) struct Group {
    /// No rebalance is under way.
    pub(in crate::kafka) is_stable: bool,
    /// The ids of its members.
    pub(in crate::kafka) members: BTreeSet<String>,
    /// The partitions of the topic that one of them was given.
    pub(in crate::kafka) given: BTreeSet<u32>,
}

/// Asks the coordinator of `group` how it stands, and who reads `topic`. Blocks for `timeout` at most, and a moment.
pub(in crate::kafka) fn describe_group<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    topic: &str,
    timeout: Duration,
) -> Result<Group, Code> {
    let name = CString::new(group).map_err(|_| Code::InvalidGroupId)?;
    let mut names: [*const c_char; 1] = [name.as_ptr()];
    let event = ask(client, DESCRIBE, None, timeout, |client, options, queue| {
        let (names, count) = (names.as_mut_ptr(), names.len());
        // SAFETY: all four are alive; names and options are copied, and the queue is counted.
        unsafe { c::rd_kafka_DescribeConsumerGroups(client, names, count, options, queue) }
    })?;
    read(&event, topic)
}

/// Reads the answer.
fn read(event: &Guard<c::rd_kafka_event_t>, topic: &str) -> Result<Group, Code> {
    // SAFETY: the event is alive; none is given back if it is of another kind.
    let result = unsafe { c::rd_kafka_event_DescribeConsumerGroups_result(event.raw.as_ptr()) };
    if result.is_null() {
        return Err(Code::BadMessage);
    }
    let mut count = 0;
    // SAFETY: the result, the array and what it points to live as long as the event, which is borrowed.
    let group = unsafe {
        let groups = c::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
        if count == 0 || groups.is_null() {
            return Err(Code::BadMessage);
        }
        *groups
    };
    // SAFETY: as above; an error that is not there has the code of no error.
    check(unsafe { c::rd_kafka_error_code(c::rd_kafka_ConsumerGroupDescription_error(group)) })?;
    // SAFETY: as above.
    let (state, members) = unsafe {
        let state = c::rd_kafka_ConsumerGroupDescription_state(group);
        (state, c::rd_kafka_ConsumerGroupDescription_member_count(group))
    };
    let mut all = Group { is_stable: state == STABLE, ..Group::default() };
    for index in 0..members {
        // SAFETY: as above, for each index below the count; the list may be none.
        let (id, list) = unsafe {
            let member = c::rd_kafka_ConsumerGroupDescription_member(group, index);
            let assignment = c::rd_kafka_MemberDescription_assignment(member);
            let list = c::rd_kafka_MemberAssignment_partitions(assignment);
            (text(c::rd_kafka_MemberDescription_consumer_id(member)), list.as_ref())
        };
        all.members.insert(id);
        all.given.extend(list.into_iter().flat_map(|list| partitions_of(list, topic)));
    }
    Ok(all)
}

/// The partitions of `topic` in a list that librdkafka made.
fn partitions_of(list: &c::rd_kafka_topic_partition_list_t, topic: &str) -> Vec<u32> {
    let count = usize::try_from(list.cnt).unwrap_or(0);
    if count == 0 || list.elems.is_null() {
        return Vec::new();
    }
    // SAFETY: the list has so many elements, which live as long as it does.
    let elements = unsafe { std::slice::from_raw_parts(list.elems, count) };
    // SAFETY: as above, for the names of their topics.
    let ours = elements.iter().filter(|element| unsafe { text(element.topic) } == topic);
    ours.filter_map(|element| u32::try_from(element.partition).ok()).collect()
}

const DESCRIBE: c::rd_kafka_admin_op_t =
    c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
const STABLE: c::rd_kafka_consumer_group_state_t =
    c::rd_kafka_consumer_group_state_t::RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
