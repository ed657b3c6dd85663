//! Where produce calls wait for the writer: bounded, and the only place where the two meet.
//!
//! The writer takes whatever waits; while it syncs, others queue up and become the next group. A call that is
//! alone is written at once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::told::Told;
use crate::ProduceError;

/// One produce call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) events: Vec<Bytes>,
    pub(super) bytes: usize,
    pub(super) done: oneshot::Sender<Told>,
}

/// The calls that wait, and what else the writer is woken for.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    events_max: usize,
    bytes_max: usize,
}

/// What the writer does next.
#[derive(Debug)]
pub(super) enum Work {
    /// Write these.
    Group(Vec<Call>),
    /// See what can be deleted.
    Tidy,
    /// No call will follow.
    Closed,
    /// Nobody is left.
    Stop,
}

#[derive(Debug, Default)]
struct State {
    calls: VecDeque<Call>,
    /// Events and bytes that wait or are being written: what the bounds are for.
    events: usize,
    bytes: usize,
    committed: u64,
    /// What was committed when the writer last tidied up because of a commit.
    tidied: Option<u64>,
    producers_gone: bool,
    closed: bool,
    consumer_gone: bool,
    writer: Doing,
}

/// What the writer does: to wake whoever is awake costs a system call.
#[derive(Debug, Default, PartialEq, Eq)]
enum Doing {
    #[default]
    Works,
    /// And nobody has woken it yet.
    Waits,
}

// === impl Queue ===

impl Queue {
    pub(super) fn new(events_max: usize, bytes_max: usize, committed: u64) -> Self {
        let state = State { committed, ..State::default() };
        Self { state: Mutex::new(state), ready: Condvar::new(), events_max, bytes_max }
    }

    pub(super) fn push(&self, call: Call) -> Result<(), ProduceError> {
        let (events, bytes) = (call.events.len(), call.bytes);
        if events > self.events_max || bytes > self.bytes_max {
            return Err(ProduceError::TooLarge); // it would never fit
        }
        let mut state = self.state();
        if state.closed {
            return Err(ProduceError::Unavailable);
        }
        if state.events + events > self.events_max || state.bytes + bytes > self.bytes_max {
            return Err(ProduceError::Full);
        }
        state.events += events;
        state.bytes += bytes;
        state.calls.push_back(call);
        self.wake(state);
        Ok(())
    }

    /// Gives back the room of calls that were answered.
    pub(super) fn release(&self, events: usize, bytes: usize) {
        let mut state = self.state();
        state.events = state.events.saturating_sub(events);
        state.bytes = state.bytes.saturating_sub(bytes);
    }

    /// Tells the writer what was confirmed.
    pub(super) fn commit(&self, offset: u64) {
        let mut state = self.state();
        state.committed = offset;
        self.wake(state);
    }

    pub(super) fn committed(&self) -> u64 {
        self.state().committed
    }

    pub(super) fn producers_gone(&self) {
        let mut state = self.state();
        state.producers_gone = true;
        self.wake(state);
    }

    pub(super) fn consumer_gone(&self) {
        let mut state = self.state();
        state.consumer_gone = true;
        self.wake(state);
    }

    /// Refuses what comes and drops what waits: there is no writer any more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let calls = std::mem::take(&mut state.calls);
        drop(state);
        drop(calls);
    }

    /// Waits for work, until `deadline` at most. A group ends after `group_bytes`, but is never empty.
    pub(super) fn wait(&self, deadline: Option<Instant>, group_bytes: usize) -> Work {
        let mut state = self.state();
        loop {
            state.writer = Doing::Works;
            if let Some(work) = state.work(group_bytes) {
                return work;
            }
            state.writer = Doing::Waits;
            let waited = match deadline {
                None => self.ready.wait(state),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        state.writer = Doing::Works;
                        return Work::Tidy;
                    }
                    let waited = self.ready.wait_timeout(state, left);
                    Ok(waited.unwrap_or_else(PoisonError::into_inner).0)
                }
            };
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes the writer, if it waits.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let writer = std::mem::take(&mut state.writer);
        drop(state);
        if writer == Doing::Waits {
            self.ready.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn work(&mut self, group_bytes: usize) -> Option<Work> {
        if !self.calls.is_empty() {
            return Some(Work::Group(self.group(group_bytes)));
        }
        if self.tidied != Some(self.committed) {
            self.tidied = Some(self.committed);
            return Some(Work::Tidy);
        }
        if self.producers_gone && !self.closed {
            self.closed = true;
            return Some(Work::Closed);
        }
        (self.producers_gone && self.consumer_gone).then_some(Work::Stop)
    }

    fn group(&mut self, group_bytes: usize) -> Vec<Call> {
        let mut bytes = 0_usize;
        let mut group = Vec::new();
        while let Some(call) = self.calls.pop_front() {
            bytes = bytes.saturating_add(call.bytes);
            if bytes > group_bytes && !group.is_empty() {
                self.calls.push_front(call);
                break;
            }
            group.push(call);
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(bytes: usize) -> (Call, oneshot::Receiver<Told>) {
        let (done, answer) = oneshot::channel();
        let events = vec![Bytes::from(vec![0; bytes])];
        let call = Call { events, bytes, done };
        (call, answer)
    }

    fn group(queue: &Queue, group_bytes: usize) -> usize {
        match queue.wait(None, group_bytes) {
            Work::Group(calls) => calls.len(),
            work => panic!("no group: {work:?}"),
        }
    }

    #[test]
    fn what_waits_is_bounded_until_it_is_answered() {
        let queue = Queue::new(2, 100, 0);
        assert_eq!(queue.push(call(60).0), Ok(()));
        assert_eq!(queue.push(call(41).0), Err(ProduceError::Full), "bytes");
        assert_eq!(queue.push(call(101).0), Err(ProduceError::TooLarge));
        assert_eq!(queue.push(call(1).0), Ok(()));
        assert_eq!(queue.push(call(1).0), Err(ProduceError::Full), "events");
        assert_eq!(group(&queue, 1_000), 2);
        assert_eq!(queue.push(call(1).0), Err(ProduceError::Full), "in hand");
        queue.release(2, 61);
        assert_eq!(queue.push(call(1).0), Ok(()));
    }

    #[test]
    fn a_group_ends_at_its_bound_and_is_never_empty() {
        let queue = Queue::new(10, 1_000, 0);
        for bytes in [50, 20, 20, 20] {
            queue.push(call(bytes).0).unwrap();
        }
        assert_eq!(group(&queue, 40), 1);
        assert_eq!(group(&queue, 40), 2);
        assert_eq!(group(&queue, 40), 1);
    }

    #[test]
    fn everything_is_written_before_the_end_is_told() {
        let queue = Queue::new(10, 1_000, 0);
        queue.push(call(1).0).unwrap();
        queue.producers_gone();
        queue.consumer_gone();
        assert!(matches!(queue.wait(None, 100), Work::Group(_)));
        assert!(matches!(queue.wait(None, 100), Work::Tidy));
        assert!(matches!(queue.wait(None, 100), Work::Closed));
        assert!(matches!(queue.wait(None, 100), Work::Stop));
        assert_eq!(queue.push(call(1).0), Err(ProduceError::Unavailable));
    }
}
