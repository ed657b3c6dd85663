//! Every part killed, stopped, moved and woken under load: nothing that was answered 202 is lost, and
//! nothing is stored twice.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use candor_tests::{Fault, Load, Parts, PartsOptions, eventually, scale, stored_after};

/// As many batches as may be, and owners that are found dead soon.
const RESTLESS: &str = "sink.batch_age_ms = 800\nkafka.session_timeout_s = 2\n";

fn restless() -> PartsOptions {
    PartsOptions {
        collectors: 2,
        sinks: 2,
        partitions: 4,
        config: RESTLESS.to_owned(),
        own_broker: true,
        ..PartsOptions::default()
    }
}

fn load(parts: &Parts) -> Load {
    let doors: Vec<_> = parts.collectors.iter().map(candor_tests::Part::beacons).collect();
    Load::start(&doors)
}

fn finish(parts: &Parts, load: Load) {
    let acknowledged = load.finish();
    parts.assert_stored(&acknowledged);
    let again = parts.sql("SELECT sum(buckets['duplicate']) FROM candor.batches");
    println!(
        "{} acknowledged, none lost, none twice; {again} came again by a spill",
        acknowledged.len()
    );
}

/// Numbers that a seed stands for (`SplitMix64`).
struct Random(u64);

impl Random {
    /// From `CANDOR_SEED`, or else another one in every run; printed, so that a failure can be seen again.
    fn seeded() -> Self {
        let given = std::env::var("CANDOR_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one("seed"));
        println!("CANDOR_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[test]
fn random_kills_of_every_part_lose_and_double_nothing() {
    let mut random = Random::seeded();
    let mut parts = Parts::start(&restless());
    let load = load(&parts);
    for _ in 0..scale().pick(50, 200) {
        load.wait_for(usize::try_from(20 + random.below(scale().pick(180, 10_000))).unwrap());
        let first = random.below(6);
        kill(&mut parts, first);
        // Now and then a second one dies before the first is back.
        let second = random.below(18);
        if second < 6 && second != first {
            kill(&mut parts, second);
            start(&mut parts, second);
        }
        start(&mut parts, first);
    }
    load.wait_for(100);
    finish(&parts, load);
}

fn kill(parts: &mut Parts, part: u64) {
    match part {
        0 | 1 => parts.collectors[usize::from(part == 1)].kill(),
        2 | 3 => parts.sinks[usize::from(part == 3)].kill(),
        4 => parts.engine.kill(),
        _ => parts.broker().kill(),
    }
}

fn start(parts: &mut Parts, part: u64) {
    match part {
        0 | 1 => parts.collectors[usize::from(part == 1)].restart(),
        2 | 3 => parts.sinks[usize::from(part == 3)].restart(),
        4 => parts.engine.restart(),
        _ => parts.broker().restart(),
    }
}

#[test]
fn a_sink_that_slept_past_its_time_doubles_nothing() {
    let mut random = Random::seeded();
    let parts = Parts::start(&restless());
    let load = load(&parts);
    for round in 0..6 {
        load.wait_for(usize::try_from(50 + random.below(150)).unwrap());
        let (asleep, awake) = (&parts.sinks[round % 2], &parts.sinks[(round + 1) % 2]);
        eventually("both have partitions", || {
            (asleep.metric("sink_partitions") > 0 && awake.metric("sink_partitions") > 0)
                .then_some(())
        });
        asleep.suspend();
        eventually("the other one takes over", || {
            (awake.metric("sink_partitions") == 4).then_some(())
        });
        let stored = awake.metric("sink_batches_total");
        eventually("and stores", || {
            (awake.metric("sink_batches_total") > stored + 4).then_some(())
        });
        asleep.resume();
    }
    load.wait_for(100);
    finish(&parts, load);
}

#[test]
fn sinks_that_join_and_leave_double_nothing() {
    let mut parts = Parts::start(&PartsOptions { own_broker: false, ..restless() });
    let load = load(&parts);
    parts.add_sink();
    for round in 0..scale().pick(9, 150) {
        load.wait_for(scale().pick(60, 4_000));
        let sink = round % 3;
        assert!(parts.sinks[sink].stop().success(), "{}", parts.sinks[sink].log());
        load.wait_for(60);
        parts.sinks[sink].restart();
    }
    finish(&parts, load);
    let owned = |parts: &Parts| -> u64 {
        parts.sinks.iter().map(|sink| sink.metric("sink_partitions")).sum()
    };
    eventually("every partition has one owner", || (owned(&parts) == 4).then_some(()));
}

#[test]
fn a_topic_made_anew_is_another_log() {
    let parts = Parts::start(&PartsOptions { own_broker: false, ..restless() });
    let mut numbers = HashSet::new();
    let mut send = |count: usize| {
        for _ in 0..count {
            let number = numbers.len() + 1;
            let body =
                format!(r#"{{"site":"demo","url":"http://localhost/n/{number}","consent":true}}"#);
            // Until the collector has found the new topic, it answers 503.
            eventually("it is taken", || (parts.send(&body).status == 202).then_some(()));
            numbers.insert(number);
        }
        numbers.len().to_string()
    };
    let before = send(30);
    parts.sql_becomes("SELECT count() FROM candor.statistics", &before);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(parts.broker().delete_topic(parts.topic()));
    // The group still gives sinks partitions that are gone, until it looks again.
    parts.configure("kafka.create.partitions = 2\n");
    let made = parts.migrate(&[]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let after = send(30);
    parts.sql_becomes("SELECT uniqExact(path) FROM candor.statistics", &after);
    parts.sql_becomes("SELECT uniqExact(log) FROM candor.batches", "2");
    parts.audit(&[]).assert_clean();
}

#[test]
fn clickhouse_away_means_waiting_and_nothing_else() {
    let mut fault = Fault::begin("F7, ClickHouse away");
    let mut parts = Parts::start(&PartsOptions { own_broker: false, ..restless() });
    let doors: Vec<_> = parts.collectors.iter().map(candor_tests::Part::beacons).collect();
    let load = Load::start_slowly(&doors, scale().pick(Duration::ZERO, Duration::from_millis(10)));
    load.wait_for(50);
    parts.engine.kill();
    load.wait_for(300);
    for sink in &parts.sinks {
        eventually("it is not ready", || {
            let answer = sink.admin().send("GET", "/readyz", &[], b"")?;
            (answer.status == 503).then_some(())
        });
        eventually("it tries in vain", || {
            let tries = ["sink_insert_failures_total", "sink_ask_failures_total"];
            tries.iter().any(|name| sink.metric(name) > 0).then_some(())
        });
    }
    let outage = scale().pick(Duration::ZERO, Duration::from_mins(30));
    load.go_on(outage);
    let sum = |name| parts.sinks.iter().map(|sink| sink.metric(name)).sum::<u64>();
    assert!(outage.is_zero() || sum("sink_stalled_partitions") == 4, "it is told after a minute");
    let taken = load.so_far();
    fault.note(format!("{} taken and {} refused meanwhile", taken.len(), load.refused()));
    parts.engine.restart();
    let caught_up = stored_after(parts.clickhouse(), &taken, outage.max(Duration::from_mins(1)));
    fault.note_time("away for", outage);
    fault.note_time("caught up after", caught_up);
    fault.note_memory_of_sinks(&parts.sinks);
    finish(&parts, load);
    fault.end();
}

#[test]
fn without_a_spill_a_broker_away_means_503_and_nothing_else() {
    let config = format!("{RESTLESS}spill.bytes = 0\n");
    let parts = Parts::start(&PartsOptions { config, ..restless() });
    let load = load(&parts);
    load.wait_for(50);
    parts.broker().suspend();
    let collector = &parts.collectors[0];
    eventually("it is not ready", || {
        let answer = collector.admin().send("GET", "/readyz", &[], b"")?;
        (answer.status == 503).then_some(())
    });
    let body = r#"{"site":"demo","url":"http://localhost/n/999999999999","consent":true}"#;
    let answer = collector.beacons().beacon(body);
    assert_eq!(answer.status, 503, "{answer:?}");
    parts.broker().resume();
    collector.wait_until_ready();
    load.wait_for(100);
    finish(&parts, load);
}
