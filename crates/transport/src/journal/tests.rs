//! What only a failing disk shows: a seam makes it refuse, and lie about what it kept.

use std::io;
use std::num::{NonZeroU32, NonZeroU64};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use candor_event::EventId;

use super::disk::{Disk, SegmentFile, SystemDisk};
use super::*;
use crate::{Committer, Consumer, Damage, Delivery, Outgoing, ProduceError, Producer};

/// What fails until it is mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    /// Half of the bytes are written, then there is no space.
    Full,
    /// Everything is written, but the sync fails.
    Sync,
    /// As `Sync`, and nothing can be cut or deleted afterwards.
    SyncAndKeep,
    /// No file can be made.
    Create,
    /// Files cannot be deleted.
    Remove,
    /// The writer's thread dies.
    Panic,
}

/// A disk that fails as it is told.
#[derive(Clone, Debug, Default)]
struct FaultyDisk {
    fault: Arc<Mutex<Fault>>,
    syncs: Arc<AtomicUsize>,
    attempts: Arc<AtomicU64>,
}

#[derive(Debug)]
struct FaultyFile {
    inner: Box<dyn SegmentFile>,
    disk: FaultyDisk,
}

impl FaultyDisk {
    fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }

    fn fails(&self, faults: &[Fault]) -> io::Result<()> {
        if faults.contains(&self.fault()) {
            return Err(io::Error::from_raw_os_error(5)); // EIO
        }
        Ok(())
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        self.fails(&[Fault::Create])?;
        Ok(Box::new(FaultyFile { inner: SystemDisk.create(path)?, disk: self.clone() }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.fails(&[Fault::Remove, Fault::SyncAndKeep])?;
        SystemDisk.remove(path)
    }

    fn erase(&self, path: &Path, range: Range<u64>) -> io::Result<()> {
        SystemDisk.erase(path, range)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        SystemDisk.sync_dir(dir)
    }
}

impl SegmentFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.disk.fault() {
            Fault::Full => {
                self.inner.append(&bytes[..bytes.len() / 2])?;
                Err(io::ErrorKind::StorageFull.into())
            }
            Fault::Panic => panic!("the disk caught fire"),
            _ => self.inner.append(bytes),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.syncs.fetch_add(1, Ordering::Relaxed);
        self.disk.fails(&[Fault::Sync, Fault::SyncAndKeep])?;
        self.inner.sync()
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.disk.fails(&[Fault::SyncAndKeep])?;
        self.inner.truncate(bytes)
    }
}

fn outgoing(text: &str) -> Vec<Outgoing> {
    vec![Outgoing {
        id: EventId::from_bytes([0; 16]),
        record: Bytes::copy_from_slice(text.as_bytes()),
    }]
}

fn open(dir: &Path, disk: &FaultyDisk) -> (JournalProducer, JournalConsumer) {
    let config = JournalConfig {
        segment_bytes: NonZeroU64::new(4_000).unwrap(),
        retire_after_ms: NonZeroU32::MIN,
        ..JournalConfig::default()
    };
    open_on(Box::new(disk.clone()), dir, config, Contents::Batches).unwrap()
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(30), what).await;
    waited.expect("it came to pass")
}

/// Tries until the journal takes the event again.
async fn insist(producer: &JournalProducer, text: &str) {
    soon(async {
        while producer.produce(outgoing(text)).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// All records until the end, and the gaps between them.
async fn read(mut consumer: JournalConsumer) -> (Vec<String>, Vec<Damage>) {
    let (mut records, mut gaps) = (vec![], vec![]);
    loop {
        match soon(consumer.next()).await {
            Ok(Delivery::Record { record, .. }) => {
                records.push(String::from_utf8(record.to_vec()).unwrap());
            }
            Ok(Delivery::Damaged { damage, .. }) => gaps.push(damage),
            Ok(_) => {}
            Err(_) => return (records, gaps),
        }
    }
}

#[tokio::test]
async fn a_failed_group_is_refused_and_never_read_not_even_later() {
    for (fault, refusal) in [
        (Fault::Full, ProduceError::Full),
        (Fault::Sync, ProduceError::Unavailable),
        (Fault::SyncAndKeep, ProduceError::Unavailable),
        (Fault::Create, ProduceError::Unavailable),
    ] {
        for active in [true, false] {
            if active && fault == Fault::Create {
                continue; // nothing is made while there is an active segment
            }
            let dir = tempfile::tempdir().unwrap();
            let disk = FaultyDisk::default();
            let (producer, consumer) = open(dir.path(), &disk);
            let mut kept = vec![];
            if active {
                soon(producer.produce(outgoing("before"))).await.unwrap();
                kept.push("before".to_owned());
            }
            disk.set(fault);
            for _ in 0..3 {
                let answer = soon(producer.produce(outgoing("lost"))).await;
                assert_eq!(answer, Err(refusal), "{fault:?}");
            }
            disk.set(Fault::None);
            insist(&producer, "after").await;
            kept.push("after".to_owned());
            drop(producer);
            let (records, gaps) = read(consumer).await;
            assert_eq!(records, kept, "{fault:?}");
            assert_eq!(gaps, [Damage::Torn], "{fault:?}");

            let (producer, consumer) = open(dir.path(), &disk);
            drop(producer);
            assert_eq!(read(consumer).await.0, kept, "{fault:?}, opened again");
        }
    }
}

#[tokio::test]
async fn a_failing_disk_is_not_tried_for_every_call() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (producer, _consumer) = open(dir.path(), &disk);
    disk.set(Fault::Create);
    let began = std::time::Instant::now();
    for _ in 0..1_000 {
        soon(producer.produce(outgoing("x"))).await.unwrap_err();
    }
    let allowed = began.elapsed().as_millis() / 250 + 1;
    assert!(u128::from(disk.attempts.load(Ordering::Relaxed)) <= allowed);
}

#[tokio::test]
async fn a_commit_needs_no_space_and_frees_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (producer, mut consumer) = open(dir.path(), &disk);
    soon(producer.produce(outgoing("first"))).await.unwrap();
    disk.set(Fault::Full);
    soon(producer.produce(outgoing("lost"))).await.unwrap_err();
    soon(consumer.next()).await.unwrap();
    soon(consumer.next()).await.unwrap();
    let cursor = Cursor { offset: 1, metadata: String::new() };
    soon(consumer.committer().commit(0, cursor)).await.unwrap();
    soon(async {
        while !recover::list(dir.path()).unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    disk.set(Fault::None);
    insist(&producer, "second").await;
}

#[tokio::test]
async fn what_cannot_be_deleted_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (producer, mut consumer) = open(dir.path(), &disk);
    disk.set(Fault::Remove);
    soon(producer.produce(outgoing("x"))).await.unwrap();
    soon(consumer.next()).await.unwrap();
    soon(consumer.next()).await.unwrap();
    let cursor = Cursor { offset: 1, metadata: String::new() };
    soon(consumer.committer().commit(0, cursor)).await.unwrap();
    assert_eq!(recover::list(dir.path()).unwrap(), [0]);
    disk.set(Fault::None);
    soon(async {
        while !recover::list(dir.path()).unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_dead_writer_leaves_nobody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (producer, consumer) = open(dir.path(), &disk);
    soon(producer.produce(outgoing("kept"))).await.unwrap();
    disk.set(Fault::Panic);
    for _ in 0..3 {
        let answer = soon(producer.produce(outgoing("lost"))).await;
        assert_eq!(answer, Err(ProduceError::Unavailable));
    }
    assert_eq!(read(consumer).await.0, ["kept"], "and then it is closed");
}

#[tokio::test]
async fn one_sync_serves_all_who_wait() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (producer, _consumer) = open(dir.path(), &disk);
    let mut calls: Vec<_> = (0..100).map(|_| Box::pin(producer.produce(outgoing("x")))).collect();
    let blocked = disk.fault.lock().unwrap(); // the first group is stuck in the disk
    let mut context = Context::from_waker(Waker::noop());
    for call in &mut calls {
        assert!(call.as_mut().poll(&mut context).is_pending());
    }
    drop(blocked);
    for call in calls {
        soon(call).await.unwrap();
    }
    assert!(disk.syncs.load(Ordering::Relaxed) <= 2);
}
