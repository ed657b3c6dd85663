//! What the Kafka log counts. librdkafka's own figures, and the lag, come every 5 s.
//!
//! | name (each begins with `transport_kafka_`) | kind | unit | what |
//! |---|---|---|---|
//! | `producer_queue_events` | gauge | events | wait for the broker, in our bundles and in librdkafka |
//! | `producer_queue_bytes` | gauge | bytes | the same in bytes |
//! | `records_total` | counter | records | made durable |
//! | `events_total` | counter | events | made durable |
//! | `acknowledge_seconds` | histogram | seconds | from the sending of a record to its acknowledgement |
//! | `full_total` | counter | calls | answered `Full`: the queue's bounds are reached |
//! | `backpressure_total` | counter | records | held back because librdkafka's queue was full |
//! | `produce_failures_total` | counter | records | not known to be durable; `cause` = `client`, `denied`, `fatal`, `other`, `size` or `topic` |
//! | `clients_total` | counter | clients | made; `role` = `producer` or `consumer`; the first, and each that replaced a broken one |
//! | `log_changes_total` | counter | topics | met under the same name with another id; `role` as above |
//! | `broker_round_trip_seconds` | gauge | seconds | 99th percentile of the slowest broker; a consumer's waits for records, up to 0.1 s, are part of it; `role` as above |
//! | `brokers_up` | gauge | brokers | connected; `role` as above |
//! | `consumer_lag` | gauge | records | behind the end of the log, not yet committed; `partition` |
//! | `consumer_prefetched_bytes` | gauge | bytes | read ahead |
//! | `consumer_partitions` | gauge | partitions | owned |
//! | `rebalances_total` | counter | rebalances | partitions were given or taken |
//! | `unowned_partitions` | gauge | partitions | that the group gave to nobody, as its first member sees it; 0 of all others |
//! | `partitions_lost_total` | counter | partitions | taken without a chance to finish |
//! | `commit_seconds` | histogram | seconds | one commit, the question for the topic's id included |
//! | `commit_failures_total` | counter | commits | refused; `cause` = `fenced` or `io` |
//! | `deleted_offsets_total` | counter | offsets | deleted by the log before they were read |
//! | `corrupt_offsets_total` | counter | offsets | whose checksum did not fit |

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use rdkafka::Statistics;

/// Whose figures they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Consumer,
    Producer,
}

/// Why a record is not known to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The client was replaced or closed.
    Client,
    Denied,
    /// The client is broken for ever.
    Fatal,
    Other,
    Size,
    /// There is no such topic or partition.
    Topic,
}

// === impl Role ===

impl Role {
    const fn label(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Producer => "producer",
        }
    }
}

// === impl Cause ===

impl Cause {
    const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Denied => "denied",
            Self::Fatal => "fatal",
            Self::Other => "other",
            Self::Size => "size",
            Self::Topic => "topic",
        }
    }
}

/// Gives every metric its unit and text.
pub(super) fn describe() {
    describe_gauge!(QUEUE_EVENTS, Unit::Count, "events that wait for the broker");
    describe_gauge!(QUEUE_BYTES, Unit::Bytes, "bytes of events that wait for the broker");
    describe_counter!(RECORDS, Unit::Count, "records made durable");
    describe_counter!(EVENTS, Unit::Count, "events made durable");
    describe_histogram!(
        ACKNOWLEDGE,
        Unit::Seconds,
        "from a record's sending to its acknowledgement"
    );
    describe_counter!(FULL, Unit::Count, "produce calls answered Full");
    describe_counter!(
        BACKPRESSURE,
        Unit::Count,
        "records held back, librdkafka's queue being full"
    );
    describe_counter!(FAILURES, Unit::Count, "records not known to be durable");
    describe_counter!(CLIENTS, Unit::Count, "clients made, at first and instead of a broken one");
    describe_counter!(LOG_CHANGES, Unit::Count, "topics met under the same name with another id");
    describe_gauge!(ROUND_TRIP, Unit::Seconds, "99th percentile of the slowest broker");
    describe_gauge!(BROKERS_UP, Unit::Count, "connected brokers");
    describe_gauge!(LAG, Unit::Count, "records behind the end of the log, not yet committed");
    describe_gauge!(PREFETCHED, Unit::Bytes, "bytes read ahead");
    describe_gauge!(PARTITIONS, Unit::Count, "partitions owned");
    describe_counter!(REBALANCES, Unit::Count, "times that partitions were given or taken");
    describe_gauge!(UNOWNED, Unit::Count, "partitions that the group gave to nobody");
    describe_counter!(LOST, Unit::Count, "partitions taken without a chance to finish");
    describe_histogram!(COMMIT, Unit::Seconds, "one commit");
    describe_counter!(COMMIT_FAILURES, Unit::Count, "commits that were refused");
    describe_counter!(DELETED, Unit::Count, "offsets deleted by the log before they were read");
    describe_counter!(CORRUPT, Unit::Count, "offsets whose checksum did not fit");
}

pub(super) fn queue(events: usize, bytes: usize) {
    gauge!(QUEUE_EVENTS).set(float(events));
    gauge!(QUEUE_BYTES).set(float(bytes));
}

pub(super) fn acknowledged(events: usize, took: Duration) {
    counter!(RECORDS).increment(1);
    counter!(EVENTS).increment(events as u64);
    histogram!(ACKNOWLEDGE).record(took);
}

pub(super) fn full() {
    counter!(FULL).increment(1);
}

pub(super) fn backpressure() {
    counter!(BACKPRESSURE).increment(1);
}

pub(super) fn produce_failed(cause: Cause) {
    counter!(FAILURES, "cause" => cause.label()).increment(1);
}

pub(super) fn client_made(role: Role) {
    counter!(CLIENTS, "role" => role.label()).increment(1);
}

pub(super) fn log_changed(role: Role) {
    counter!(LOG_CHANGES, "role" => role.label()).increment(1);
}

pub(super) fn partitions(owned: usize) {
    gauge!(PARTITIONS).set(float(owned));
}

pub(super) fn rebalanced() {
    counter!(REBALANCES).increment(1);
}

pub(super) fn unowned(partitions: usize) {
    gauge!(UNOWNED).set(float(partitions));
}

/// The partition is not ours any more, nor is its lag.
pub(super) fn given_up(partition: u32, lost: bool) {
    gauge!(LAG, "partition" => partition.to_string()).set(0.0);
    counter!(LOST).increment(u64::from(lost));
}

pub(super) fn committed(took: Duration) {
    histogram!(COMMIT).record(took);
}

pub(super) fn commit_failed(fenced: bool) {
    let cause = if fenced { "fenced" } else { "io" };
    counter!(COMMIT_FAILURES, "cause" => cause).increment(1);
}

pub(super) fn deleted(offsets: u64) {
    counter!(DELETED).increment(offsets);
}

pub(super) fn corrupt(offsets: u64) {
    counter!(CORRUPT).increment(offsets);
}

pub(super) fn lag(partition: u32, records: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    gauge!(LAG, "partition" => partition.to_string()).set(records as f64);
}

/// What librdkafka measured.
pub(super) fn statistics(role: Role, figures: &Statistics) {
    let brokers = || figures.brokers.values();
    let slowest_us = brokers().filter_map(|it| Some(it.rtt.as_ref()?.p99)).max().unwrap_or(0);
    let up = brokers().filter(|it| it.nodeid >= 0 && it.state == "UP").count();
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    gauge!(ROUND_TRIP, "role" => role.label()).set(slowest_us as f64 / 1e6);
    gauge!(BROKERS_UP, "role" => role.label()).set(float(up));
}

/// What librdkafka knows of the partitions that are read.
pub(super) fn reading(figures: &Statistics) {
    let partitions = figures.topics.values().flat_map(|topic| topic.partitions.values());
    let prefetched: u64 = partitions.map(|partition| partition.fetchq_size).sum();
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    gauge!(PREFETCHED).set(prefetched as f64);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
const fn float(number: usize) -> f64 {
    number as f64
}

const QUEUE_EVENTS: &str = "transport_kafka_producer_queue_events";
const QUEUE_BYTES: &str = "transport_kafka_producer_queue_bytes";
const RECORDS: &str = "transport_kafka_records_total";
const EVENTS: &str = "transport_kafka_events_total";
const ACKNOWLEDGE: &str = "transport_kafka_acknowledge_seconds";
const FULL: &str = "transport_kafka_full_total";
const BACKPRESSURE: &str = "transport_kafka_backpressure_total";
const FAILURES: &str = "transport_kafka_produce_failures_total";
const CLIENTS: &str = "transport_kafka_clients_total";
const LOG_CHANGES: &str = "transport_kafka_log_changes_total";
const ROUND_TRIP: &str = "transport_kafka_broker_round_trip_seconds";
const BROKERS_UP: &str = "transport_kafka_brokers_up";
const LAG: &str = "transport_kafka_consumer_lag";
const PREFETCHED: &str = "transport_kafka_consumer_prefetched_bytes";
const PARTITIONS: &str = "transport_kafka_consumer_partitions";
const REBALANCES: &str = "transport_kafka_rebalances_total";
const UNOWNED: &str = "transport_kafka_unowned_partitions";
const LOST: &str = "transport_kafka_partitions_lost_total";
const COMMIT: &str = "transport_kafka_commit_seconds";
const COMMIT_FAILURES: &str = "transport_kafka_commit_failures_total";
const DELETED: &str = "transport_kafka_deleted_offsets_total";
const CORRUPT: &str = "transport_kafka_corrupt_offsets_total";
