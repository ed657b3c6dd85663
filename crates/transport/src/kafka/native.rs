//! What rdkafka has no safe calls for: the topic's id, the group member's, and who is in the group. The only
//! unsafe code of this crate: each C object is held by a guard that frees it, on every path.
#![expect(unsafe_code, reason = "librdkafka is called through its C interface")]

mod group;
mod member;
mod topic_id;

use std::ffi::{CStr, c_char, c_int};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode as Code;

pub(super) use group::{Group, describe_group};
pub(super) use member::member_id;
pub(super) use topic_id::{Described, describe};

/// Asks `broker` something, or the one that librdkafka chooses, and gives back the event with the answer. `send` is
/// called once, and may use what it gets as long as it runs. Blocks for `timeout` at most, and a moment.
fn ask<C: ClientContext>(
    client: &Client<C>,
    kind: c::rd_kafka_admin_op_t,
    broker: Option<i32>,
    timeout: Duration,
    send: impl FnOnce(*mut c::rd_kafka_t, *const c::rd_kafka_AdminOptions_t, *mut c::rd_kafka_queue_t),
) -> Result<Guard<c::rd_kafka_event_t>, Code> {
    let client = client.native_ptr();
    let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX / 2);
    // SAFETY: `client` lives as long as the borrow that it was taken from.
    let options = guard(unsafe { c::rd_kafka_AdminOptions_new(client, kind) }, free_options)?;
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
    // SAFETY: as above.
    let queue = guard(unsafe { c::rd_kafka_queue_new(client) }, free_queue)?;
    send(client, options.raw.as_ptr(), queue.raw.as_ptr());
    // The request ends by itself at its timeout, with an event that says so.
    let patience_ms = timeout_ms.saturating_add(PATIENCE_MS);
    // SAFETY: the queue is alive.
    let event = unsafe { c::rd_kafka_queue_poll(queue.raw.as_ptr(), patience_ms) };
    let event = guard(event, free_event).map_err(|_| Code::OperationTimedOut)?;
    // SAFETY: the event is alive.
    check(unsafe { c::rd_kafka_event_error(event.raw.as_ptr()) })?;
    Ok(event)
}

fn check(code: c::rd_kafka_resp_err_t) -> Result<(), Code> {
    match code.into() {
        Code::NoError => Ok(()),
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

fn guard<T>(raw: *mut T, free: fn(NonNull<T>)) -> Result<Guard<T>, Code> {
    let raw = NonNull::new(raw).ok_or(Code::CriticalSystemResource)?;
    Ok(Guard { raw, free })
}

fn free_options(raw: NonNull<c::rd_kafka_AdminOptions_t>) {
    // SAFETY: called once, by the guard of what `rd_kafka_AdminOptions_new` gave.
    unsafe { c::rd_kafka_AdminOptions_destroy(raw.as_ptr()) }
}

fn free_queue(raw: NonNull<c::rd_kafka_queue_t>) {
    // SAFETY: called once, by the guard of what `rd_kafka_queue_new` gave.
    unsafe { c::rd_kafka_queue_destroy(raw.as_ptr()) }
}

fn free_event(raw: NonNull<c::rd_kafka_event_t>) {
    // SAFETY: called once, by the guard of what `rd_kafka_queue_poll` gave.
    unsafe { c::rd_kafka_event_destroy(raw.as_ptr()) }
}

/// A copy of a C string; empty if there is none.
///
/// # Safety
/// It is none, or ends with a zero and lives as long as this runs.
unsafe fn text(raw: *const c_char) -> String {
    if raw.is_null() {
        return String::new();
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned()
}

/// How much later than its timeout a request may end.
const PATIENCE_MS: c_int = 500;
