//! Versions side by side under load. Nobody has a sink of the next version yet, so one is made up: it runs in this
//! process, and translates what only the next version writes before ours looks at it. All else it does as ours.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use candor_event::{Event, Field, FieldSet, ManualClock, Timestamp, wire};
use candor_sink::{Config, Sink, SinkError};
use candor_store::Store;
use candor_tests::{Load, Part, Parts, PartsOptions, Stranger, event, eventually};
use candor_transport::kafka::KafkaConsumer;
use candor_transport::{ConsumeError, Consumer, Cursor, Delivery};
use rdkafka::Offset;
use tokio::sync::oneshot;

/// A field of the next version.
const NEXT_FIELD: u64 = 1 << 40;

/// A record that also has these fields.
fn record(fields: u64) -> Bytes {
    let mut event = Event { path: "/next".to_owned(), ..event(200, 3_990_000_000) };
    event.grants[0].fields = FieldSet::of(&[Field::Path]).bits() | fields;
    wire::encode(&event)
}

/// The note of the next version that means the same.
fn note_of_next(note: &str) -> String {
    note.replacen(r#"{"v":3,"#, r#"{"v":4,"next":true,"#, 1)
}

/// What the next version makes of what comes, in words of this one.
fn understood(delivery: Delivery) -> Delivery {
    match delivery {
        Delivery::Record { partition, offset, record, spill } => {
            let record = if record == self::record(NEXT_FIELD) { self::record(0) } else { record };
            Delivery::Record { partition, offset, record, spill }
        }
        Delivery::Assigned {
            partition,
            log,
            committed: Some(Cursor { offset, metadata }),
            low,
            high,
            previous_owner_may_live,
        } => {
            let metadata = metadata.replacen(r#"{"v":4,"next":true,"#, r#"{"v":3,"#, 1);
            let committed = Some(Cursor { offset, metadata });
            Delivery::Assigned { partition, log, committed, low, high, previous_owner_may_live }
        }
        other => other,
    }
}

/// Kafka as the next version reads it.
struct Next(KafkaConsumer);

impl Consumer for Next {
    type Committer = <KafkaConsumer as Consumer>::Committer;

    fn committer(&self) -> Self::Committer {
        self.0.committer()
    }

    async fn next(&mut self) -> Result<Delivery, ConsumeError> {
        self.0.next().await.map(understood)
    }

    fn pause(&mut self, partition: u32) {
        self.0.pause(partition);
    }

    fn resume(&mut self, partition: u32) {
        self.0.resume(partition);
    }

    fn release(&mut self, partition: u32) {
        self.0.release(partition);
    }
}

/// A sink of the next version, until it is told to stop.
struct NextSink {
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), SinkError>>,
}

impl NextSink {
    fn start(parts: &Parts) -> Self {
        let (mut kafka, url) = (parts.kafka(), parts.clickhouse().base().to_owned());
        kafka.instance = Some("next".to_owned());
        let now = parts.sql("SELECT toUnixTimestamp(now())").parse().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix(now)));
        let (stop, stopped) = oneshot::channel();
        let running = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let consumer = KafkaConsumer::start(&kafka, Duration::from_mins(1)).unwrap();
                let store =
                    Store::new(&candor_store::Config { url, ..candor_store::Config::default() });
                let sink = Sink::new(Next(consumer), store, Config::default(), clock);
                sink.run(async { stopped.await.unwrap_or(()) }).await
            })
        });
        Self { stop, running }
    }

    fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.join().unwrap().unwrap();
    }
}

/// Waits until a sink has ended, and why.
fn ends(sink: &mut Part, words: &str) {
    let status = eventually("the sink ends", || sink.ended());
    assert!(!status.success());
    assert!(sink.log().contains(words), "{}", sink.log());
}

/// The range after the cursor as a sink of the next version would have left it when it died.
fn leave_range_of_next(parts: &Parts, stranger: &Stranger, partition: i32) {
    let (Offset::Offset(first), note) = stranger.cursor(partition) else {
        panic!("there is a cursor");
    };
    let (log, note) = note.split_once(':').unwrap();
    let stored_at = parts.sql("SELECT toUnixTimestamp(now())");
    let left = format!(
        r#"{{"v":3,"end":{},"repair":0,"deadline_s":30,"stored_at":{stored_at},"ids_from":{first}}}"#,
        first + 3
    );
    // What ours left when it stopped stands.
    let note = note_of_next(if note.is_empty() { &left } else { note });
    stranger.set_cursor(partition, first.try_into().unwrap(), &format!("{log}:{note}"));
}

#[test]
fn versions_side_by_side_lose_and_double_nothing_and_the_older_never_guesses() {
    let mut parts = Parts::start(&PartsOptions {
        collectors: 2,
        sinks: 2,
        partitions: 2,
        config: "sink.batch_age_ms = 500\nkafka.session_timeout_s = 2\n".to_owned(),
        ..PartsOptions::default()
    });
    let doors: Vec<_> = parts.collectors.iter().map(Part::beacons).collect();
    let load = Load::start_slowly(&doors, Duration::from_millis(3));
    load.wait_for(200);

    let stranger = parts.stranger();
    stranger.put(0, &record(NEXT_FIELD)).unwrap();
    for sink in &mut parts.sinks {
        // The second one when it is given the partition of the first.
        ends(sink, "needs a newer candor");
    }
    load.wait_for(200);
    leave_range_of_next(&parts, &stranger, 0);
    parts.sinks[1].restart();
    ends(&mut parts.sinks[1], "an intent of another version");

    let next = NextSink::start(&parts);
    let rows = "SELECT count() FROM candor.statistics_rows WHERE path = '/next'";
    parts.sql_becomes(rows, "1");
    // Side by side, with a partition each.
    parts.sinks[0].restart();
    parts.sinks[0].metric_becomes("sink_partitions", 1);
    let stored = parts.sinks[0].metric("sink_batches_total");
    eventually("ours stores beside it", || {
        (parts.sinks[0].metric("sink_batches_total") > stored + 1).then_some(())
    });
    load.wait_for(200);
    next.stop();
    load.wait_for(200);

    parts.sinks.truncate(1);
    let acknowledged = load.finish();
    parts.assert_stored(&acknowledged);
    assert_eq!(parts.sql(rows), "1");
}
