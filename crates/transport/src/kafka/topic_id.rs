//! The two ids that prove whose a partition is, which rdkafka has no safe calls for: the topic's, and the
//! group member's. The only unsafe code of this crate: each C object is held by a guard that frees it, on
//! every path.
#![expect(unsafe_code, reason = "librdkafka is called through its C interface")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;

use crate::LogId;

/// What the broker says about a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Described {
    /// The id, which another topic of the same name does not have.
    pub(super) id: LogId,
    /// How many partitions there are; at least one.
    pub(super) partitions: u32,
}

/// Asks `broker` about `topic`, or the controller. Blocks for `timeout` at most, and a moment.
pub(super) fn describe<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    broker: Option<i32>,
    timeout: Duration,
) -> Result<Described, RDKafkaErrorCode> {
    let name = CString::new(topic).map_err(|_| RDKafkaErrorCode::InvalidTopic)?;
    let client = client.native_ptr();
    let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX / 2);

    // SAFETY: `client` lives as long as the borrow that it was taken from.
    let options = guard(unsafe { c::rd_kafka_AdminOptions_new(client, DESCRIBE) }, free_options)?;
    // SAFETY: the options are alive; without room for a text none is written.
    let refused = unsafe {
        let options = options.raw.as_ptr();
        c::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ptr::null_mut(), 0)
    };
    check(refused)?;
    if let Some(broker) = broker {
        // SAFETY: as above.
        let refused = unsafe {
            let options = options.raw.as_ptr();
            c::rd_kafka_AdminOptions_set_broker(options, broker, ptr::null_mut(), 0)
        };
        check(refused)?;
    }
    let mut names: [*const c_char; 1] = [name.as_ptr()];
    // SAFETY: one name that outlives the call, which copies it.
    let topics =
        unsafe { c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()) };
    let topics = guard(topics, free_topics)?;
    // SAFETY: as above.
    let queue = guard(unsafe { c::rd_kafka_queue_new(client) }, free_queue)?;
    // SAFETY: all four are alive; options and topics are copied, and the queue is counted.
    unsafe {
        let (topics, options) = (topics.raw.as_ptr(), options.raw.as_ptr());
        c::rd_kafka_DescribeTopics(client, topics, options, queue.raw.as_ptr());
    }
    // The request ends by itself at its timeout, with an event that says so.
    let patience_ms = timeout_ms.saturating_add(PATIENCE_MS);
    // SAFETY: the queue is alive.
    let event = unsafe { c::rd_kafka_queue_poll(queue.raw.as_ptr(), patience_ms) };
    let event = guard(event, free_event).map_err(|_| RDKafkaErrorCode::OperationTimedOut)?;
    read(&event)
}

/// Who we are in the group, as librdkafka knows it; empty when we are in none, or not any more. Another one
/// after an absence, even under the same instance name. Blocks a moment, for librdkafka's thread.
pub(super) fn member_id<C: ClientContext>(client: &Client<C>) -> String {
    // SAFETY: the client is alive; the text is a copy that is ours, or none.
    let text = unsafe { c::rd_kafka_memberid(client.native_ptr()) };
    let Ok(text) = guard(text, free_text) else {
        return String::new();
    };
    // SAFETY: a C string, which lives as long as its guard.
    unsafe { CStr::from_ptr(text.raw.as_ptr()) }.to_string_lossy().into_owned()
}

/// Reads the answer.
fn read(event: &Guard<c::rd_kafka_event_t>) -> Result<Described, RDKafkaErrorCode> {
    // SAFETY: the event is alive.
    check(unsafe { c::rd_kafka_event_error(event.raw.as_ptr()) })?;
    // SAFETY: the event is alive; none is given back if it is of another kind.
    let result = unsafe { c::rd_kafka_event_DescribeTopics_result(event.raw.as_ptr()) };
    if result.is_null() {
        return Err(RDKafkaErrorCode::BadMessage);
    }
    let mut count = 0;
    // SAFETY: the result, the array and what it points to live as long as the event, which is borrowed.
    let topic = unsafe {
        let topics = c::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if count == 0 || topics.is_null() {
            return Err(RDKafkaErrorCode::BadMessage);
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
            return Err(RDKafkaErrorCode::BadMessage);
        }
        [c::rd_kafka_Uuid_most_significant_bits(id), c::rd_kafka_Uuid_least_significant_bits(id)]
    };
    let partitions = u32::try_from(partitions).unwrap_or(u32::MAX);
    if halves == [0, 0] {
        return Err(RDKafkaErrorCode::UnsupportedVersion); // brokers before 2.8 have no ids
    }
    if partitions == 0 {
        return Err(RDKafkaErrorCode::LeaderNotAvailable);
    }
    Ok(Described { id: log_id(halves), partitions })
}

/// The two halves in the order in which Kafka writes them.
fn log_id([most, least]: [i64; 2]) -> LogId {
    let bits = (u128::from(most.cast_unsigned()) << 64) | u128::from(least.cast_unsigned());
    LogId::from_bytes(bits.to_be_bytes())
}

fn check(code: c::rd_kafka_resp_err_t) -> Result<(), RDKafkaErrorCode> {
    match code.into() {
        RDKafkaErrorCode::NoError => Ok(()),
        code => Err(code),
    }
}

/// Frees a C object.
struct Guard<T> {
    raw: NonNull<T>,
    free: fn(NonNull<T>),
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        (self.free)(self.raw);
    }
}

fn guard<T>(raw: *mut T, free: fn(NonNull<T>)) -> Result<Guard<T>, RDKafkaErrorCode> {
    let raw = NonNull::new(raw).ok_or(RDKafkaErrorCode::CriticalSystemResource)?;
    Ok(Guard { raw, free })
}

fn free_options(raw: NonNull<c::rd_kafka_AdminOptions_t>) {
    // SAFETY: called once, by the guard of what `rd_kafka_AdminOptions_new` gave.
    unsafe { c::rd_kafka_AdminOptions_destroy(raw.as_ptr()) }
}

fn free_topics(raw: NonNull<c::rd_kafka_TopicCollection_t>) {
    // SAFETY: called once, by the guard of what `rd_kafka_TopicCollection_of_topic_names` gave.
    unsafe { c::rd_kafka_TopicCollection_destroy(raw.as_ptr()) }
}

fn free_queue(raw: NonNull<c::rd_kafka_queue_t>) {
    // SAFETY: called once, by the guard of what `rd_kafka_queue_new` gave.
    unsafe { c::rd_kafka_queue_destroy(raw.as_ptr()) }
}

fn free_event(raw: NonNull<c::rd_kafka_event_t>) {
    // SAFETY: called once, by the guard of what `rd_kafka_queue_poll` gave.
    unsafe { c::rd_kafka_event_destroy(raw.as_ptr()) }
}

fn free_text(raw: NonNull<c_char>) {
    // SAFETY: called once, by the guard of what `rd_kafka_memberid` gave; no client is needed to free it.
    unsafe { c::rd_kafka_mem_free(ptr::null_mut(), raw.as_ptr().cast()) }
}

const DESCRIBE: c::rd_kafka_admin_op_t = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;

/// How much later than its timeout a request may end.
const PATIENCE_MS: c_int = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_its_bytes_in_the_order_that_kafka_writes() {
        let id = log_id([0x0011_2233_4455_6677, 0x8899_aabb_ccdd_eeff_u64.cast_signed()]);
        assert_eq!(id.to_string(), "00112233445566778899aabbccddeeff");
    }
}
