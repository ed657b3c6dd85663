//! Killed without a warning, again and again, under load: nothing that was answered 202 is lost, and
//! nothing is stored twice.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use candor_tests::{Candor, Client, Options, eventually};

/// Sends beacons, each with a number of its own, and remembers which were acknowledged.
struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<HashSet<u64>>>,
    senders: Vec<JoinHandle<()>>,
}

const SENDERS: u64 = 4;

impl Load {
    fn start(door: &Client, round: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(HashSet::new()));
        let senders = (0..SENDERS).map(|sender| {
            let (door, stop, acknowledged) =
                (door.clone(), Arc::clone(&stop), Arc::clone(&acknowledged));
            std::thread::spawn(move || {
                let mut number = (round * SENDERS + sender) * 1_000_000;
                while !stop.load(Ordering::SeqCst) {
                    number += 1;
                    let body = format!(
                        r#"{{"site":"demo","url":"http://localhost/n/{number}","consent":true}}"#
                    );
                    let headers = [("content-type", "application/json")];
                    let answer = door.send("POST", "/v1/events", &headers, body.as_bytes());
                    if answer.is_some_and(|answer| answer.status == 202) {
                        acknowledged.lock().unwrap().insert(number);
                    }
                }
            })
        });
        Self { senders: senders.collect(), stop, acknowledged }
    }

    /// Waits until so many more were acknowledged.
    fn wait_for(&self, more: usize) {
        let before = self.acknowledged.lock().unwrap().len();
        eventually("acknowledged beacons", || {
            (self.acknowledged.lock().unwrap().len() >= before + more).then_some(())
        });
    }

    fn finish(self) -> HashSet<u64> {
        self.stop.store(true, Ordering::SeqCst);
        for sender in self.senders {
            sender.join().unwrap();
        }
        Arc::try_unwrap(self.acknowledged).unwrap().into_inner().unwrap()
    }
}

/// As many batches as may be, so that every step of the protocol is often under way.
fn restless() -> Candor {
    Candor::start(Options {
        config: "[sink]\nbatch_age_ms = 200\n".to_owned(),
        ..Options::default()
    })
}

/// Compares what was acknowledged with what is stored, by the numbers and by the ledger.
fn audit(candor: &Candor, acknowledged: &HashSet<u64>) {
    candor.wait_until_ready();
    eventually("everything acknowledged is stored", || {
        let stored = candor.sql("SELECT count() FROM candor.statistics");
        (stored.parse::<usize>().unwrap() >= acknowledged.len()).then_some(())
    });
    let stored = candor.sql("SELECT splitByChar('/', path)[3] FROM candor.statistics");
    let numbers: Vec<u64> = stored.lines().map(|line| line.parse().unwrap()).collect();
    let distinct: HashSet<u64> = numbers.iter().copied().collect();
    assert_eq!(numbers.len(), distinct.len(), "stored twice");
    let lost: Vec<_> = acknowledged.difference(&distinct).collect();
    assert!(lost.is_empty(), "{} acknowledged events are lost", lost.len());

    candor.sql_becomes(
        "SELECT (SELECT sum(rows['statistics_rows']) FROM candor.batches) = \
                (SELECT uniqExact(log_offset, log_index) FROM candor.statistics_rows)",
        "1",
    );
    let overlaps = "SELECT countIf(first_offset <= before) FROM (SELECT first_offset, \
        lagInFrame(toInt64(last_offset), 1, -1) OVER (PARTITION BY log ORDER BY first_offset \
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before FROM candor.batches)";
    assert_eq!(candor.sql(overlaps), "0", "no offset is in two batches");
}

#[test]
fn everything_killed_at_once() {
    let mut candor = restless();
    let mut acknowledged = HashSet::new();
    for round in 0..6 {
        let load = Load::start(candor.beacons(), round);
        load.wait_for(200 + 37 * usize::try_from(round).unwrap());
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
    let load = Load::start(candor.beacons(), 0);
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
    let load = Load::start(candor.beacons(), 0);
    load.wait_for(100);
    assert!(began.elapsed() < Duration::from_secs(20));
    audit(&candor, &load.finish());
}
