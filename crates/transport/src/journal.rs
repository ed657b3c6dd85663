//! The log on the local disk: segment files of our own, for one machine and for tests. One partition,
//! number 0.
//!
//! A directory holds:
//! - `id`: the [`LogId`], made with the directory;
//! - `lock`: held while the journal is open;
//! - `spill`, in a [spill](crate::spill): its records are frames;
//! - `cursor`, and `cursor.spare`, which the next commit is written to: what the consumer confirmed;
//! - `NNNNNNNNNNNNNNNNNNNN.seg`: segments, each named by the number of its first record.
//!
//! Invariants, each held by a test:
//! - [`produce`](crate::Producer::produce) answers after `fdatasync`, and the consumer reads nothing
//!   that is not durable.
//! - A number is used once, whatever crashes: numbers that a failed or unfinished write may have used
//!   are given up, and the log does not restart below its cursor.
//! - No byte on disk makes it panic, and damage costs the records it lies in, no others.
//! - Nothing above the cursor is deleted; a segment below it is deleted at once. The active segment is
//!   closed soon after anything in it is confirmed, so that it can follow, and confirmed records whose
//!   neighbours are not are erased in place.
//! - It never guesses: an unknown version, another log's file, a missing or damaged cursor are refused.

mod broom;
mod bundle;
mod committer;
mod config;
mod consumer;
mod contents;
mod cursor;
mod disk;
mod error;
mod format;
#[cfg(test)]
mod hostile;
mod identity;
mod lock;
mod metrics;
mod producer;
mod queue;
mod reader;
mod record;
mod recover;
mod scan;
mod segment;
mod shared;
mod standing;
mod told;
mod writer;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;

pub use committer::JournalCommitter;
pub use config::JournalConfig;
pub use consumer::JournalConsumer;
pub use error::JournalError;
pub use producer::JournalProducer;
pub use standing::standing;

pub(crate) use contents::Contents;

use consumer::Begin;
use cursor::{CursorFile, Stored};
use disk::{Disk, SystemDisk, sync_dir};
use lock::Lock;
use queue::Queue;
use segment::Segments;
use shared::{ConsumerEnd, ProducerEnd, Shared, Thread};
use writer::Writer;

use crate::{Cursor, LogId};

/// Opens journals; an open one is its two ends.
#[derive(Debug)]
pub enum Journal {}

// === impl Journal ===

impl Journal {
    /// Opens the journal in `dir`, and makes one if there is none. Blocks while it reads the last
    /// segment; producing and consuming need a tokio runtime.
    ///
    /// # Errors
    /// [`JournalError`]: the journal is open elsewhere, is not sound in a way that would make reading
    /// on a guess, or the disk refuses.
    pub fn open(
        dir: impl AsRef<Path>,
        config: JournalConfig,
    ) -> Result<(JournalProducer, JournalConsumer), JournalError> {
        open_on(Box::new(SystemDisk), dir.as_ref(), config, Contents::Batches)
    }

    /// The same for a journal that is a spill.
    pub(crate) fn open_spill(
        dir: &Path,
        config: JournalConfig,
    ) -> Result<(JournalProducer, JournalConsumer), JournalError> {
        open_on(Box::new(SystemDisk), dir, config, Contents::Frames)
    }
}

fn open_on(
    disk: Box<dyn Disk>,
    dir: &Path,
    config: JournalConfig,
    contents: Contents,
) -> Result<(JournalProducer, JournalConsumer), JournalError> {
    config.check()?;
    metrics::describe();
    make_dir(dir).map_err(JournalError::io("make the directory", dir))?;
    let lock = Arc::new(Lock::take(dir)?);
    let firsts = recover::list(dir)?;
    let (log_id, committed) = identify(dir, firsts.is_empty(), contents, &lock)?;
    let start = committed.as_ref().map_or(0, |cursor| cursor.offset);
    let recovered = recover::recover(dir, &firsts, log_id, start)?;
    let low = recovered.segments.low();
    let high = recovered.segments.next();
    let shared = share(recovered.segments, &config, start);
    let event_bytes_max = config.record_bytes_max.get() as usize;
    let writer_shared = Arc::clone(&shared);
    let writer = Writer::new(dir, log_id, config, disk, writer_shared, Arc::clone(&lock));
    if recovered.torn_bytes > 0 {
        let bytes = recovered.torn_bytes;
        tracing::warn!(bytes, "the journal ended in an unfinished write, which is cut");
        metrics::torn(bytes);
        writer.mark_torn();
    }
    let named = thread::Builder::new().name("journal".to_owned());
    let thread = named.spawn(|| writer.run());
    let thread = Thread::new(thread.map_err(JournalError::Thread)?);
    let cursor_file = CursorFile::new(dir, log_id, lock);
    let consumer_end = ConsumerEnd::new(Arc::clone(&shared), Arc::clone(&thread));
    Ok((
        JournalProducer::new(ProducerEnd::new(shared, thread), event_bytes_max, log_id),
        JournalConsumer::new(
            dir.to_owned(),
            log_id,
            cursor_file,
            Begin { committed, low, high },
            consumer_end,
        ),
    ))
}

/// Makes `dir`, durably. What visitors did is nobody else's business on this machine either.
fn make_dir(dir: &Path) -> io::Result<()> {
    let made: Vec<_> = dir.ancestors().take_while(|it| !it.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for parent in made.into_iter().filter_map(Path::parent) {
        let here = parent.as_os_str().is_empty();
        sync_dir(if here { Path::new(".") } else { parent })?;
    }
    Ok(())
}

fn share(segments: Segments, config: &JournalConfig, committed: u64) -> Arc<Shared> {
    let events_max = config.queue_events_max.get() as usize;
    let bytes_max = config.queue_bytes_max.get() as usize;
    let queue = Queue::new(events_max, bytes_max, committed);
    Arc::new(Shared::new(queue, segments))
}

/// Whose log this is, and what was committed. A new log gets its cursor before its id, so that a
/// crash between the two leaves what is taken for no log yet.
fn identify(
    dir: &Path,
    empty: bool,
    contents: Contents,
    lock: &Arc<Lock>,
) -> Result<(LogId, Option<Cursor>), JournalError> {
    let stored = Stored::read(dir)?;
    let begun = stored.as_ref().is_some_and(|it| it.cursor.is_some());
    let id = identity::read(dir)?;
    contents.check(dir, id.is_none())?;
    match (id, stored) {
        (Some(id), Some(stored)) if stored.log_id == id => Ok((id, stored.cursor)),
        (Some(_), Some(_)) => Err(JournalError::Foreign { path: dir.join(cursor::FILE) }),
        (Some(_), None) => Err(JournalError::CursorMissing { path: dir.join(cursor::FILE) }),
        (None, _) if begun || !empty => {
            Err(JournalError::IdMissing { path: dir.join(identity::FILE) })
        }
        (None, _) => {
            let id = identity::random()?;
            CursorFile::new(dir, id, Arc::clone(lock)).create()?;
            identity::write(dir, id)?;
            Ok((id, None))
        }
    }
}

/// The partition.
const PARTITION: u32 = 0;

#[cfg(test)]
mod tests;
