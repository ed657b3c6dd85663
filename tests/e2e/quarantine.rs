//! A record that cannot be stored is set aside with a reason, and blocks nobody; a log that lost its end
//! is refused.

use candor_event::EventId;
use candor_tests::Candor;
use candor_transport::journal::{Journal, JournalConfig, JournalConsumer, JournalProducer};
use candor_transport::{Committer, Consumer, Cursor, Delivery, Outgoing, Producer};

use crate::pageview;

/// A candor that has stored one event and stopped.
fn stopped_after_one_event() -> Candor {
    let mut candor = Candor::demo();
    assert_eq!(candor.send(&pageview("")).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.statistics", "1");
    candor.stop();
    candor
}

/// Does something to its journal.
fn with_journal(candor: &Candor, act: impl AsyncFnOnce(JournalProducer, JournalConsumer)) {
    let journal = candor.data().join("journal");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (producer, consumer) = Journal::open(&journal, JournalConfig::default()).unwrap();
        act(producer, consumer).await;
    });
}

#[test]
fn poison_is_set_aside_and_its_neighbours_are_stored() {
    let mut candor = stopped_after_one_event();
    with_journal(&candor, async |producer, _consumer| {
        let poison =
            Outgoing { id: EventId::from_bytes([1; 16]), record: b"\xff not Protobuf"[..].into() };
        producer.produce(vec![poison]).await.unwrap();
    });

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
    with_journal(&candor, async |_producer, mut consumer| {
        let Delivery::Assigned { high, .. } = consumer.next().await.unwrap() else {
            unreachable!("the first delivery");
        };
        let metadata = format!(r#"{{"v":1,"end":{},"repair":0,"deadline_s":30}}"#, high + 5);
        consumer.committer().commit(0, Cursor { offset: high, metadata }).await.unwrap();
    });
    let log = candor.run_until_it_ends();
    assert!(log.contains("its end was lost") && log.contains("Move the log's directory"), "{log}");
}
