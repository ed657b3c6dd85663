//! The sink's machine, in a world where everything goes wrong, by seeded chance.
//!
//! A schedule is a world of sinks, a log, a group and ClickHouse, and a mixture of faults; its seed decides
//! everything. What counts as failure: an event that was confirmed and has no row, or a row too many; an
//! offset below the cursor that the ledger does not account for, or accounts for twice; a cursor that moves
//! back; more in memory than there is room for; a sink that stops without a reason; and a world at rest in
//! which not all is stored. What does not: an owner that stores what another has begun, however often.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![expect(unreachable_pub, reason = "the modules of one test")]

mod check;
mod coordinate;
mod drain;
mod drive;
mod faults;
mod group;
mod house;
mod log;
mod network;
mod process;
mod random;
mod retried;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use faults::Planted;
use world::World;

/// How many schedules are run, unless `CANDOR_SIMULATION_SCHEDULES` says otherwise.
const SCHEDULES: u64 = 10_000;
/// Within so many schedules each planted mistake is found.
const FOUND_WITHIN: u64 = 20_000;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Runs seeds until one fails, on all processors.
fn first_failure(first: u64, count: u64, planted: Option<Planted>) -> Option<(u64, String)> {
    let next = AtomicU64::new(first);
    let failure: Mutex<Option<(u64, String)>> = Mutex::new(None);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || failure.lock().unwrap().is_some() {
                        return;
                    }
                    if let Err(violation) = World::new(seed, planted, false).run() {
                        failure.lock().unwrap().get_or_insert((seed, violation));
                        return;
                    }
                }
            });
        }
    });
    failure.into_inner().unwrap()
}

#[test]
fn no_schedule_loses_or_doubles_anything() {
    if let Some(seed) = variable("CANDOR_SIMULATION_SEED") {
        let mut world = World::new(seed, None, true);
        let verdict = world.run();
        world.take_trace().iter().for_each(|line| eprintln!("{line}"));
        if let Err(violation) = verdict {
            panic!("seed {seed}: {violation}");
        }
        return;
    }
    let first = variable("CANDOR_SIMULATION_FIRST").unwrap_or(0);
    let count = variable("CANDOR_SIMULATION_SCHEDULES").unwrap_or(SCHEDULES);
    if let Some((seed, violation)) = first_failure(first, count, None) {
        panic!(
            "seed {seed}: {violation}\nTo see it step by step:\n  CANDOR_SIMULATION_SEED={seed} \
             cargo test -p candor-tests --test simulation no_schedule -- --nocapture"
        );
    }
}

#[test]
fn every_planted_mistake_is_found() {
    for planted in Planted::ALL {
        let found = first_failure(0, FOUND_WITHIN, Some(planted));
        let (seed, violation) = found.unwrap_or_else(|| panic!("{planted:?} is not found"));
        eprintln!("{planted:?} by seed {seed}: {violation}");
    }
}

#[test]
fn a_seed_is_always_the_same_schedule() {
    for seed in 0..50 {
        let run = || {
            let mut world = World::new(seed, None, false);
            let verdict = world.run();
            (verdict, world.digest, world.now)
        };
        assert_eq!(run(), run(), "seed {seed}");
    }
}
