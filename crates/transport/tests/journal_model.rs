//! Random histories of a journal against a model of a dozen lines.
//!
//! Failure: an acknowledged event that is neither delivered nor confirmed, one that is delivered
//! twice or out of order by one opening, one that comes again after it was confirmed, an offset that
//! serves twice, a cursor that does not come back. Not failure: an event whose call was cut off by
//! the crash may be there or not; offsets may have gaps.
#![cfg(test)]

#[path = "contract/drive.rs"]
#[expect(dead_code, reason = "each test binary uses its part")]
mod drive;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, OpenOptions};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use candor_transport::journal::{Journal, JournalConfig, JournalConsumer, JournalProducer};
use candor_transport::{Committer, Consumer, Cursor, Damage, Delivery, Producer};
use drive::{assigned, events, next, numbers, soon};
use proptest::prelude::*;
use tempfile::TempDir;

#[derive(Clone, Debug)]
enum Op {
    /// Confirms what was read, but for the last `keep` records.
    Commit { keep: usize },
    /// Writes `events`, of which nobody is told, and dies: `cut` of the new bytes are left, in 256ths.
    Crash { events: u8, cut: u64 },
    /// Calls of so many events, at the same time.
    Produce(Vec<u64>),
    /// Reads so many records, or to the end.
    Read(usize),
    /// Closes, and opens again.
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (0_usize..4).prop_map(|keep| Op::Commit { keep }),
        2 => (0_u8..6, 0_u64..256).prop_map(|(events, cut)| Op::Crash { events, cut }),
        5 => proptest::collection::vec(0_u64..8, 1..4).prop_map(Op::Produce),
        4 => (1_usize..8).prop_map(Op::Read),
        1 => Just(Op::Reopen),
    ]
}

struct Run {
    dir: TempDir,
    ends: Option<(JournalProducer, JournalConsumer)>,
    /// Acknowledged and not confirmed, in the order of the log. `None`: may be there or not.
    expected: VecDeque<(u64, Kept)>,
    /// How many of `expected` this opening has delivered.
    read: usize,
    /// Records of this opening: the offset, and how many of `expected` were delivered behind it.
    records: Vec<(u64, usize)>,
    /// What every offset has ever carried.
    offsets: BTreeMap<u64, Vec<u64>>,
    cursor: Option<Cursor>,
    produced: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Certainly,
    Perhaps,
}

impl Run {
    async fn new() -> Self {
        let mut run = Self {
            dir: tempfile::tempdir().unwrap(),
            ends: None,
            expected: VecDeque::new(),
            read: 0,
            records: Vec::new(),
            offsets: BTreeMap::new(),
            cursor: None,
            produced: 0,
        };
        run.open().await;
        run
    }

    async fn open(&mut self) {
        self.ends = None;
        let (producer, mut consumer) = Journal::open(self.dir.path(), config()).unwrap();
        assert_eq!(assigned(&mut consumer).await.1, self.cursor);
        self.ends = Some((producer, consumer));
        self.read = 0;
        self.records.clear();
    }

    async fn apply(&mut self, op: Op) {
        match op {
            Op::Commit { keep } => self.commit(keep).await,
            Op::Crash { events, cut } => self.crash(events, cut).await,
            Op::Produce(calls) => self.produce(&calls).await,
            Op::Read(records) => self.read(records).await,
            Op::Reopen => self.open().await,
        }
    }

    async fn produce(&mut self, calls: &[u64]) {
        let (producer, _) = self.ends.as_ref().unwrap();
        let mut tasks = Vec::new();
        for count in calls {
            let producer = producer.clone();
            let new = events(self.produced..self.produced + count);
            tasks.push(tokio::spawn(async move { producer.produce(new).await }));
            let numbers = self.produced..self.produced + count;
            self.expected.extend(numbers.map(|number| (number, Kept::Certainly)));
            self.produced += count;
        }
        for task in tasks {
            soon(task).await.unwrap().unwrap();
        }
    }

    async fn read(&mut self, records: usize) {
        for _ in 0..records {
            let left = self.expected.range(self.read..);
            if left.clone().all(|it| it.1 == Kept::Perhaps) {
                return; // nothing certainly comes, and waiting could last for ever
            }
            let (_, consumer) = self.ends.as_mut().unwrap();
            match next(consumer).await {
                Delivery::Record { offset, record, .. } => self.meet(offset, &numbers(&record)),
                Delivery::Damaged { damage, .. } => assert_eq!(damage, Damage::Torn),
                other => panic!("unexpected: {other:?}"),
            }
        }
    }

    fn meet(&mut self, offset: u64, numbers: &[u64]) {
        for number in numbers {
            while self.expected[self.read].0 != *number {
                let (missing, kept) = self.expected.remove(self.read).unwrap();
                assert_eq!(kept, Kept::Perhaps, "event {missing} is lost");
            }
            self.expected[self.read].1 = Kept::Certainly;
            self.read += 1;
        }
        let before = self.records.last().map(|it| it.0);
        assert!(before < Some(offset), "offsets grow");
        self.records.push((offset, self.read));
        let earlier = self.offsets.insert(offset, numbers.to_vec());
        assert!(earlier.is_none_or(|it| it == numbers), "{offset} serves twice");
    }

    async fn commit(&mut self, keep: usize) {
        let Some(&(offset, read)) = self.records.iter().rev().nth(keep) else {
            return;
        };
        let (_, consumer) = self.ends.as_mut().unwrap();
        let cursor =
            Cursor { offset: offset + 1, metadata: format!("{read} of {}", self.produced) };
        soon(consumer.committer().commit(0, cursor.clone())).await.unwrap();
        self.cursor = Some(cursor);
        self.expected.drain(..read);
        self.read -= read;
        self.records.retain(|it| it.0 > offset);
        self.records.iter_mut().for_each(|it| it.1 -= read);
    }

    /// What the bytes on disk would be if the process had died in the middle of its last write.
    async fn crash(&mut self, count: u8, cut: u64) {
        let before = last_segment(self.dir.path());
        self.produce(&[count.into()]).await;
        // Copied before closing, which tidies up.
        let after = last_segment(self.dir.path()).filter(|_| count > 0);
        let bytes = after.as_ref().map(|it| fs::read(&it.0).unwrap());
        self.ends = None;
        for perhaps in self.expected.iter_mut().rev().take(count.into()) {
            perhaps.1 = Kept::Perhaps;
        }
        if let (Some((path, length)), Some(bytes)) = (after, bytes) {
            let durable = before.filter(|it| it.0 == path).map_or(0, |it| it.1);
            let left = durable + (length - durable) * cut / 256;
            fs::write(&path, bytes).unwrap();
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(left).unwrap();
        }
        self.open().await;
    }
}

/// Segments of a few records, which retire at once, so that every path is met.
fn config() -> JournalConfig {
    JournalConfig {
        segment_bytes: NonZeroU64::new(1_000).unwrap(),
        record_events_max: NonZeroU32::new(3).unwrap(),
        retire_after_ms: NonZeroU32::MIN,
        ..JournalConfig::default()
    }
}

/// The last segment and its length; those that are being deleted do not count.
fn last_segment(dir: &Path) -> Option<(PathBuf, u64)> {
    let entries = fs::read_dir(dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let segments = paths.filter(|path| path.extension().is_some_and(|it| it == "seg"));
    segments.filter_map(|path| Some((path.clone(), path.metadata().ok()?.len()))).max()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_keeps_the_promise(ops in proptest::collection::vec(op(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new().await;
            for op in ops {
                run.apply(op).await;
            }
            run.open().await;
            run.read(usize::MAX).await;
        });
    }
}
