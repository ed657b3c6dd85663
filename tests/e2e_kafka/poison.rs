//! Records as large as a broker takes them, and larger, of somebody who is no collector.

use candor_event::{Event, Field, FieldSet, wire};
use candor_tests::{Fault, Parts, PartsOptions, event};
use rdkafka::error::RDKafkaErrorCode as Code;

/// What a broker takes by default, less what Kafka adds to a record.
const MEBIBYTE: usize = (1 << 20) - 128;
/// Their time of coming, long ahead, as that of all events that are put in by hand.
const RECEIVED_AT: i64 = 3_990_000_000;

/// An event of the right form whose path alone has so many bytes.
fn event_of(number: u8, path_bytes: usize) -> Vec<u8> {
    let mut event = Event { path: "p".repeat(path_bytes), ..event(number, RECEIVED_AT) };
    event.grants[0].fields = FieldSet::of(&[Field::Path]).bits();
    wire::encode(&event).to_vec()
}

/// Bytes without a pattern, the same in every run.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..bytes.div_ceil(8)).flat_map(|_| next()).take(bytes).collect()
}

#[test]
fn records_of_a_mebibyte_are_set_aside_and_their_neighbours_are_stored() {
    let mut fault = Fault::begin("F12, records of 1 MiB and more");
    let mut parts = Parts::start(&PartsOptions {
        collectors: 0,
        partitions: 1,
        config: "sink.batch_age_ms = 2000\nkafka.session_timeout_s = 2\n".to_owned(),
        ..PartsOptions::default()
    });
    let stranger = parts.stranger();
    let good = |number| stranger.put(0, &event_of(number, 9)).unwrap();
    good(0);
    // So many that a batch is full of them.
    for seed in 1..=POISON {
        stranger.put(0, &noise(seed, MEBIBYTE)).unwrap();
    }
    good(1);
    stranger.put(0, &event_of(100, MEBIBYTE - 128)).unwrap();
    good(2);
    assert_eq!(stranger.put(0, &noise(1, 2 * MEBIBYTE)), Err(Code::MessageSizeTooLarge));
    stranger.allow_bytes(8 << 20);
    stranger.put(0, &noise(2, 6 << 20)).unwrap();
    stranger.put(0, &event_of(101, 6 << 20)).unwrap();
    good(3);

    parts.sql_becomes("SELECT count(), uniqExact(event_id) FROM candor.statistics_rows", "4\t4");
    let reasons = "SELECT reason, count(), max(length(record)) > 12000000 FROM candor.quarantine \
                   GROUP BY reason ORDER BY reason";
    let noise = POISON + 1;
    parts.sql_becomes(reasons, &format!("not_protobuf\t{noise}\t1\ntoo_large\t2\t1"));
    parts.sql_becomes(
        "SELECT sum(buckets['quarantined']), sum(records) FROM candor.batches",
        &format!("{}\t{}", noise + 2, noise + 6),
    );
    parts.sinks[0].metric_becomes("sink_quarantined_total{reason=\"too_large\"}", 2);
    parts.sinks[0].wait_until_ready();
    parts.audit(&[]).assert_clean();
    let most = parts.sinks[0].memory_peak_kib() / 1_024;
    assert!(most < MEMORY_MIB_MAX, "{most} MiB");
    fault.note_memory_of_sinks(&parts.sinks);
    assert!(parts.sinks[0].stop().success(), "{}", parts.sinks[0].log());
    fault.end();
}

/// More than a batch has room for.
const POISON: u64 = 40;
/// Two batches, one of them as a block in hexadecimal and packed, and what was read ahead.
const MEMORY_MIB_MAX: u64 = 320;
