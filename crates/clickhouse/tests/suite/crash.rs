//! Killed at any moment, the engine comes back with every row that it acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::client::query;
use crate::server::{Server, eventually};

#[test]
fn acknowledged_rows_survive_kill_9() {
    let data = tempfile::tempdir().expect("a directory");
    let acknowledged = AtomicU64::new(0);
    let mut server = Server::start(data.path());
    query(
        &server,
        "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a \
         SETTINGS non_replicated_deduplication_window = 1000",
    )
    .ok();
    for round in 1..=ROUNDS {
        let goal = round * ROWS_PER_ROUND;
        thread::scope(|scope| {
            let writer = scope.spawn(|| write(&server, &acknowledged, round));
            eventually("rows are acknowledged", || acknowledged.load(Ordering::Acquire) >= goal);
            let killed = std::process::Command::new("kill")
                .args(["-KILL", &server.id().to_string()])
                .status()
                .expect("kill runs");
            assert!(killed.success());
            writer.join().expect("the writer ends with the server");
        });
        server.kill();
        server = Server::start(data.path());
        let last = acknowledged.load(Ordering::Acquire);
        let sql = format!("SELECT uniqExact(a), max(a) >= {last} FROM t WHERE a <= {last}");
        let found = query(&server, &sql).ok();
        assert_eq!(found, format!("{last}\t{}", u8::from(true)), "round {round}");
    }
}

/// Inserts 1, 2, 3 … one by one until the server is gone; a row in doubt is sent again by the next round. Under
/// another token, for the engine may remember one whose row never came to be.
fn write(server: &Server, acknowledged: &AtomicU64, round: u64) {
    loop {
        let next = acknowledged.load(Ordering::Acquire) + 1;
        let token = format!("{next} of {round}");
        let sql = format!(
            "INSERT INTO t SETTINGS insert_deduplication_token = '{token}' VALUES ({next})"
        );
        if !crate::client::is_good(server, &sql) {
            return;
        }
        acknowledged.store(next, Ordering::Release);
    }
}

const ROUNDS: u64 = 5;
const ROWS_PER_ROUND: u64 = 60;
