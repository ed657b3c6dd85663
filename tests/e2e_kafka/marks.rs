//! Records that a collector sends again out of its spill, because it died before it knew that Kafka has them.

use std::time::Duration;

use candor_event::wire;
use candor_tests::{Parts, PartsOptions, event};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

/// What whoever drains a spill puts into the topic.
struct Drain<'a> {
    producer: BaseProducer,
    topic: &'a str,
}

impl<'a> Drain<'a> {
    fn of(parts: &'a Parts) -> Self {
        let mut config = ClientConfig::new();
        let config = config.set("bootstrap.servers", parts.broker().address());
        Self { producer: config.create().unwrap(), topic: parts.topic() }
    }

    /// Records: the spill, the sequence, and the number of the event in it. They are in the log afterwards.
    fn send(&self, records: &[(u8, u64, u8)]) {
        for (spill, sequence, number) in records {
            let headers = OwnedHeaders::new()
                .insert(Header { key: "candor-spill", value: Some(&[*spill; 16]) })
                .insert(Header { key: "candor-sequence", value: Some(&sequence.to_be_bytes()) });
            self.put(*number, headers);
        }
        self.producer.flush(Duration::from_secs(30)).unwrap();
    }

    /// Records as collectors make them, each of the event of this number.
    fn send_unmarked(&self, numbers: &[u8]) {
        for number in numbers {
            self.put(*number, OwnedHeaders::new());
        }
        self.producer.flush(Duration::from_secs(30)).unwrap();
    }

    fn put(&self, number: u8, headers: OwnedHeaders) {
        let record = wire::encode(&event(number, 3_990_000_000));
        let record = BaseRecord::<(), _>::to(self.topic).partition(0).payload(&*record);
        self.producer.send(record.headers(headers)).map_err(|(error, _)| error).unwrap();
    }
}

const ACCOUNT: &str = "SELECT (SELECT (count(), uniqExact(event_id)) FROM candor.statistics_rows), \
                       (SELECT sum(buckets['duplicate']) FROM candor.batches)";

fn one_partition() -> Parts {
    Parts::start(&PartsOptions {
        collectors: 0,
        partitions: 1,
        config: "sink.batch_age_ms = 300\nkafka.session_timeout_s = 2\n".to_owned(),
        ..PartsOptions::default()
    })
}

#[test]
fn what_clients_send_again_is_stored_once_whoever_owns_the_partition() {
    let mut parts = one_partition();
    Drain::of(&parts).send_unmarked(&[0, 1, 1]);
    parts.sql_becomes(ACCOUNT, "(2,2)\t1");
    Drain::of(&parts).send_unmarked(&[1, 2]);
    parts.sql_becomes(ACCOUNT, "(3,3)\t2");
    parts.sinks[0].metric_becomes("sink_without_row_total{bucket=\"duplicate\"}", 2);

    parts.sinks[0].kill();
    Drain::of(&parts).send_unmarked(&[0, 2, 3, 3]);
    parts.sinks[0].restart();
    parts.sql_becomes(ACCOUNT, "(4,4)\t5");
    parts.audit(&[]).assert_clean();
}

#[test]
fn what_is_sent_again_out_of_a_spill_is_stored_once_whoever_owns_the_partition() {
    let mut parts = one_partition();
    let (a, b) = (0xa0, 0xb0);

    Drain::of(&parts).send(&[(a, 3, 0), (a, 5, 1)]);
    parts.sql_becomes(ACCOUNT, "(2,2)\t0");
    Drain::of(&parts).send(&[(a, 3, 0), (a, 5, 1), (b, 3, 2), (a, 6, 3)]);
    parts.sql_becomes(ACCOUNT, "(4,4)\t2");
    parts.sinks[0].metric_becomes("sink_without_row_total{bucket=\"duplicate\"}", 2);

    parts.sinks[0].kill();
    Drain::of(&parts).send(&[(a, 6, 3), (b, 3, 2), (a, 9, 4), (a, 9, 4)]);
    parts.sinks[0].restart();
    parts.sql_becomes(ACCOUNT, "(5,5)\t5");

    let last = "SELECT spill, max(sequence) FROM candor.batches ARRAY JOIN mapKeys(marks) AS spill, \
                mapValues(marks) AS sequence GROUP BY spill ORDER BY spill";
    let want = format!("{}\t9\n{}\t3", "a0".repeat(16), "b0".repeat(16));
    parts.sql_becomes(last, &want);
    parts.audit(&[]).assert_clean();
}

#[test]
fn a_retry_through_another_collector_is_stored_once() {
    let config = "sink.batch_age_ms = 1000\n".to_owned();
    let parts = Parts::start(&PartsOptions { collectors: 2, config, ..PartsOptions::default() });
    let beacon = |id: &str| {
        format!(r#"{{"site":"demo","url":"http://localhost/","consent":true,"id":"{id}"}}"#)
    };
    // Each has keys of its own.
    for (id, collector) in [("first", 0), ("first", 1), ("second", 1), ("second", 0)] {
        assert_eq!(parts.collectors[collector].beacons().beacon(&beacon(id)).status, 202);
    }
    parts.sql_becomes("SELECT count() FROM candor.statistics", "2");
    parts.sql_becomes("SELECT sum(buckets['duplicate']) FROM candor.batches", "2");
}
