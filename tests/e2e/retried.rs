//! A client that heard no answer sends its beacon again.

use candor_tests::{Candor, Options};

use super::pageview;

#[test]
fn a_retry_with_its_id_is_stored_once() {
    let mut candor = Candor::start(Options::default());
    let stored = "SELECT count() FROM candor.statistics";
    let send = |candor: &Candor, id: &str| {
        let beacon = pageview(&format!(r#","id":"{id}""#));
        assert_eq!(candor.send(&beacon).status, 202, "what is durable is said to be");
    };
    for id in ["first", "second", "first"] {
        send(&candor, id);
    }
    candor.sql_becomes(stored, "2");
    send(&candor, "second");
    send(&candor, "third");
    candor.sql_becomes(stored, "3");
    candor.metric_becomes("sink_without_row_total{bucket=\"duplicate\"}", 2);
    assert!(candor.stop().success());
    candor.restart();
    // Its keys are others than before.
    send(&candor, "third");
    send(&candor, "fourth");
    candor.sql_becomes(stored, "4");
    candor.kill();
    candor.restart();
    send(&candor, "fourth");
    send(&candor, "fifth");
    candor.sql_becomes(stored, "5");
    candor.sql_becomes("SELECT sum(buckets['duplicate']) FROM candor.batches", "4");
}
