//! Faults that no other test has: brokers of a cluster, an ill network before ClickHouse, and how long a killed
//! sink needs to catch up. `docs/faults.md` has all of them.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use candor_tests::{
    Ailment, Broker, Fault, Load, Parts, PartsOptions, Proxy, eventually, scale, stored_after,
};

fn options() -> PartsOptions {
    PartsOptions {
        collectors: 2,
        sinks: 2,
        partitions: 4,
        config: "sink.batch_age_ms = 800\nkafka.session_timeout_s = 2\n".to_owned(),
        ..PartsOptions::default()
    }
}

/// A load at a pace that the machine keeps up with; in full, as fast as it is answered.
fn load(parts: &Parts) -> Load {
    let doors: Vec<_> = parts.collectors.iter().map(candor_tests::Part::beacons).collect();
    Load::start_slowly(&doors, scale().pick(Duration::from_millis(3), Duration::ZERO))
}

/// Everything that was acknowledged is stored, once, and the audit says so, too.
pub(crate) fn finish(parts: &Parts, load: Load, fault: &mut Fault) {
    let refused = load.refused();
    let acknowledged = load.finish();
    parts.assert_stored(&acknowledged);
    fault.note(format!(
        "{} acknowledged, {refused} refused, 0 missing, 0 twice, audit clean",
        acknowledged.len()
    ));
    fault.note_memory_of_collectors(&parts.collectors);
    fault.note_memory_of_sinks(&parts.sinks);
}

#[test]
fn brokers_of_a_cluster_that_die_lose_and_double_nothing() {
    let config = "kafka.create.replication = 3\nkafka.create.min_insync_replicas = 2\n";
    let config = format!("sink.batch_age_ms = 800\nkafka.session_timeout_s = 2\n{config}");
    let mut parts =
        Parts::start(&PartsOptions { own_broker: true, brokers: 3, config, ..options() });
    let load = load(&parts);
    let mut fault = Fault::begin("F5 F6, three brokers");
    load.wait_for(200);
    for broker in 0..3 {
        let refused = load.refused();
        parts.brokers()[broker].kill();
        load.wait_for(400);
        parts.brokers()[broker].restart();
        load.wait_for(200);
        fault.note(format!("{} refused while one was away", load.refused() - refused));
    }
    let outage = scale().pick(Duration::from_secs(15), Duration::from_mins(10));
    parts.brokers().iter().for_each(Broker::kill);
    let refused = load.refused();
    load.go_on(outage);
    let taken = load.so_far();
    fault.note_time("all away for", outage);
    fault.note(format!("{} refused meanwhile", load.refused() - refused));
    Broker::restart_all(&parts.brokers().iter().collect::<Vec<_>>());
    load.wait_for(200);
    // Sessions are short, so that everybody loses its place again and again: nobody takes that for another.
    for sink in &mut parts.sinks {
        assert!(sink.ended().is_none(), "{}", sink.log());
    }
    let caught_up = stored_after(parts.clickhouse(), &taken, outage.max(MINUTE) / 2);
    fault.note_time("caught up after", caught_up);
    load.wait_for(200);
    finish(&parts, load, &mut fault);
    fault.end();
}

#[test]
fn whatever_happens_to_inserts_nothing_is_lost_or_doubled() {
    let mut parts = Parts::start(&PartsOptions { sinks: 0, ..options() });
    let server = parts.clickhouse().base().trim_start_matches("http://").to_owned();
    let proxy = Proxy::before(&server);
    parts.configure(&format!("clickhouse.url = {:?}\n", proxy.base()));
    parts.add_sink();
    parts.add_sink();
    let load = load(&parts);
    let mut fault = Fault::begin("F7, an ill network before ClickHouse");
    let rounds = scale().pick(1, 10);
    for _ in 0..rounds {
        for ailment in [
            Ailment::ResetEvery(4_096),
            Ailment::HalfAnswer,
            Ailment::Error(252, "TOO_MANY_PARTS"),
            Ailment::Error(243, "NOT_ENOUGH_SPACE"),
            Ailment::Error(241, "MEMORY_LIMIT_EXCEEDED"),
            Ailment::Error(242, "TABLE_IS_READ_ONLY"),
            Ailment::Status(502),
            Ailment::Slow(scale().pick(Duration::from_secs(2), Duration::from_secs(10))),
        ] {
            load.wait_for(100);
            proxy.fall(ailment);
            eventually("requests fall ill", || (proxy.ill() >= 6).then_some(()));
            proxy.fall(Ailment::Healthy);
            let taken = load.so_far();
            let time = stored_after(parts.clickhouse(), &taken, MINUTE);
            fault.note_time(&format!("after {ailment:?} caught up in"), time);
        }
    }
    finish(&parts, load, &mut fault);
    fault.end();
}

#[test]
fn a_killed_sink_has_caught_up_within_ten_seconds() {
    let mut parts = Parts::start(&options());
    let load = load(&parts);
    let mut fault = Fault::begin("F2, catch-up after a killed sink");
    let mut longest = Duration::ZERO;
    for round in 0..scale().pick(4, 20) {
        load.wait_for(300);
        let sink = round % 2;
        let began = Instant::now();
        parts.sinks[sink].kill();
        let taken = load.so_far();
        // Started again at once, or taken over by the other one.
        if round % 4 < 2 {
            parts.sinks[sink].restart();
        }
        stored_after(parts.clickhouse(), &taken, CATCH_UP_MAX);
        longest = longest.max(began.elapsed());
        if round % 4 >= 2 {
            parts.sinks[sink].restart();
        }
    }
    assert!(longest < CATCH_UP_MAX, "{longest:?}");
    fault.note_time("caught up within", longest);
    finish(&parts, load, &mut fault);
    fault.end();
}

#[test]
fn a_disk_that_takes_no_more_is_told_and_costs_nothing_that_was_taken() {
    let mut parts = Parts::start(&PartsOptions { own_broker: true, ..options() });
    let mut fault = Fault::begin("F8, no room for a spill");
    for collector in &mut parts.collectors {
        assert!(collector.stop().success(), "{}", collector.log());
        // 256 KiB are the most that a file may have: whatever is written behind fails.
        collector.limit("trap '' XFSZ && ulimit -f 512");
        collector.restart();
        collector.wait_until_ready();
    }
    let load = load(&parts);
    load.wait_for(100);
    parts.broker().kill();
    let refused = load.refused();
    eventually("the disk refuses", || {
        let failed: u64 = parts.collectors.iter().map(|it| it.metric(DISK_FAILURES)).sum();
        (failed > 0 && load.refused() > refused).then_some(())
    });
    load.wait_for(100);
    fault.note(format!("{} refused while Kafka was away", load.refused() - refused));
    parts.broker().restart();
    load.wait_for(100);
    finish(&parts, load, &mut fault);
    fault.end();
}

#[test]
fn a_crowd_that_takes_all_files_leaves_some_for_the_spill() {
    let mut parts = Parts::start(&PartsOptions { own_broker: true, ..options() });
    let mut fault = Fault::begin("F16, no files for more connections");
    for collector in &mut parts.collectors {
        assert!(collector.stop().success(), "{}", collector.log());
        // 128 of them are kept for everything but connections.
        collector.limit("ulimit -n 200");
        collector.restart();
        collector.wait_until_ready();
    }
    let load = load(&parts);
    load.wait_for(200);
    let collector = &parts.collectors[0];
    let door = collector.beacons().base().trim_start_matches("http://").parse().unwrap();
    let files = format!("/proc/{}/fd", collector.pid().as_raw_nonzero());
    // Those for which there is no file wait in the system's queue.
    let crowd: Vec<_> = (0..100)
        .filter_map(|_| TcpStream::connect_timeout(&door, Duration::from_secs(1)).ok())
        .collect();
    let most = eventually("it holds as many connections as it may", || {
        Some(std::fs::read_dir(&files).unwrap().count()).filter(|count| *count >= 80)
    });
    parts.broker().kill();
    for collector in &parts.collectors {
        eventually("it spills", || (collector.metric("transport_spill_active") == 1).then_some(()));
    }
    drop(crowd);
    load.wait_for(200);
    parts.broker().restart();
    load.wait_for(200);
    fault.note(format!("{most} of 200 files open"));
    finish(&parts, load, &mut fault);
    fault.end();
}

const DISK_FAILURES: &str = "transport_spill_refused_total{cause=\"unavailable\"}";
const CATCH_UP_MAX: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_mins(1);
