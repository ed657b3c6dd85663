//! Who we are in the group.

use std::ffi::c_char;
use std::ptr::{self, NonNull};

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};

use super::{guard, text};

/// Who we are in the group, as librdkafka knows it; empty when we are in none, or not any more. Another one
/// after an absence, even under the same instance name. Blocks a moment, for librdkafka's thread.
pub(in crate::kafka) fn member_id<C: ClientContext>(client: &Client<C>) -> String {
    // SAFETY: the client is alive; the text is a copy that is ours, or none.
    let id = unsafe { c::rd_kafka_memberid(client.native_ptr()) };
    let Ok(id) = guard(id, free_text) else {
        return String::new();
    };
    // SAFETY: a C string, which lives as long as its guard.
    unsafe { text(id.raw.as_ptr()) }
}

fn free_text(raw: NonNull<c_char>) {
    // SAFETY: called once, by the guard of what `rd_kafka_memberid` gave; no client is needed to free it.
    unsafe { c::rd_kafka_mem_free(ptr::null_mut(), raw.as_ptr().cast()) }
}
