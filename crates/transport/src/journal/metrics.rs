//! What the journal counts. No name has labels but `full_total`.
//!
//! | name (each begins with `transport_journal_`) | kind | unit | what |
//! |---|---|---|---|
//! | `bytes` | gauge | bytes | durable bytes in all segments |
//! | `segments` | gauge | files | segments on disk |
//! | `records_total` | counter | records | made durable |
//! | `events_total` | counter | events | made durable |
//! | `sync_seconds` | histogram | seconds | one write and sync of a group |
//! | `full_total` | counter | calls | answered `Full`; `cause` = `budget`, `disk` or `queue` |
//! | `failures_total` | counter | groups | not written because the disk failed |
//! | `torn_bytes_total` | counter | bytes | of unfinished writes that opening left behind |
//! | `corrupt_records_total` | counter | records | lost because bits flipped, as met in reading |

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// Why a call was answered `Full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Budget,
    Disk,
    Queue,
}

impl Cause {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Disk => "disk",
            Self::Queue => "queue",
        }
    }
}

/// Gives every metric its unit and text.
pub(super) fn describe() {
    describe_gauge!(BYTES, Unit::Bytes, "durable bytes in all segments");
    describe_gauge!(SEGMENTS, Unit::Count, "segments on disk");
    describe_counter!(RECORDS, Unit::Count, "records made durable");
    describe_counter!(EVENTS, Unit::Count, "events made durable");
    describe_histogram!(SYNC, Unit::Seconds, "one write and sync of a group");
    describe_counter!(FULL, Unit::Count, "produce calls answered Full");
    describe_counter!(FAILURES, Unit::Count, "groups that the disk did not take");
    describe_counter!(TORN, Unit::Bytes, "left behind by unfinished writes");
    describe_counter!(CORRUPT, Unit::Count, "records lost because bits flipped");
}

pub(super) fn size(bytes: u64, segments: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    gauge!(BYTES).set(bytes as f64);
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    gauge!(SEGMENTS).set(segments as f64);
}

pub(super) fn written(records: u64, events: usize, took: Duration) {
    counter!(RECORDS).increment(records);
    counter!(EVENTS).increment(events as u64);
    metrics::histogram!(SYNC).record(took);
}

pub(super) fn full(cause: Cause, calls: usize) {
    counter!(FULL, "cause" => cause.label()).increment(calls as u64);
}

pub(super) fn failed() {
    counter!(FAILURES).increment(1);
}

pub(super) fn torn(bytes: u64) {
    counter!(TORN).increment(bytes);
}

pub(super) fn corrupt(records: u64) {
    counter!(CORRUPT).increment(records);
}

const BYTES: &str = "transport_journal_bytes";
const SEGMENTS: &str = "transport_journal_segments";
const RECORDS: &str = "transport_journal_records_total";
const EVENTS: &str = "transport_journal_events_total";
const SYNC: &str = "transport_journal_sync_seconds";
const FULL: &str = "transport_journal_full_total";
const FAILURES: &str = "transport_journal_failures_total";
const TORN: &str = "transport_journal_torn_bytes_total";
const CORRUPT: &str = "transport_journal_corrupt_records_total";
