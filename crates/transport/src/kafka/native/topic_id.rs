//! What a topic is: its id, which proves whose its partitions are.

use std::ffi::{CString, c_char};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode as Code;

use super::{Guard, ask, check, guard};
use crate::LogId;

/// What the broker says about a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Described {
    /// The id, which another topic of the same name does not have.
    pub(in crate::kafka) id: LogId,
    /// How many partitions there are; at least one.
    pub(in crate::kafka) partitions: u32,
}

/// Asks `broker` about `topic`, or the controller. Blocks for `timeout` at most, and a moment.
pub(in crate::kafka) fn describe<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    broker: Option<i32>,
    timeout: Duration,
) -> Result<Described, Code> {
    let name = CString::new(topic).map_err(|_| Code::InvalidTopic)?;
    let mut names: [*const c_char; 1] = [name.as_ptr()];
    // SAFETY: one name that outlives the call, which copies it.
    let topics =
        unsafe { c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()) };
    let topics = guard(topics, free_topics)?;
    let event = ask(client, DESCRIBE, broker, timeout, |client, options, queue| {
        // SAFETY: all four are alive; options and topics are copied, and the queue is counted.
        unsafe { c::rd_kafka_DescribeTopics(client, topics.raw.as_ptr(), options, queue) }
    })?;
    read(&event)
}

/// Reads the answer.
fn read(event: &Guard<c::rd_kafka_event_t>) -> Result<Described, Code> {
    // SAFETY: the event is alive; none is given back if it is of another kind.
    let result = unsafe { c::rd_kafka_event_DescribeTopics_result(event.raw.as_ptr()) };
    if result.is_null() {
        return Err(Code::BadMessage);
    }
    let mut count = 0;
    // SAFETY: the result, the array and what it points to live as long as the event, which is borrowed.
    let topic = unsafe {
        let topics = c::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if count == 0 || topics.is_null() {
            return Err(Code::BadMessage);
        }
        *topics
    };
    // SAFETY: as above; an error that is not there has the code of no error.
    check(unsafe { c::rd_kafka_error_code(c::rd_kafka_TopicDescription_error(topic)) })?;
    let mut partitions = 0;
    // SAFETY: as above; only the count is looked at.
    unsafe { c::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions) };
    // SAFETY: as above; the id belongs to the description.
    let halves = unsafe {
        let id = c::rd_kafka_TopicDescription_topic_id(topic);
        if id.is_null() {
            return Err(Code::BadMessage);
        }
        [c::rd_kafka_Uuid_most_significant_bits(id), c::rd_kafka_Uuid_least_significant_bits(id)]
    };
    let partitions = u32::try_from(partitions).unwrap_or(u32::MAX);
    if halves == [0, 0] {
        return Err(Code::UnsupportedVersion); // brokers before 2.8 have no ids
    }
    if partitions == 0 {
        return Err(Code::LeaderNotAvailable);
    }
    Ok(Described { id: log_id(halves), partitions })
}

/// The two halves in the order in which Kafka writes them.
fn log_id([most, least]: [i64; 2]) -> LogId {
    let bits = (u128::from(most.cast_unsigned()) << 64) | u128::from(least.cast_unsigned());
    LogId::from_bytes(bits.to_be_bytes())
}

fn free_topics(raw: NonNull<c::rd_kafka_TopicCollection_t>) {
    // SAFETY: called once, by the guard of what `rd_kafka_TopicCollection_of_topic_names` gave.
    unsafe { c::rd_kafka_TopicCollection_destroy(raw.as_ptr()) }
}

const DESCRIBE: c::rd_kafka_admin_op_t = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_its_bytes_in_the_order_that_kafka_writes() {
        let id = log_id([0x0011_2233_4455_6677, 0x8899_aabb_ccdd_eeff_u64.cast_signed()]);
        assert_eq!(id.to_string(), "00112233445566778899aabbccddeeff");
    }
}
