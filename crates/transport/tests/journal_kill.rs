//! kill -9 under load: what a process acknowledged is in the log that the next one opens.
//!
//! The test runs its own binary again, as the process to be killed.
#![cfg(test)]

#[path = "contract/drive.rs"]
#[expect(dead_code, reason = "each test binary uses its part")]
mod drive;

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use candor_transport::journal::{Journal, JournalConfig};
use candor_transport::{Committer, Consumer, Cursor, Delivery, Producer};
use drive::{assigned, drain, events, numbers, soon};

/// Produces until it is killed, and prints each number that is acknowledged. Without a directory in
/// its environment it is no more than an empty test.
#[test]
fn producing_until_killed() {
    let (Ok(dir), Ok(first)) = (env::var(DIR), env::var(FIRST)) else {
        return;
    };
    let first: u64 = first.parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (producer, _consumer) = Journal::open(dir, JournalConfig::default()).unwrap();
        for task in 0..u64::from(TASKS) {
            let producer = producer.clone();
            tokio::spawn(async move {
                for number in (first + task..).step_by(TASKS.into()) {
                    producer.produce(events([number])).await.unwrap();
                    writeln!(std::io::stdout(), "ack {number}").unwrap();
                }
            });
        }
        std::future::pending::<()>().await;
    });
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = 0;
    let mut delivered_before = BTreeSet::new();
    for round in 0..5 {
        let child = spawn(dir.path(), first);
        let acknowledged = kill_after(child, 200 + 300 * round);

        let (producer, mut consumer) = Journal::open(dir.path(), JournalConfig::default()).unwrap();
        drop(producer);
        assigned(&mut consumer).await;
        let mut delivered = BTreeSet::new();
        let mut next = 0;
        for delivery in drain(&mut consumer).await {
            match delivery {
                Delivery::Record { offset, record, .. } => {
                    next = offset + 1;
                    for number in numbers(&record) {
                        assert!(delivered.insert(number), "{number} came twice");
                    }
                }
                Delivery::Damaged { last, .. } => next = last + 1,
                other => panic!("unexpected: {other:?}"),
            }
        }
        let lost: Vec<_> = acknowledged.difference(&delivered).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
        assert!(delivered.is_disjoint(&delivered_before), "confirmed before");
        // Every other round is confirmed, the rest comes again in the next.
        if round % 2 == 0 {
            let cursor = Cursor { offset: next, metadata: String::new() };
            soon(consumer.committer().commit(0, cursor)).await.unwrap();
            delivered_before.extend(&delivered);
        }
        first = (delivered.last().unwrap() / 64 + 1) * 64;
    }
}

fn spawn(dir: &Path, first: u64) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "producing_until_killed", "--nocapture"])
        .env(DIR, dir)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills the process when it has acknowledged `count` events, and collects all that it said.
fn kill_after(mut child: Child, count: usize) -> BTreeSet<u64> {
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = BTreeSet::new();
    for line in output.lines() {
        let line = line.unwrap();
        let number: Option<u64> = line.strip_prefix("ack ").and_then(|it| it.parse().ok());
        acknowledged.extend(number);
        if acknowledged.len() == count {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= count, "the process died by itself");
    acknowledged
}

const DIR: &str = "CANDOR_TEST_JOURNAL_DIR";
const FIRST: &str = "CANDOR_TEST_JOURNAL_FIRST";
const TASKS: u8 = 64;
