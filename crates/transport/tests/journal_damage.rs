//! Torn writes and flipped bits: at every byte, never a panic, and no other record is lost.
#![cfg(test)]

#[path = "contract/drive.rs"]
#[expect(dead_code, reason = "each test binary uses its part")]
mod drive;

use std::fs::{self, OpenOptions};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use candor_transport::journal::{Journal, JournalConfig};
use candor_transport::{Committer, Consumer, Damage, Delivery, Producer};
use drive::{assigned, behind, drain, events, numbers, read, soon};
use proptest::prelude::*;
use tempfile::TempDir;

/// Records and damage, in the order of delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Met {
    Record(u64, Vec<u64>),
    Damaged(u64, u64, Damage),
}

/// A segment for each record, or one for all.
fn config(segment_bytes: u64) -> JournalConfig {
    JournalConfig {
        segment_bytes: NonZeroU64::new(segment_bytes).unwrap(),
        ..JournalConfig::default()
    }
}

/// A journal with the records 0, 1, 2, …, each of one event with the same number.
async fn journal(records: u64, segment_bytes: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (producer, _consumer) = Journal::open(dir.path(), config(segment_bytes)).unwrap();
    for number in 0..records {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    dir
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

fn segment(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.seg"))
}

/// Opens the journal, adds `then` when it is given, and reads everything.
async fn read_all(dir: &Path, then: Option<u64>) -> Vec<Met> {
    let (producer, mut consumer) = Journal::open(dir, config(1 << 20)).unwrap();
    if let Some(number) = then {
        soon(producer.produce(events([number]))).await.unwrap();
    }
    drop(producer);
    let met = |delivery| match delivery {
        Delivery::Record { offset, record, .. } => Met::Record(offset, numbers(&record)),
        Delivery::Damaged { first, last, damage, .. } => Met::Damaged(first, last, damage),
        other => panic!("unexpected: {other:?}"),
    };
    drain(&mut consumer).await.into_iter().map(met).collect()
}

fn record(number: u64) -> Met {
    Met::Record(number, vec![number])
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_costs_what_was_torn() {
    let whole = journal(3, 1 << 20).await;
    let bytes = fs::metadata(segment(whole.path(), 0)).unwrap().len();
    let record_bytes = (bytes - HEADER_BYTES) / 3;
    for cut in 1..bytes {
        let dir = copy(whole.path());
        let file = OpenOptions::new().write(true).open(segment(dir.path(), 0)).unwrap();
        file.set_len(cut).unwrap();
        let kept = cut.saturating_sub(HEADER_BYTES) / record_bytes;
        let torn = cut != kept * record_bytes + HEADER_BYTES;

        let first = read_all(dir.path(), None).await;
        let records: Vec<_> = (0..kept).map(record).collect();
        assert_eq!(&first[..records.len()], &records[..], "cut at {cut}");
        // An event that follows never gets a number that the torn record may have had.
        let all = read_all(dir.path(), Some(9)).await;
        let Some((Met::Record(offset, _), before)) = all.split_last() else {
            panic!("cut at {cut}: {all:?}");
        };
        assert!(*offset > kept || !torn, "cut at {cut}: {offset}");
        let gaps = &before[records.len()..];
        let is_torn = |met: &Met| matches!(met, Met::Damaged(_, _, Damage::Torn));
        assert!(gaps.iter().all(is_torn), "cut at {cut}: {gaps:?}");
        assert_eq!(gaps.is_empty(), *offset == kept, "every gap is told");
        // It stays that way; only where no record was ever kept may the log begin behind the gap.
        let later = read_all(dir.path(), None).await;
        assert!(all.ends_with(&later) && (later == all || kept == 0), "cut at {cut}: {later:?}");
    }
}

#[tokio::test]
async fn an_unfinished_write_does_not_keep_what_is_confirmed() {
    let dir = journal(3, 1 << 20).await;
    let path = segment(dir.path(), 0);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(path.metadata().unwrap().len() - 1).unwrap();
    let (producer, mut consumer) = Journal::open(dir.path(), config(1 << 20)).unwrap();
    assigned(&mut consumer).await;
    let seen = read(&mut consumer, 2).await;
    soon(consumer.committer().commit(0, behind(&seen, ""))).await.unwrap();
    soon(async {
        while path.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The numbers that were given up are remembered nevertheless.
    drop((producer, consumer));
    let all = read_all(dir.path(), Some(9)).await;
    assert!(
        matches!(all[..], [Met::Damaged(2, 7.., Damage::Torn), Met::Record(8.., _)]),
        "{all:?}"
    );
}

#[tokio::test]
async fn any_flipped_byte_costs_one_record_at_most() {
    for (segment_bytes, firsts) in [(1 << 20, vec![0]), (200, vec![0, 1, 2, 3, 4])] {
        let whole = journal(5, segment_bytes).await;
        for first in firsts {
            let bytes = fs::read(segment(whole.path(), first)).unwrap();
            let held = if segment_bytes == 200 { 1 } else { 5 };
            let record_bytes = (bytes.len() as u64 - HEADER_BYTES) / held;
            for at in 0..bytes.len() {
                let dir = copy(whole.path());
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (at % 8);
                fs::write(segment(dir.path(), first), flipped).unwrap();
                let hit = (at as u64).checked_sub(HEADER_BYTES).map(|at| first + at / record_bytes);
                let met = read_all(dir.path(), None).await;
                let records: Vec<_> = (0..5).filter(|n| Some(*n) != hit).map(record).collect();
                let (read, damaged): (Vec<_>, Vec<_>) =
                    met.into_iter().partition(|it| matches!(it, Met::Record(..)));
                assert_eq!(read, records, "segment {first}, byte {at}");
                match (hit, &damaged[..]) {
                    // The last record is the end of the log.
                    (None, []) | (Some(4), [Met::Damaged(4, _, Damage::Torn)]) => {}
                    (Some(hit), [Met::Damaged(first, last, Damage::Corrupt)]) => {
                        assert_eq!((*first, *last), (hit, hit));
                    }
                    other => panic!("segment {first}, byte {at}: {other:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn an_empty_last_file_is_a_crash_at_its_making() {
    let dir = journal(3, 200).await;
    fs::write(segment(dir.path(), 3), b"").unwrap();
    let all = read_all(dir.path(), Some(9)).await;
    assert_eq!(all[..3], [record(0), record(1), record(2)]);
    assert_eq!(all[3], Met::Damaged(3, 3, Damage::Torn));
    assert_eq!(all[4], Met::Record(4, vec![9]));
}

#[tokio::test]
async fn a_lost_file_is_told_and_the_others_are_read() {
    let dir = journal(4, 200).await;
    fs::remove_file(segment(dir.path(), 1)).unwrap();
    fs::remove_file(segment(dir.path(), 2)).unwrap();
    let all = read_all(dir.path(), None).await;
    let lost = Met::Damaged(1, 2, Damage::Corrupt);
    assert_eq!(all, [record(0), lost, record(3)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes at all in the last segment: the log opens, what was before is read, and it goes on.
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        keep_header in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = journal(3, 200).await;
            let path = segment(dir.path(), 2);
            let header = fs::read(&path).unwrap()[..56].to_vec();
            let kept = if keep_header { header } else { vec![] };
            fs::write(&path, [kept, bytes].concat()).unwrap();
            let all = read_all(dir.path(), Some(9)).await;
            assert_eq!(all[..2], [record(0), record(1)]);
            assert!(matches!(all.last(), Some(Met::Record(2.., event)) if *event == [9]));
        });
    }
}

/// The bytes before the first record of a segment.
const HEADER_BYTES: u64 = 56;
