//! Cursors that somebody set back or lost while no sink ran: nothing is stored twice, and what was deleted
//! stays deleted.

use candor_event::wire;
use candor_tests::{Parts, PartsOptions, Stranger, event, eventually};
use rdkafka::Offset;

const ROWS: &str = "SELECT count(), uniqExact(event_id), countIf(event_id = toUUID('02020202-0202-0202-0202-020202020202')) \
     FROM candor.statistics_rows";

fn put(stranger: &Stranger, number: u8) {
    stranger.put(0, &wire::encode(&event(number, 3_990_000_000))).unwrap();
}

/// Starts the sink, which says why it cannot go on, and ends.
fn is_refused(parts: &mut Parts, words: &str) {
    let sink = &mut parts.sinks[0];
    sink.restart();
    let status = eventually("the sink ends", || sink.ended());
    assert!(!status.success());
    assert!(sink.log().contains(words), "{}", sink.log());
    assert_eq!(parts.sql(ROWS), "5\t5\t0");
}

#[test]
fn a_log_that_is_replayed_stores_nothing_twice_and_brings_nothing_back() {
    let mut parts = Parts::start(&PartsOptions {
        collectors: 0,
        partitions: 1,
        config: "sink.batch_age_ms = 300\nkafka.session_timeout_s = 1\n".to_owned(),
        ..PartsOptions::default()
    });
    let stranger = parts.stranger();
    for number in 0..6 {
        put(&stranger, number);
    }
    parts.sql_becomes(ROWS, "6\t6\t1");
    let confirmed = |offset| (stranger.cursor(0).0 == Offset::Offset(offset)).then_some(());
    eventually("it is confirmed", || confirmed(6));
    parts.audit(&[]).assert_clean();
    parts.sql(
        "ALTER TABLE candor.statistics_rows DELETE WHERE \
         event_id = toUUID('02020202-0202-0202-0202-020202020202') SETTINGS mutations_sync = 2",
    );
    assert!(parts.sinks[0].stop().success(), "{}", parts.sinks[0].log());

    stranger.set_cursor(0, 0, "");
    is_refused(&mut parts, "goes on at 0, but ClickHouse has it up to 6: its cursor was set back");
    stranger.forget_cursors();
    is_refused(&mut parts, "has rows in ClickHouse but no cursor");

    stranger.set_cursor(0, 6, "");
    parts.sinks[0].restart();
    put(&stranger, 6);
    parts.sql_becomes(ROWS, "6\t6\t0");
    eventually("it is confirmed", || confirmed(7));
    assert_eq!(parts.audit(&[]).findings(), ["rows missing"], "the one that was deleted");
}
