//! A record that cannot be stored is set aside with a reason, and blocks nobody; a log that lost its end
//! is refused.

use candor_event::EventId;
use candor_tests::Candor;
use candor_transport::{Cursor, Outgoing};

use super::{log, pageview};

/// A candor that has stored one event and stopped.
fn stopped_after_one_event() -> Candor {
    let mut candor = Candor::demo();
    assert_eq!(candor.send(&pageview("")).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.statistics", "1");
    candor.stop();
    candor
}

#[test]
fn poison_is_set_aside_and_its_neighbours_are_stored() {
    let mut candor = stopped_after_one_event();
    let id = EventId::from_bytes([1; 16]);
    log::put(&candor, vec![Outgoing { id, record: b"\xff not Protobuf"[..].into() }]);

    candor.restart();
    assert_eq!(candor.send(&pageview("")).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.statistics", "2");
    candor.sql_becomes(
        "SELECT reason, unhex(record) = '\\xff not Protobuf' FROM candor.quarantine",
        "not_protobuf\t1",
    );
    candor.sql_becomes("SELECT sum(buckets['quarantined']) FROM candor.batches", "1");
    assert_eq!(candor.metric("sink_quarantined_total{reason=\"not_protobuf\"}"), 1);
}

#[test]
fn a_log_that_lost_what_was_being_stored_is_refused() {
    let candor = stopped_after_one_event();
    // As after a crash in the middle of an insert, on a disk that then lost the range.
    log::commit(&candor, |high| {
        let metadata = format!(r#"{{"v":1,"end":{},"repair":0,"deadline_s":30}}"#, high + 5);
        Cursor { offset: high, metadata }
    });
    let log = candor.run_until_it_ends();
    assert!(log.contains("its end was lost") && log.contains("Move the log's directory"), "{log}");
}
