//! What the spill counts. What it takes on disk, and how its writes do, its journal counts.
//!
//! | name (each begins with `transport_spill_`) | kind | unit | what |
//! |---|---|---|---|
//! | `active` | gauge | 0 or 1 | whether events go to the spill |
//! | `switches_total` | counter | times | that they began to; `reason` = `down`, `failures`, `queue`, `slow` or `topic` |
//! | `bytes` | gauge | bytes | its segments |
//! | `records` | gauge | records | numbers that were not given away yet |
//! | `oldest_seconds` | gauge | seconds | the age of the oldest event in it |
//! | `events_total` | counter | events | put into it |
//! | `drained_events_total` | counter | events | given away, and acknowledged by Kafka |
//! | `resent_total` | counter | records | sent again, because their fate was not known |
//! | `refused_total` | counter | calls | answered 503; `cause` = `full` or `unavailable` |
//! | `expired_events_total` | counter | events | deleted, because they were in it for too long |
//! | `lost_records_total` | counter | records | that could not be read: bits have flipped |

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use super::switch::Reason;
use crate::ProduceError;

/// What the gauges say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) active: bool,
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) oldest_seconds: u64,
}

/// Gives every metric its unit and text.
pub(super) fn describe() {
    describe_gauge!(ACTIVE, Unit::Count, "whether events go to the spill");
    describe_counter!(SWITCHES, Unit::Count, "times that events began to go to the spill");
    describe_gauge!(BYTES, Unit::Bytes, "what the spill takes on disk");
    describe_gauge!(RECORDS, Unit::Count, "records in the spill");
    describe_gauge!(OLDEST, Unit::Seconds, "the age of the oldest event in the spill");
    describe_counter!(EVENTS, Unit::Count, "events put into the spill");
    describe_counter!(DRAINED, Unit::Count, "events of the spill that Kafka has acknowledged");
    describe_counter!(RESENT, Unit::Count, "records of the spill that were sent again");
    describe_counter!(REFUSED, Unit::Count, "calls that the spill refused");
    describe_counter!(EXPIRED, Unit::Count, "events that were in the spill for too long");
    describe_counter!(LOST, Unit::Count, "records of the spill that could not be read");
}

pub(super) fn level(level: Level) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    let set = |name: &'static str, value: u64| gauge!(name).set(value as f64);
    set(ACTIVE, level.active.into());
    set(BYTES, level.bytes);
    set(RECORDS, level.records);
    set(OLDEST, level.oldest_seconds);
}

pub(super) fn switched(reason: Reason) {
    counter!(SWITCHES, "reason" => reason.label()).increment(1);
}

pub(super) fn spilled(events: usize) {
    counter!(EVENTS).increment(events as u64);
}

pub(super) fn drained(events: usize) {
    counter!(DRAINED).increment(events as u64);
}

pub(super) fn resent() {
    counter!(RESENT).increment(1);
}

pub(super) fn refused(error: ProduceError) {
    let cause = match error {
        ProduceError::Full => "full",
        ProduceError::TooLarge => return, // not for want of room
        ProduceError::Unavailable => "unavailable",
    };
    counter!(REFUSED, "cause" => cause).increment(1);
}

pub(super) fn expired(events: usize) {
    counter!(EXPIRED).increment(events as u64);
}

pub(super) fn lost(records: u64) {
    counter!(LOST).increment(records);
}

const ACTIVE: &str = "transport_spill_active";
const SWITCHES: &str = "transport_spill_switches_total";
const BYTES: &str = "transport_spill_bytes";
const RECORDS: &str = "transport_spill_records";
const OLDEST: &str = "transport_spill_oldest_seconds";
const EVENTS: &str = "transport_spill_events_total";
const DRAINED: &str = "transport_spill_drained_events_total";
const RESENT: &str = "transport_spill_resent_total";
const REFUSED: &str = "transport_spill_refused_total";
const EXPIRED: &str = "transport_spill_expired_events_total";
const LOST: &str = "transport_spill_lost_records_total";
