//! Disks that are full: those of spills, of Kafka, and of ClickHouse. They are file systems of their own, so that what
//! is refused is what a full disk refuses, and they come to have room again while everything runs.

use std::time::Duration;

use candor_tests::{Fault, Load, Part, Parts, PartsOptions, eventually};

use crate::faults;

fn options() -> PartsOptions {
    PartsOptions {
        collectors: 2,
        partitions: 2,
        config: "sink.batch_age_ms = 500\nkafka.session_timeout_s = 2\nspill.bytes = 4194304\nsink.insert_deadline_s = 5\n\
                 collector.limits.site_per_second = 1000000\ncollector.limits.site_burst = 1000000\n"
            .to_owned(),
        own_broker: true,
        ..PartsOptions::default()
    }
}

fn load(parts: &Parts) -> Load {
    let doors: Vec<_> = parts.collectors.iter().map(Part::beacons).collect();
    Load::start_slowly(&doors, Duration::from_millis(1))
}

fn finish(parts: &Parts, load: Load, mut fault: Fault) {
    faults::finish(parts, load, &mut fault);
    fault.end();
}

fn spills(parts: &Parts) {
    for collector in &parts.collectors {
        eventually("it spills", || (collector.metric("transport_spill_active") == 1).then_some(()));
    }
}

#[test]
fn a_disk_without_room_or_inodes_for_the_spill_refuses_and_loses_nothing() {
    let fault = Fault::begin("F8, spills without room or inodes");
    let mut parts = Parts::start(&options());
    for collector in &mut parts.collectors {
        assert!(collector.stop().success(), "{}", collector.log());
        collector.live_on_small_disk(16, 64);
        collector.restart();
        collector.wait_until_ready();
    }
    let load = load(&parts);
    load.wait_for(100);
    parts.broker().kill();
    spills(&parts);
    load.wait_for(200);
    // Segments are small, so that a new file is soon needed.
    let [roomless, inodeless] = &mut parts.collectors[..] else { unreachable!("two of them") };
    roomless.disk().fill(roomless.pid());
    inodeless.disk().use_up_inodes(inodeless.pid());
    let many = vec![r#"{"site":"demo","url":"http://localhost/many","consent":true}"#; 500];
    for collector in [&*roomless, &*inodeless] {
        let refused = eventually("it refuses", || {
            let headers = [("content-type", "application/x-ndjson")];
            let body = many.join("\n");
            let answer =
                collector.beacons().send("POST", "/v1/events", &headers, body.as_bytes())?;
            // So many at once may have to wait their turn first, while the log is slow.
            (!matches!(answer.status, 202 | 429)).then_some(answer)
        });
        assert_eq!(refused.status, 503, "{refused:?}");
        assert!(refused.headers.contains("retry-after"), "{refused:?}");
        assert_eq!(collector.admin().get("/readyz", &[]).status, 503);
        assert!(collector.metric("transport_journal_failures_total") > 0);
        assert!(collector.log().contains("the journal refuses events"), "{}", collector.log());
    }
    // Killed and started while there is no room: what was taken is still there.
    roomless.kill();
    roomless.restart();
    inodeless.disk().free(inodeless.pid());
    parts.broker().restart();
    load.wait_for(200);
    let roomless = &parts.collectors[0];
    roomless.disk().free(roomless.pid());
    load.wait_for(200);
    finish(&parts, load, fault);
}

#[test]
fn a_broker_without_room_is_as_good_as_away() {
    let fault = Fault::begin("F8, Kafka without room");
    let parts = Parts::start(&PartsOptions { small_disks: true, ..options() });
    let load = load(&parts);
    load.wait_for(200);
    let broker = parts.broker();
    let pid = broker.pid();
    broker.disk().fill(pid);
    // It lets nobody wait for a disk that takes nothing.
    broker.wait_until_it_ends();
    spills(&parts);
    load.wait_for(200);
    broker.disk().free(pid);
    broker.restart();
    load.wait_for(200);
    finish(&parts, load, fault);
}

#[test]
fn clickhouse_without_room_means_waiting_and_nothing_else() {
    let fault = Fault::begin("F8, ClickHouse without room");
    let options = PartsOptions { small_disks: true, own_broker: false, ..options() };
    let mut parts = Parts::start(&options);
    let load = load(&parts);
    load.wait_for(200);
    parts.engine.disk().fill(parts.engine.pid());
    let sink = &mut parts.sinks[0];
    let failures = sink.metric("sink_insert_failures_total");
    eventually("it tries in vain", || {
        (sink.metric("sink_insert_failures_total") > failures + 2).then_some(())
    });
    load.wait_for(200);
    assert!(sink.ended().is_none(), "{}", sink.log());
    parts.engine.disk().free(parts.engine.pid());
    load.wait_for(200);
    finish(&parts, load, fault);
}
