//! Events that become one record. Encoded batches concatenate into a batch, so bundling only copies
//! bytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::kafka::config::{RECORD_BYTES_MAX, RECORD_EVENTS_MAX};
use crate::{ProduceError, SpillMark};

/// What a produce call comes to.
pub(super) type Answer = Result<(), ProduceError>;

/// A record of a spill, on its way into its partition.
#[derive(Clone, Debug)]
pub(crate) struct Drained {
    pub(crate) partition: u32,
    pub(crate) record: Bytes,
    /// How many events are in it.
    pub(crate) events: usize,
    pub(crate) mark: SpillMark,
}

/// Events of one partition on their way into one record.
#[derive(Debug)]
pub(in crate::kafka) struct Bundle {
    partition: u32,
    payload: Payload,
    bytes: usize,
    events: usize,
    waiters: Vec<Waiter>,
    opened: Instant,
    sent: Option<Instant>,
    /// It comes from a spill.
    mark: Option<SpillMark>,
}

/// Whoever waits for the events of one call in one bundle.
#[derive(Debug)]
pub(super) enum Waiter {
    /// All events of the call are in this bundle.
    Sole(oneshot::Sender<Answer>),
    /// They may be in several.
    Shared(Arc<Call>),
}

/// A call whose events may be in several bundles.
#[derive(Debug)]
pub(super) struct Call {
    state: Mutex<CallState>,
}

#[derive(Debug)]
struct CallState {
    bundles: usize,
    answer: Answer,
    done: Option<oneshot::Sender<Answer>>,
}

/// The bytes of a record. The single event of an idle collector is not copied.
#[derive(Debug)]
pub(super) enum Payload {
    One(Bytes),
    Many(Vec<u8>),
}

// === impl Bundle ===

impl Bundle {
    pub(super) fn open(partition: u32, event: Bytes, now: Instant) -> Self {
        let bytes = event.len();
        let payload = Payload::One(event);
        let waiters = Vec::new();
        Self { partition, payload, bytes, events: 1, waiters, opened: now, sent: None, mark: None }
    }

    /// The record of a spill, which is whole.
    pub(super) fn of_spill(drained: Drained, done: oneshot::Sender<Answer>, now: Instant) -> Self {
        let Drained { partition, record, events, mark } = drained;
        let mut bundle = Self::open(partition, record, now);
        bundle.events = events;
        bundle.mark = Some(mark);
        bundle.add_sole_waiter(done);
        bundle
    }

    /// Adds the event, or gives it back if there is no room for it.
    pub(super) fn add(&mut self, event: Bytes) -> Result<(), Bytes> {
        let bytes = self.bytes + event.len();
        if self.events >= RECORD_EVENTS_MAX || bytes > RECORD_BYTES_MAX {
            return Err(event);
        }
        if let Payload::One(first) = &self.payload {
            let room = bytes.saturating_mul(8).min(RECORD_BYTES_MAX);
            let mut many = Vec::with_capacity(room);
            many.extend_from_slice(first);
            self.payload = Payload::Many(many);
        }
        if let Payload::Many(many) = &mut self.payload {
            many.extend_from_slice(&event);
        }
        self.bytes = bytes;
        self.events += 1;
        Ok(())
    }

    /// Adds whoever waits; the events of one call count as one.
    pub(super) fn add_waiter(&mut self, call: &Arc<Call>) {
        let known =
            matches!(self.waiters.last(), Some(Waiter::Shared(it)) if Arc::ptr_eq(it, call));
        if !known {
            call.state().bundles += 1;
            self.waiters.push(Waiter::Shared(Arc::clone(call)));
        }
    }

    pub(super) fn add_sole_waiter(&mut self, done: oneshot::Sender<Answer>) {
        self.waiters.push(Waiter::Sole(done));
    }

    /// The record, which librdkafka copies; [`Self::restore`] takes it back.
    pub(super) fn take_payload(&mut self) -> Payload {
        std::mem::replace(&mut self.payload, Payload::One(Bytes::new()))
    }

    pub(super) fn restore(&mut self, payload: Payload) {
        self.payload = payload;
    }

    /// How long the record is.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whence it came, if it came from a spill.
    pub(super) const fn mark(&self) -> Option<SpillMark> {
        self.mark
    }

    pub(super) const fn partition(&self) -> u32 {
        self.partition
    }

    pub(super) const fn events(&self) -> usize {
        self.events
    }

    pub(super) const fn opened(&self) -> Instant {
        self.opened
    }

    /// Handed to librdkafka, or about to be.
    pub(super) const fn set_sent(&mut self, now: Instant) {
        self.sent = Some(now);
    }

    pub(super) const fn sent(&self) -> Option<Instant> {
        self.sent
    }

    /// Wakes whoever waits.
    pub(super) fn answer(self, answer: Answer) {
        for waiter in self.waiters {
            match waiter {
                // Whoever asked may have gone away.
                Waiter::Sole(done) => {
                    done.send(answer).ok();
                }
                Waiter::Shared(call) => call.bundle_done(answer),
            }
        }
    }
}

// === impl Payload ===

impl Payload {
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes,
        }
    }
}

// === impl Call ===

impl Call {
    pub(super) fn new(done: oneshot::Sender<Answer>) -> Arc<Self> {
        let state = CallState { bundles: 0, answer: Ok(()), done: Some(done) };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// One of its bundles is done; after the last it is answered, with the first error if there was one.
    fn bundle_done(&self, answer: Answer) {
        let mut state = self.state();
        state.bundles = state.bundles.saturating_sub(1);
        state.answer = state.answer.and(answer);
        if state.bundles == 0
            && let Some(done) = state.done.take()
        {
            done.send(state.answer).ok();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, CallState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Bytes {
        Bytes::from(vec![7; bytes])
    }

    #[test]
    fn a_bundle_takes_events_up_to_either_bound() {
        let now = Instant::now();
        let mut by_count = Bundle::open(0, event(1), now);
        for _ in 1..RECORD_EVENTS_MAX {
            by_count.add(event(1)).unwrap();
        }
        assert!(by_count.add(event(1)).is_err());
        assert_eq!((by_count.events(), by_count.bytes()), (1_000, 1_000));

        let mut by_bytes = Bundle::open(0, event(RECORD_BYTES_MAX - 10), now);
        by_bytes.add(event(10)).unwrap();
        assert_eq!(by_bytes.add(event(1)), Err(event(1)));
        assert_eq!(by_bytes.take_payload().as_slice().len(), RECORD_BYTES_MAX);
    }

    #[test]
    fn a_call_is_answered_when_its_last_bundle_is_done_with_the_first_error() {
        let (done, mut answer) = oneshot::channel();
        let call = Call::new(done);
        let now = Instant::now();
        let mut bundles: Vec<_> = (0..3).map(|at| Bundle::open(at, event(1), now)).collect();
        for bundle in &mut bundles {
            bundle.add_waiter(&call);
            bundle.add_waiter(&call); // a second event of the same call
        }
        let mut bundles = bundles.into_iter();
        bundles.next().unwrap().answer(Ok(()));
        bundles.next().unwrap().answer(Err(ProduceError::Unavailable));
        assert!(answer.try_recv().is_err(), "one is still on its way");
        bundles.next().unwrap().answer(Err(ProduceError::TooLarge));
        assert_eq!(answer.try_recv(), Ok(Err(ProduceError::Unavailable)));
    }

    #[test]
    fn nobody_needs_to_wait_for_the_answer() {
        let (done, answer) = oneshot::channel();
        let mut bundle = Bundle::open(0, event(1), Instant::now());
        bundle.add_sole_waiter(done);
        drop(answer);
        bundle.answer(Ok(()));
    }
}
