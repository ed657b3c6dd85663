//! The one writer, on a thread of its own: groups in, one write and one `fdatasync` each.
//!
//! After a failed write or sync nothing about the file's end is believed. The segment is abandoned
//! where it was last known to be durable, the numbers of the failed group are given up, and the next
//! attempt makes a fresh segment, which also ends the trouble once the disk takes writes again.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::broom::Broom;
use super::bundle::Bundler;
use super::config::JournalConfig;
use super::disk::{Disk, SegmentFile};
use super::lock::Lock;
use super::metrics::{self, Cause};
use super::queue::{Call, Work};
use super::record::Checksum;
use super::segment::Segment;
use super::shared::Shared;
use super::told::Told;
use crate::{LogId, ProduceError};

/// Owns everything that changes segments on disk.
#[derive(Debug)]
pub(super) struct Writer {
    dir: PathBuf,
    log_id: LogId,
    config: JournalConfig,
    disk: Box<dyn Disk>,
    shared: Arc<Shared>,
    bundler: Bundler,
    /// The number of the next record.
    next: u64,
    active: Option<Active>,
    trouble: Option<Trouble>,
    broom: Broom,
    _lock: Arc<Lock>,
}

/// The segment that is written to.
#[derive(Debug)]
struct Active {
    file: Box<dyn SegmentFile>,
    segment: Segment,
    born: Instant,
}

/// Why groups are being refused.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    cause: Option<Cause>,
    retry_at: Instant,
}

// === impl Writer ===

impl Writer {
    pub(super) fn new(
        dir: &Path,
        log_id: LogId,
        config: JournalConfig,
        disk: Box<dyn Disk>,
        shared: Arc<Shared>,
        lock: Arc<Lock>,
    ) -> Self {
        let next = shared.segments().next();
        Self {
            broom: Broom::new(dir, log_id, config.retire_after()),
            dir: dir.to_owned(),
            log_id,
            bundler: Bundler::new(Checksum::new(log_id), &config),
            config,
            disk,
            shared,
            next,
            active: None,
            trouble: None,
            _lock: lock,
        }
    }

    /// Works until producers and consumer are gone.
    pub(super) fn run(mut self) {
        let _closing = Closing(Arc::clone(&self.shared));
        loop {
            match self.shared.queue.wait(self.deadline(), GROUP_BYTES) {
                Work::Group(calls) => self.serve(calls),
                Work::Tidy => {}
                Work::Closed => self.shared.close(),
                Work::Stop => break,
            }
            self.tidy();
        }
        self.active = None;
        self.tidy();
    }

    /// Makes numbers that were given up when the log was opened durable in an empty segment, so that
    /// the one with the unfinished write need not be kept to remember them. Its name is the last of
    /// these numbers, which no record can have.
    pub(super) fn mark_torn(&self) {
        let given_up_from = self.shared.segments().durable_end();
        let first = self.next.saturating_sub(1);
        let header = Segment::header(self.log_id, given_up_from, first);
        match create(&*self.disk, &self.dir, first, &header) {
            Ok(_) => self.shared.segments().restore(Segment {
                given_up_from,
                first,
                end: first,
                bytes: header.len() as u64,
            }),
            Err(error) => tracing::warn!(%error, "cannot note the end of an unfinished write"),
        }
    }

    /// Writes a group; and while many call, gathers the next one.
    fn serve(&mut self, calls: Vec<Call>) {
        let (began, dense) = (Instant::now(), calls.len() >= DENSE);
        self.answer(calls);
        if dense {
            thread::sleep(GATHER.saturating_sub(began.elapsed()));
        }
    }

    fn answer(&mut self, calls: Vec<Call>) {
        let answer = self.write(&calls);
        if answer == Err(ProduceError::Full)
            && let Some(cause) = self.trouble.and_then(|trouble| trouble.cause)
        {
            metrics::full(cause, calls.len());
        }
        let events = calls.iter().map(|call| call.events.len()).sum();
        let bytes = calls.iter().map(|call| call.bytes).sum();
        self.shared.queue.release(events, bytes);
        Told::tell(answer, calls.into_iter().map(|call| call.done).collect());
    }

    fn write(&mut self, calls: &[Call]) -> Result<(), ProduceError> {
        if let Some(trouble) = self.trouble
            && Instant::now() < trouble.retry_at
        {
            return Err(trouble.error());
        }
        let payload: u64 = calls.iter().map(|call| call.bytes as u64).sum();
        self.roll(payload);
        let mut header = Vec::new();
        if self.active.is_none() {
            let given_up_from = self.shared.segments().durable_end();
            header = Segment::header(self.log_id, given_up_from, self.next);
        }
        self.bundler.begin(&header, self.next);
        let events = calls.iter().flat_map(|call| &call.events);
        events.clone().for_each(|event| self.bundler.push(event));
        let (bytes, end) = self.bundler.finish();
        let result =
            if end == self.next { Ok(()) } else { self.append(&bytes, end, events.count()) };
        self.bundler.reuse(bytes);
        result
    }

    /// Begins a new segment when the active one would grow too long.
    fn roll(&mut self, payload: u64) {
        let full = |active: &Active| {
            active.segment.bytes.saturating_add(payload) > self.config.segment_bytes.get()
        };
        if self.active.as_ref().is_some_and(full) {
            self.active = None;
        }
    }

    fn append(&mut self, bytes: &[u8], end: u64, events: usize) -> Result<(), ProduceError> {
        let added = bytes.len() as u64;
        if self.shared.segments().bytes() + added > self.config.bytes_max.get() {
            return Err(self.suffer(Some(Cause::Budget), None));
        }
        let started = Instant::now();
        let first = std::mem::replace(&mut self.next, end);
        let written = match self.active.take() {
            Some(active) => active.append(bytes),
            None => create(&*self.disk, &self.dir, first, bytes).map(|file| Active {
                file,
                segment: Segment {
                    given_up_from: self.shared.segments().durable_end(),
                    first,
                    end,
                    bytes: 0,
                },
                born: started,
            }),
        };
        let mut active = written.map_err(|error| self.fail(&error))?;
        active.segment.end = end;
        active.segment.bytes += added;
        self.shared.publish(active.segment);
        self.active = Some(active);
        metrics::written(end - first, events, started.elapsed());
        if self.trouble.take().is_some() {
            tracing::info!("the journal takes events again");
        }
        Ok(())
    }

    fn fail(&mut self, error: &io::Error) -> ProduceError {
        metrics::failed();
        let full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        self.suffer(full.then_some(Cause::Disk), Some(error))
    }

    /// Notes why events are refused, and says so once.
    fn suffer(&mut self, cause: Option<Cause>, error: Option<&io::Error>) -> ProduceError {
        let known = self.trouble.is_some_and(|trouble| trouble.cause == cause);
        if !known {
            let error = error.map(tracing::field::display);
            let cause = cause.map_or("write", Cause::label);
            tracing::error!(cause, error, "the journal refuses events");
        }
        let wait = match cause {
            Some(Cause::Budget) => Duration::ZERO, // costs the disk nothing
            _ => RETRY_AFTER,
        };
        let trouble = Trouble { cause, retry_at: Instant::now() + wait };
        self.trouble = Some(trouble);
        trouble.error()
    }

    /// Closes the active segment when what it holds is to be deleted soon, and deletes what is
    /// confirmed.
    fn tidy(&mut self) {
        let committed = self.shared.queue.committed();
        if let Some(active) = &self.active
            && active.segment.first < committed
            && (self.trouble.is_some() || active.born.elapsed() >= self.config.retire_after())
        {
            self.active = None;
        }
        let active = self.active.as_ref().map(|active| active.segment.first);
        self.broom.sweep(&*self.disk, &self.shared, committed, active);
        let segments = self.shared.segments();
        metrics::size(segments.bytes(), segments.len());
    }

    fn deadline(&self) -> Option<Instant> {
        let active = self.active.as_ref();
        let retire = active
            .filter(|active| active.segment.first < self.shared.queue.committed())
            .map(|active| active.born + self.config.retire_after());
        retire.into_iter().chain(self.broom.deadline()).min()
    }
}

// === impl Active ===

impl Active {
    fn append(mut self, bytes: &[u8]) -> io::Result<Self> {
        match self.file.append(bytes).and_then(|()| self.file.sync()) {
            Ok(()) => Ok(self),
            Err(error) => {
                // Gives the space back if it can. If not, the next header gives the numbers up.
                self.file.truncate(self.segment.bytes).ok();
                Err(error)
            }
        }
    }
}

fn create(
    disk: &dyn Disk,
    dir: &Path,
    first: u64,
    bytes: &[u8],
) -> io::Result<Box<dyn SegmentFile>> {
    let path = Segment::path(dir, first);
    let mut file = disk.create(&path)?;
    let written = file.append(bytes).and_then(|()| file.sync()).and_then(|()| disk.sync_dir(dir));
    if written.is_err() {
        disk.remove(&path).ok(); // if it stays, its numbers are given up all the same
    }
    written.map(|()| file)
}

// === impl Trouble ===

impl Trouble {
    const fn error(self) -> ProduceError {
        match self.cause {
            Some(_) => ProduceError::Full,
            None => ProduceError::Unavailable,
        }
    }
}

/// However the writer ends, nobody waits for it any more.
#[derive(Debug)]
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.queue.close();
        self.0.close();
    }
}

/// Of so many calls in a group on, more are likely to come at once than a sync should be spent on.
const DENSE: usize = 16;
/// From one sync to the next while many call, at least. A sync costs the processor as much as several events.
const GATHER: Duration = Duration::from_millis(2);

/// A group ends here, so that the last call in it does not wait for too long a write.
const GROUP_BYTES: usize = 4 << 20;

/// How long a failed disk is left alone.
const RETRY_AFTER: Duration = Duration::from_millis(250);
