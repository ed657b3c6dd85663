//! The journal through its public door: the contract, one opener, bounds, deletion, versions.
#![cfg(test)]

#[path = "contract/drive.rs"]
#[expect(dead_code, reason = "each test binary uses its part")]
mod drive;
#[path = "contract/suite.rs"]
mod suite;

use std::fs;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use candor_transport::journal::{
    Journal, JournalConfig, JournalConsumer, JournalError, JournalProducer,
};
use candor_transport::{Committer, ConsumeError, Consumer, ProduceError, Producer};
use drive::{assigned, behind, events, flat, padded, read, soon};
use tempfile::TempDir;

struct JournalHarness {
    dir: TempDir,
}

impl suite::Harness for JournalHarness {
    type Producer = JournalProducer;
    type Consumer = JournalConsumer;
    const EVENT_BYTES_MAX: usize = 1 << 20;

    async fn start() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    async fn open(&mut self) -> (JournalProducer, JournalConsumer) {
        Journal::open(self.dir.path(), JournalConfig::default()).unwrap()
    }
}

suite::contract!(JournalHarness);

/// A journal of tiny segments that forgets quickly.
fn small() -> JournalConfig {
    JournalConfig {
        segment_bytes: NonZeroU64::new(400).unwrap(),
        bytes_max: NonZeroU64::new(4_000).unwrap(),
        queue_bytes_max: NonZeroU32::new(1_500).unwrap(),
        record_bytes_max: NonZeroU32::new(1_000).unwrap(),
        retire_after_ms: NonZeroU32::MIN,
        ..JournalConfig::default()
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "seg"))
        .collect();
    paths.sort();
    paths
}

/// Waits until the directory holds no event any more.
async fn emptied(dir: &Path) {
    soon(async {
        while !segments(dir).is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_opener_is_told_who_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Journal::open(dir.path(), JournalConfig::default());
    let first = open().unwrap();
    let error = open().unwrap_err();
    assert!(matches!(error, JournalError::Locked { .. }));
    assert!(error.to_string().contains("stop the other process"));
    drop(first);
    open().unwrap();
}

#[tokio::test]
async fn the_consumer_reads_to_the_end_when_the_producers_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (producer, mut consumer) = Journal::open(dir.path(), JournalConfig::default()).unwrap();
    soon(producer.produce(events(0..3))).await.unwrap();
    drop(producer);
    assigned(&mut consumer).await;
    assert_eq!(flat(&read(&mut consumer, 3).await), [0, 1, 2]);
    assert!(matches!(soon(consumer.next()).await, Err(ConsumeError::Closed)));
    let error = soon(consumer.next()).await.unwrap_err();
    assert!(!error.is_transient(), "it stays closed");
}

#[tokio::test]
async fn segments_roll_and_die_when_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let (producer, mut consumer) = Journal::open(dir.path(), small()).unwrap();
    assigned(&mut consumer).await;
    for number in 0..12 {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    let all = segments(dir.path());
    assert!(all.len() >= 3, "{}", all.len());
    let seen = read(&mut consumer, 12).await;

    // Nothing above the cursor may go: the first half is confirmed, the second comes again.
    let half = behind(&seen[..6], "");
    soon(consumer.committer().commit(0, half)).await.unwrap();
    drop((producer, consumer));
    let left = segments(dir.path());
    assert!(left.len() < all.len() && !left.is_empty());
    let (producer, mut consumer) = Journal::open(dir.path(), small()).unwrap();
    assigned(&mut consumer).await;
    let again = read(&mut consumer, 6).await;
    assert_eq!(again, seen[6..]);

    // The rest, the active segment among it, goes without anybody writing.
    soon(producer.produce(events([12]))).await.unwrap();
    let last = read(&mut consumer, 1).await;
    soon(consumer.committer().commit(0, behind(&last, ""))).await.unwrap();
    emptied(dir.path()).await;
}

#[tokio::test]
async fn confirmed_events_are_erased_from_under_their_unconfirmed_neighbours() {
    let dir = tempfile::tempdir().unwrap();
    let (producer, mut consumer) = Journal::open(
        dir.path(),
        JournalConfig { segment_bytes: NonZeroU64::new(2_000).unwrap(), ..small() },
    )
    .unwrap();
    assigned(&mut consumer).await;
    for number in 0..3 {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    let seen = read(&mut consumer, 3).await;
    let first = events([0]).remove(0).record;
    let held = || {
        let bytes: Vec<u8> =
            segments(dir.path()).iter().flat_map(|it| fs::read(it).unwrap()).collect();
        bytes.windows(first.len()).any(|window| window == first)
    };
    assert!(held());
    soon(consumer.committer().commit(0, behind(&seen[..1], ""))).await.unwrap();
    soon(async {
        while held() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop((producer, consumer));
    let (_producer, mut consumer) = Journal::open(dir.path(), small()).unwrap();
    assigned(&mut consumer).await;
    assert_eq!(read(&mut consumer, 2).await, seen[1..], "and no damage is told");
}

#[tokio::test]
async fn offsets_go_on_when_every_segment_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..4 {
        let (producer, mut consumer) = Journal::open(dir.path(), small()).unwrap();
        let (_, committed, low) = assigned(&mut consumer).await;
        assert_eq!(committed.map_or(0, |cursor| cursor.offset), before);
        assert_eq!(low, before);
        soon(producer.produce(events([round]))).await.unwrap();
        let seen = read(&mut consumer, 1).await;
        assert_eq!((seen[0].offset, flat(&seen)), (before, vec![round]));
        before = seen[0].offset + 1;
        soon(consumer.committer().commit(0, behind(&seen, ""))).await.unwrap();
        drop((producer, consumer));
        assert!(segments(dir.path()).is_empty(), "closing deletes at once what is confirmed");
    }
}

#[tokio::test]
async fn a_full_journal_refuses_and_recovers_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let config = JournalConfig {
        retire_after_ms: NonZeroU32::new(50_000).unwrap(), // being full is reason enough to retire
        ..small()
    };
    let (producer, mut consumer) = Journal::open(dir.path(), config).unwrap();
    assigned(&mut consumer).await;
    let mut kept = 0;
    let refused = loop {
        match soon(producer.produce(events([kept]))).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, ProduceError::Full);
    let bytes: u64 = segments(dir.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes <= 4_000 && bytes > 3_800, "{bytes}");

    let seen = read(&mut consumer, usize::try_from(kept).unwrap()).await;
    assert_eq!(flat(&seen), (0..kept).collect::<Vec<_>>());
    soon(consumer.committer().commit(0, behind(&seen, ""))).await.unwrap();
    emptied(dir.path()).await;
    soon(producer.produce(events([kept]))).await.unwrap();
    assert_eq!(flat(&read(&mut consumer, 1).await), [kept]);
}

#[tokio::test]
async fn what_waits_in_memory_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (producer, _consumer) = Journal::open(dir.path(), small()).unwrap();
    let calls = (0..100).map(|number| {
        let producer = producer.clone();
        tokio::spawn(async move { producer.produce(vec![padded(number, 900)]).await })
    });
    let mut refused = 0;
    for call in calls.collect::<Vec<_>>() {
        match soon(call).await.unwrap() {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, ProduceError::Full);
                refused += 1;
            }
        }
    }
    assert!(refused > 90, "one call fits at a time, four on disk");
    let never = (0..2).map(|number| padded(number, 900)).collect();
    assert_eq!(
        soon(producer.produce(never)).await,
        Err(ProduceError::TooLarge),
        "more than the whole queue"
    );
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_with_advice() {
    type Break = fn(&Path);
    let cases: [(&str, Break); 7] = [
        ("cursor is missing", |dir| {
            fs::remove_file(dir.join("cursor")).unwrap();
        }),
        ("id is missing", |dir| {
            fs::remove_file(dir.join("id")).unwrap();
        }),
        ("cursor is damaged", |dir| flip(&dir.join("cursor"), 30)),
        ("id is damaged", |dir| flip(&dir.join("id"), 22)),
        ("id has format version 2", |dir| later(&dir.join("id"))),
        ("cursor has format version 2", |dir| {
            later(&dir.join("cursor"));
        }),
        ("seg has format version 2", |dir| later(&segments(dir)[0])),
    ];
    for (says, break_it) in cases {
        let dir = tempfile::tempdir().unwrap();
        let (producer, consumer) = Journal::open(dir.path(), small()).unwrap();
        soon(producer.produce(events(0..3))).await.unwrap();
        drop((producer, consumer));
        break_it(dir.path());
        let error = Journal::open(dir.path(), small()).unwrap_err().to_string();
        let file = says.split(' ').next().unwrap();
        assert!(error.contains(file), "{error}");
        let rest = says.split_once(' ').unwrap().1;
        assert!(error.contains(rest), "{error}");
        assert!(error.contains("restore it") || error.contains("use a newer"), "{error}");
    }
}

#[tokio::test]
async fn files_of_another_journal_are_refused() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&one, &other] {
        let (producer, _consumer) = Journal::open(dir.path(), small()).unwrap();
        soon(producer.produce(events(0..3))).await.unwrap();
    }
    for file in [&segments(other.path())[0], &other.path().join("cursor")] {
        let own = one.path().join(file.file_name().unwrap());
        let kept = fs::read(&own).unwrap();
        fs::copy(file, &own).unwrap();
        let error = Journal::open(one.path(), small()).unwrap_err();
        assert!(matches!(error, JournalError::Foreign { .. }), "{error}");
        fs::write(&own, kept).unwrap();
    }
    Journal::open(one.path(), small()).unwrap();
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Makes a file one of the next format version, which this one cannot know more of than its number.
fn later(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..12]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    fs::write(path, bytes).unwrap();
}
