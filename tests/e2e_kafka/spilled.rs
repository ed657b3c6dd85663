//! Kafka away, and collectors that take beacons all the same.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use candor_tests::{Load, Parts, PartsOptions, eventually};

fn options() -> PartsOptions {
    PartsOptions {
        config: "sink.batch_age_ms = 800\nkafka.session_timeout_s = 2\n".to_owned(),
        own_broker: true,
        ..PartsOptions::default()
    }
}

fn pageview(path: &str) -> String {
    format!(r#"{{"site":"demo","url":"http://localhost/{path}","consent":true}}"#)
}

fn log_is_ready(parts: &Parts) -> u64 {
    parts.collectors[0].metric("candor_part_ready{part=\"log\"}")
}

#[test]
fn beacons_are_taken_while_kafka_is_away_and_become_rows_when_it_is_back() {
    let mut parts = Parts::start(&PartsOptions { collectors: 0, ..options() });
    parts.broker().kill();
    parts.add_collector();
    let collector = &parts.collectors[0];
    collector.wait_until_ready();
    for number in 0..200 {
        let answer = collector.beacons().beacon(&pageview(&number.to_string()));
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    assert_eq!(collector.metric("transport_spill_events_total"), 200);
    eventually("the gauges say how it is", || {
        let active = collector.metric("transport_spill_active") == 1;
        let records = collector.metric("transport_spill_records") > 0;
        (active && records && log_is_ready(&parts) == 0).then_some(())
    });
    assert_eq!(collector.log().matches("a part is away").count(), 1, "{}", collector.log());

    parts.broker().restart();
    parts.sql_becomes("SELECT count(), uniqExact(path) FROM candor.statistics", "200\t200");
    let collector = &parts.collectors[0];
    eventually("nothing is left", || {
        let level = ["records", "oldest_seconds", "active"];
        let left = level.map(|it| collector.metric(&format!("transport_spill_{it}")));
        (left == [0, 0, 0]).then_some(())
    });
    assert_eq!(collector.metric("transport_spill_drained_events_total"), 200);
    assert_eq!(collector.beacons().beacon(&pageview("live")).status, 202);
    assert_eq!(collector.metric("transport_spill_events_total"), 200, "that one went straight");
    let by_spill = parts.tail(&["--from-beginning"]);
    let marked = by_spill.iter().filter(|event| event["spill"].is_string()).count();
    assert_eq!((marked, by_spill.len()), (200, 201));
    assert!(parts.collectors[0].stop().success(), "{}", parts.collectors[0].log());
}

/// How many events in the log are there again by a mark that was there before.
fn sent_again(parts: &Parts) -> usize {
    let mut last = BTreeMap::<(u64, String), (u64, u64)>::new();
    let mut again = 0;
    let mut events = parts.tail(&["--from-beginning"]);
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    let place =
        |it: &serde_json::Value| ["partition", "offset", "index"].map(|key| number(&it[key]));
    events.sort_by_key(place);
    for event in &events {
        if let Some(spill) = event["spill"].as_str() {
            let [partition, offset, _] = place(event);
            let sequence = number(&event["spill_sequence"]);
            let last = last.entry((partition, spill.to_owned())).or_insert((sequence, offset));
            if sequence < last.0 || (sequence == last.0 && offset != last.1) {
                again += 1;
            } else {
                *last = (sequence, offset);
            }
        }
    }
    again
}

fn audit_all(parts: &Parts, acknowledged: &HashSet<u64>) {
    parts.assert_stored(acknowledged);
    let again = sent_again(parts).to_string();
    parts.sql_becomes("SELECT sum(buckets['duplicate']) FROM candor.batches", &again);
    println!("{} acknowledged, none lost, none twice; {again} came again", acknowledged.len());
}

#[test]
fn a_collector_killed_while_spilling_and_while_draining_loses_and_doubles_nothing() {
    let mut parts = Parts::start(&PartsOptions { partitions: 3, ..options() });
    let load = Load::start(&[parts.collectors[0].beacons()]);
    for round in 0..6 {
        load.wait_for(100);
        if round % 2 == 0 {
            parts.broker().suspend();
        } else {
            parts.broker().kill();
        }
        let collector = &mut parts.collectors[0];
        eventually("it spills", || (collector.metric("transport_spill_active") == 1).then_some(()));
        load.wait_for(500);
        collector.kill();
        collector.restart();
        load.wait_for(500);
        if round % 2 == 0 {
            parts.broker().resume();
        } else {
            parts.broker().restart();
        }
        let collector = &mut parts.collectors[0];
        eventually("it drains", || {
            (collector.metric("transport_spill_drained_events_total") > 0).then_some(())
        });
        collector.kill();
        collector.restart();
        eventually("it is live", || {
            (collector.metric("transport_spill_active") == 0).then_some(())
        });
    }
    load.wait_for(100);
    let acknowledged = load.finish();
    audit_all(&parts, &acknowledged);
}

#[test]
fn a_full_spill_means_503_until_there_is_room() {
    let mut parts = Parts::start(&PartsOptions {
        collectors: 0,
        sinks: 0,
        // As many as it takes come at once.
        config: format!(
            "{}spill.bytes = 4194304\ncollector.limits.site_per_second = 1000000\n\
             collector.limits.site_burst = 1000000\n",
            options().config
        ),
        ..options()
    });
    parts.broker().kill();
    parts.add_collector();
    let collector = &parts.collectors[0];
    let many = vec![pageview("many"); 500].join("\n");
    let mut taken = 0;
    let refused = eventually("it is full", || {
        let headers = [("content-type", "application/x-ndjson")];
        let answer = collector.beacons().send("POST", "/v1/events", &headers, many.as_bytes())?;
        if answer.status == 202 {
            taken += 500;
            return None;
        }
        Some(answer)
    });
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.headers.contains("retry-after"), "{refused:?}");
    assert!(taken >= 5_000, "{taken} events in 4 MiB");
    assert!(collector.metric("transport_spill_refused_total{cause=\"full\"}") >= 1);
    eventually("it is not ready", || {
        let answer = collector.admin().send("GET", "/readyz", &[], b"")?;
        (answer.status == 503).then_some(())
    });
    parts.broker().restart();
    let collector = &parts.collectors[0];
    collector.wait_until_ready();
    eventually("it takes beacons", || {
        (collector.beacons().beacon(&pageview("again")).status == 202).then_some(())
    });
    eventually("its spill is empty", || {
        (collector.metric("transport_spill_records") == 0).then_some(())
    });
    let events = parts.tail(&["--from-beginning"]);
    let many = events.iter().filter(|event| event["path"] == "/many").count();
    assert_eq!(many, taken, "what was refused was not kept, what was taken is there");
    parts.add_sink();
    let rows =
        "SELECT countIf(path = '/many'), countIf(path = '/again') > 0 FROM candor.statistics";
    parts.sql_becomes(rows, &format!("{taken}\t1"));
    parts.audit(&[]).assert_clean();
}

#[test]
fn what_was_acknowledged_in_memory_survives_an_orderly_end() {
    let config = format!("{}log.ack = \"memory\"\n", options().config);
    let mut parts = Parts::start(&PartsOptions { sinks: 0, config, ..options() });
    parts.broker().suspend();
    let collector = &mut parts.collectors[0];
    assert!(collector.log().contains("a crash loses the last of them"), "{}", collector.log());
    let begun = Instant::now();
    for number in 0..100 {
        let answer = collector.beacons().beacon(&pageview(&number.to_string()));
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody waits for Kafka");
    assert_eq!(collector.metric("transport_memory_acknowledged_total"), 100);
    assert!(collector.stop().success(), "{}", collector.log());
    assert!(!collector.log().contains("may be lost"), "{}", collector.log());
    parts.broker().resume();
    parts.collectors[0].restart();
    let collector = &parts.collectors[0];
    collector.wait_until_ready();
    eventually("its spill is empty", || {
        let live = collector.metric("transport_spill_active") == 0;
        (live && collector.metric("transport_spill_records") == 0).then_some(())
    });
    let events = parts.tail(&["--from-beginning"]);
    let paths: HashSet<_> = events.iter().map(|event| event["path"].as_str().unwrap()).collect();
    assert_eq!(paths.len(), 100);
}

#[test]
fn two_collectors_cannot_share_a_spill() {
    let parts = Parts::start(&PartsOptions { sinks: 0, own_broker: false, ..options() });
    let dir = parts.dir().join("collector-0");
    let run = parts
        .command("collect")
        .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
        .arg(&dir)
        .output()
        .unwrap();
    assert!(!run.status.success());
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("open elsewhere") && said.contains("spill"), "{said}");
}
