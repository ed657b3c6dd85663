//! Killed without a warning, again and again, under load: nothing that was answered 202 is lost, and
//! nothing is stored twice.

use std::collections::HashSet;
use std::time::Duration;

use candor_tests::{Candor, Load, Options};

/// As many batches as may be, so that every step of the protocol is often under way.
fn restless() -> Candor {
    Candor::start(Options {
        config: "[sink]\nbatch_age_ms = 200\n".to_owned(),
        ..Options::default()
    })
}

fn audit(candor: &Candor, acknowledged: &HashSet<u64>) {
    candor.wait_until_ready();
    candor_tests::audit(candor.clickhouse(), acknowledged, || candor.log());
    candor.audit(&[]).assert_clean();
}

#[test]
fn everything_killed_at_once() {
    let mut candor = restless();
    let mut acknowledged = HashSet::new();
    for round in 0..6 {
        let load = Load::start(&[candor.beacons()]);
        load.wait_for(200 + 37 * round);
        if round % 2 == 0 {
            candor.kill();
        } else {
            candor.kill_alone();
        }
        acknowledged.extend(load.finish());
        candor.restart();
    }
    audit(&candor, &acknowledged);
}

#[test]
fn the_engine_killed_alone() {
    let candor = restless();
    let load = Load::start(&[candor.beacons()]);
    for round in 0..6 {
        load.wait_for(150 + 41 * round);
        candor.kill_engine();
        candor.wait_until_ready();
    }
    load.wait_for(200);
    let acknowledged = load.finish();
    audit(&candor, &acknowledged);
}

#[test]
fn beacons_are_taken_while_the_engine_is_away() {
    let candor = restless();
    candor.kill_engine();
    let began = std::time::Instant::now();
    let load = Load::start(&[candor.beacons()]);
    load.wait_for(100);
    assert!(began.elapsed() < Duration::from_secs(20));
    audit(&candor, &load.finish());
}
