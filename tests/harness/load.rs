//! Beacons without end, each with a number of its own, and the account of what became of them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::eventually;
use crate::http::{Answer, Client};
use crate::leak::MARKED;

/// Sends beacons to some doors, from addresses that may be found nowhere, and remembers which were acknowledged. Nothing is sent twice.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    senders: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    next: AtomicU64,
    acknowledged: Mutex<HashSet<u64>>,
    refused: AtomicU64,
    /// What a sender waits after each beacon.
    pause: Duration,
}

/// Numbers in a row that nobody uses twice.
static RANGES: AtomicU64 = AtomicU64::new(0);
const RANGE: u64 = 1_000_000_000;

const SENDERS_PER_DOOR: usize = 3;
/// Whoever finds a door closed does not try at once again.
const PAUSE: Duration = Duration::from_millis(5);
/// What is not stored after so long is worth a look at who stands still.
const LONG: Duration = Duration::from_secs(20);

impl Load {
    /// Begins.
    pub fn start(doors: &[&Client]) -> Self {
        Self::start_slowly(doors, Duration::ZERO)
    }

    /// Begins, with a pause of each sender after each beacon.
    pub fn start_slowly(doors: &[&Client], pause: Duration) -> Self {
        let first = RANGES.fetch_add(1, Ordering::SeqCst) * RANGE;
        let shared = Arc::new(Shared { next: first.into(), pause, ..Shared::default() });
        let doors = doors.iter().flat_map(|door| [*door; SENDERS_PER_DOOR]);
        let senders = doors.map(|door| {
            let (door, shared) = (door.clone(), Arc::clone(&shared));
            std::thread::spawn(move || shared.send(&door))
        });
        Self { senders: senders.collect(), shared }
    }

    /// How many were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.shared.acknowledged.lock().unwrap().len()
    }

    /// What was acknowledged so far.
    pub fn so_far(&self) -> HashSet<u64> {
        self.shared.acknowledged.lock().unwrap().clone()
    }

    /// How many were not acknowledged so far.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// Goes on for so long.
    pub fn go_on(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// Waits until so many more were acknowledged.
    pub fn wait_for(&self, more: usize) {
        let before = self.acknowledged();
        eventually("acknowledged beacons", || (self.acknowledged() >= before + more).then_some(()));
    }

    /// Ends it; gives back the numbers that were acknowledged.
    pub fn finish(self) -> HashSet<u64> {
        self.shared.stop.store(true, Ordering::SeqCst);
        for sender in self.senders {
            sender.join().unwrap();
        }
        std::mem::take(&mut self.shared.acknowledged.lock().unwrap())
    }
}

impl Shared {
    fn send(&self, door: &Client) {
        while !self.stop.load(Ordering::SeqCst) {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            let page = in_letters(number);
            let body =
                format!(r#"{{"site":"demo","url":"http://localhost/n/{page}","consent":true}}"#);
            let from = MARKED[usize::from(number % 2 == 1)];
            let headers = [("content-type", "application/json"), ("x-forwarded-for", from)];
            let answer = door.send("POST", "/v1/events", &headers, body.as_bytes());
            if answer.is_some_and(|answer| answer.status == 202) {
                self.acknowledged.lock().unwrap().insert(number);
                std::thread::sleep(self.pause);
            } else {
                self.refused.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// A number that is stored as it is: long rows of digits are not.
fn in_letters(number: u64) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

/// Waits until all of these are stored; how long that took.
#[expect(clippy::implicit_hasher, reason = "what a load gives back")]
pub fn stored_after(clickhouse: &Client, acknowledged: &HashSet<u64>, most: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let stored: HashSet<u64> = numbers(clickhouse).into_iter().collect();
        let missing = acknowledged.difference(&stored).count();
        if missing == 0 {
            return began.elapsed();
        }
        assert!(began.elapsed() < most, "{missing} are not stored");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The numbers that are stored; none when ClickHouse does not answer, which is told.
fn numbers(clickhouse: &Client) -> Vec<u64> {
    let paths = "SELECT translate(splitByChar('/', path)[3], 'abcdefghij', '0123456789') \
                 FROM candor.statistics";
    let answer = clickhouse.send("POST", "/", &[], paths.as_bytes());
    match answer {
        Some(Answer { status: 200, body, .. }) => {
            body.lines().filter_map(|line| line.parse().ok()).collect()
        }
        answer => {
            eprintln!("ClickHouse does not tell what is stored: {answer:?}");
            Vec::new()
        }
    }
}

/// Compares what was acknowledged with what is stored: by the numbers, and by the ledger. Panics with
/// what is lost or there twice; and tells `standing` when it takes long.
#[expect(clippy::implicit_hasher, reason = "what a load gives back")]
pub fn audit(clickhouse: &Client, acknowledged: &HashSet<u64>, standing: impl Fn() -> String) {
    let mut lost = acknowledged.len();
    // How soon is the matter of other tests: here it counts whether.
    let began = Instant::now();
    let mut told = LONG;
    let numbers = loop {
        // What was not acknowledged may be stored, too, so that a count would tell nothing.
        let numbers = numbers(clickhouse);
        let stored: HashSet<u64> = numbers.iter().copied().collect();
        lost = lost.min(acknowledged.difference(&stored).count());
        if lost == 0 {
            break numbers;
        }
        let elapsed = began.elapsed();
        if elapsed > told {
            told += LONG;
            eprintln!("{lost} are not stored after {elapsed:.0?}\n{}", standing());
        }
        assert!(elapsed < 6 * LONG, "{lost} were acknowledged and are not stored");
        std::thread::sleep(Duration::from_millis(100));
    };
    let distinct: HashSet<u64> = numbers.iter().copied().collect();
    assert_eq!(numbers.len() - distinct.len(), 0, "stored twice");

    clickhouse.sql_becomes(
        "SELECT (SELECT sum(rows['statistics_rows']) FROM candor.batches) = \
         (SELECT uniqExact(log, log_partition, log_offset, log_index) FROM candor.statistics_rows)",
        "1",
    );
    let overlaps = "SELECT countIf(first_offset <= before) FROM (SELECT first_offset, \
         lagInFrame(toInt64(last_offset), 1, -1) OVER (PARTITION BY log, log_partition \
         ORDER BY first_offset ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before \
         FROM candor.batches)";
    assert_eq!(clickhouse.sql(overlaps), "0", "no offset is in two batches");
}
