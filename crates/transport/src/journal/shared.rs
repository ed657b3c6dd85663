//! What the writer, the producers and the consumer of one journal share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::queue::Queue;
use super::segment::{Segment, Segments};

/// The state of an open journal.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    segments: Mutex<Segments>,
    mark: watch::Sender<Mark>,
}

/// How far the log is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The number after the last that is durable or given up.
    pub(super) next: u64,
    /// Nothing will follow.
    pub(super) closed: bool,
}

/// Keeps the writer's thread, and waits for its end: when the last handle of a journal is gone, its
/// lock is too.
#[derive(Debug)]
pub(super) struct Thread {
    handle: Option<JoinHandle<()>>,
}

/// All clones of a producer.
#[derive(Debug)]
pub(super) struct ProducerEnd {
    pub(super) shared: Arc<Shared>,
    _thread: Arc<Thread>,
}

/// The consumer.
#[derive(Debug)]
pub(super) struct ConsumerEnd {
    pub(super) shared: Arc<Shared>,
    _thread: Arc<Thread>,
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(queue: Queue, segments: Segments) -> Self {
        let mark = Mark { next: segments.next(), closed: false };
        Self { queue, segments: Mutex::new(segments), mark: watch::Sender::new(mark) }
    }

    pub(super) fn segments(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mark(&self) -> watch::Receiver<Mark> {
        self.mark.subscribe()
    }

    /// Lets readers see what has become durable.
    pub(super) fn publish(&self, segment: Segment) {
        self.segments().extend(segment);
        self.mark.send_modify(|mark| mark.next = segment.end);
    }

    pub(super) fn close(&self) {
        self.mark.send_modify(|mark| mark.closed = true);
    }
}

// === impl Thread ===

impl Thread {
    pub(super) fn new(handle: JoinHandle<()>) -> Arc<Self> {
        Arc::new(Self { handle: Some(handle) })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            tracing::error!("the journal's writer died");
        }
    }
}

// === impl ProducerEnd ===

impl ProducerEnd {
    pub(super) fn new(shared: Arc<Shared>, thread: Arc<Thread>) -> Self {
        Self { shared, _thread: thread }
    }
}

impl Drop for ProducerEnd {
    fn drop(&mut self) {
        self.shared.queue.producers_gone();
    }
}

// === impl ConsumerEnd ===

impl ConsumerEnd {
    pub(super) fn new(shared: Arc<Shared>, thread: Arc<Thread>) -> Self {
        Self { shared, _thread: thread }
    }
}

impl Drop for ConsumerEnd {
    fn drop(&mut self) {
        self.shared.queue.consumer_gone();
    }
}
