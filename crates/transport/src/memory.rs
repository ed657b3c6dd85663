//! Acknowledged in memory: the answer waits neither for the disk nor for a broker.
//!
//! **This loses events.** What was acknowledged and is not durable yet is gone when the process or the machine
//! dies. It is for those who would rather lose the last moments before a crash than wait. What it holds is
//! bounded, and above it events are refused; nothing that was taken is given up as long as the process lives.
//!
//! | name (each begins with `transport_memory_`) | kind | unit | what |
//! |---|---|---|---|
//! | `acknowledged_total` | counter | events | answered before they were durable |
//! | `events` | gauge | events | answered, and not durable yet: what a crash would lose |
//! | `lost_total` | counter | events | acknowledged, and not known to be durable when the process ended, or too large for the log |
//! | `refused_total` | counter | calls | answered `Full` |

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::{Outgoing, ProduceError, Producer};

/// Answers when events are in memory, and puts them into another producer afterwards. Clones share the
/// memory.
///
/// Calls are passed on in groups, several at a time: no order is promised.
#[derive(Clone, Debug)]
pub struct MemoryProducer {
    held: Arc<Held>,
    passing: Arc<Passing>,
}

/// How much may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBounds {
    /// Events.
    pub events: NonZeroU32,
    /// Bytes of them.
    pub bytes: NonZeroU32,
}

/// What was acknowledged and is not durable yet.
#[derive(Debug)]
struct Held {
    bounds: MemoryBounds,
    state: Mutex<State>,
    /// Something is to be passed on.
    ready: Notify,
    /// Nothing is left.
    empty: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Outgoing>,
    /// Those that wait, and those that are being passed on.
    events: usize,
    bytes: usize,
    is_closed: bool,
}

/// The task that passes on, until the last handle is gone.
#[derive(Debug)]
struct Passing(JoinHandle<()>);

// === impl MemoryProducer ===

impl MemoryProducer {
    /// Holds so much before `durable`. Needs a tokio runtime.
    pub fn start<P: Producer>(durable: Arc<P>, bounds: MemoryBounds) -> Self {
        describe();
        let held = Arc::new(Held {
            bounds,
            state: Mutex::default(),
            ready: Notify::new(),
            empty: Notify::new(),
        });
        let passing = Passing(tokio::spawn(pass_on(Arc::clone(&held), durable)));
        Self { held, passing: Arc::new(passing) }
    }

    /// Takes no more events.
    pub fn stop(&self) {
        self.held.state().is_closed = true;
    }

    /// Waits until all is durable, for `deadline` at most.
    pub async fn flush(&self, deadline: Duration) -> bool {
        timeout(deadline, self.held.emptied()).await.is_ok()
    }

    /// Takes no more events, and waits until all is durable, for `deadline` at most. What is left is counted
    /// as lost: the log may have it, or not.
    pub async fn close(self, deadline: Duration) {
        self.stop();
        if !self.flush(deadline).await {
            let left = self.held.state().events;
            tracing::error!(left, "events that were acknowledged in memory may be lost");
            counter!(LOST).increment(left as u64);
        }
        self.passing.0.abort();
    }
}

impl Producer for MemoryProducer {
    /// Resolves when the events are in memory; they are **not durable** then.
    async fn produce(&self, events: Vec<Outgoing>) -> Result<(), ProduceError> {
        let count = events.len();
        self.held.push(events).inspect_err(|error| {
            counter!(REFUSED).increment(u64::from(*error == ProduceError::Full));
        })?;
        counter!(ACKNOWLEDGED).increment(count as u64);
        Ok(())
    }
}

// === impl Held ===

impl Held {
    fn push(&self, events: Vec<Outgoing>) -> Result<(), ProduceError> {
        let (events_max, bytes_max) =
            (self.bounds.events.get() as usize, self.bounds.bytes.get() as usize);
        let (count, bytes) = (events.len(), bytes_of(&events));
        if count > events_max || bytes > bytes_max {
            return Err(ProduceError::TooLarge); // it would never fit
        }
        let mut state = self.state();
        if state.is_closed {
            return Err(ProduceError::Unavailable);
        }
        if state.events + count > events_max || state.bytes + bytes > bytes_max {
            return Err(ProduceError::Full);
        }
        state.events += count;
        state.bytes += bytes;
        state.waiting.extend(events);
        gauge!(EVENTS).set(float(state.events));
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// What is passed on together.
    async fn group(&self) -> Vec<Outgoing> {
        loop {
            let group = self.state().group();
            if !group.is_empty() {
                return group;
            }
            self.ready.notified().await;
        }
    }

    fn release(&self, group: &[Outgoing]) {
        let mut state = self.state();
        state.events = state.events.saturating_sub(group.len());
        state.bytes = state.bytes.saturating_sub(bytes_of(group));
        gauge!(EVENTS).set(float(state.events));
        if state.events == 0 {
            self.empty.notify_waiters();
        }
    }

    async fn emptied(&self) {
        loop {
            let empty = self.empty.notified();
            tokio::pin!(empty);
            empty.as_mut().enable();
            if self.state().events == 0 {
                return;
            }
            empty.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn group(&mut self) -> Vec<Outgoing> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        while let Some(event) = self.waiting.front() {
            bytes += event.record.len();
            if group.len() >= GROUP_EVENTS || (bytes > GROUP_BYTES && !group.is_empty()) {
                break;
            }
            group.extend(self.waiting.pop_front());
        }
        group
    }
}

// === impl Passing ===

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Passes on group after group, a few at a time. Never returns; what is under way ends with it.
async fn pass_on<P: Producer>(held: Arc<Held>, durable: Arc<P>) {
    let room = Arc::new(Semaphore::new(GROUPS_MAX));
    let mut under_way = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let group = held.group().await;
        let (held, durable) = (Arc::clone(&held), Arc::clone(&durable));
        under_way.spawn(async move {
            put(&*durable, &group).await;
            held.release(&group);
            drop(place);
        });
        while under_way.try_join_next().is_some() {}
    }
}

/// Tries until it is done. As with a client that tries again, the same event id makes it safe.
async fn put<P: Producer>(durable: &P, group: &[Outgoing]) {
    loop {
        match durable.produce(group.to_vec()).await {
            Ok(()) => return,
            Err(ProduceError::TooLarge) => {
                tracing::error!(
                    "events that were acknowledged in memory are too large for the log"
                );
                counter!(LOST).increment(group.len() as u64);
                return;
            }
            Err(ProduceError::Full | ProduceError::Unavailable) => {
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
            }
        }
    }
}

fn bytes_of(events: &[Outgoing]) -> usize {
    events.iter().map(|event| event.record.len()).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
const fn float(number: usize) -> f64 {
    number as f64
}

fn describe() {
    describe_counter!(ACKNOWLEDGED, Unit::Count, "events answered before they were durable");
    describe_gauge!(EVENTS, Unit::Count, "events that a crash would lose");
    describe_counter!(LOST, Unit::Count, "acknowledged events that may be lost");
    describe_counter!(REFUSED, Unit::Count, "calls that there was no room for");
}

const GROUP_EVENTS: usize = 1_000;
const GROUP_BYTES: usize = 512 << 10;
const GROUPS_MAX: usize = 32;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);

const ACKNOWLEDGED: &str = "transport_memory_acknowledged_total";
const EVENTS: &str = "transport_memory_events";
const LOST: &str = "transport_memory_lost_total";
const REFUSED: &str = "transport_memory_refused_total";

#[cfg(test)]
mod tests {
    use candor_event::EventId;
    use tokio::sync::watch;

    use super::*;

    /// Takes what it is given when it is told to.
    #[derive(Debug)]
    struct Slow {
        answer: watch::Sender<Option<Result<(), ProduceError>>>,
        taken: Mutex<Vec<u8>>,
    }

    impl Producer for Slow {
        async fn produce(&self, events: Vec<Outgoing>) -> Result<(), ProduceError> {
            let answer = self.answer.subscribe().wait_for(Option::is_some).await.unwrap().unwrap();
            if answer.is_ok() {
                let mut taken = self.taken.lock().unwrap();
                taken.extend(events.iter().map(|event| event.record[0]));
            }
            answer
        }
    }

    fn started(events: u32) -> (Arc<Slow>, MemoryProducer) {
        let slow = Arc::new(Slow { answer: watch::Sender::new(None), taken: Mutex::default() });
        let bounds = MemoryBounds {
            events: NonZeroU32::new(events).unwrap(),
            bytes: NonZeroU32::new(1_000).unwrap(),
        };
        (Arc::clone(&slow), MemoryProducer::start(slow, bounds))
    }

    fn event(number: u8) -> Vec<Outgoing> {
        vec![Outgoing { id: EventId::from_bytes([number; 16]), record: vec![number].into() }]
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn it_answers_at_once_and_is_bounded_until_all_is_durable() {
        let (slow, producer) = started(3);
        for number in 1..=3 {
            assert_eq!(producer.produce(event(number)).await, Ok(()));
        }
        assert_eq!(producer.produce(event(4)).await, Err(ProduceError::Full));
        let many = vec![event(0).remove(0); 4];
        assert_eq!(producer.produce(many).await, Err(ProduceError::TooLarge));
        assert!(slow.taken.lock().unwrap().is_empty());
        slow.answer.send_replace(Some(Ok(())));
        assert!(producer.flush(LONG).await);
        assert_eq!(producer.produce(event(4)).await, Ok(()));
        producer.clone().close(LONG).await;
        assert_eq!(producer.produce(event(5)).await, Err(ProduceError::Unavailable));
        let mut taken = slow.taken.lock().unwrap().clone();
        taken.sort_unstable();
        assert_eq!(taken, [1, 2, 3, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_for_now_is_tried_again() {
        let (slow, producer) = started(3);
        for refusal in [ProduceError::Full, ProduceError::Unavailable] {
            slow.answer.send_replace(Some(Err(refusal)));
            producer.produce(event(7)).await.unwrap();
            assert!(!producer.flush(Duration::from_secs(5)).await);
        }
        slow.answer.send_replace(Some(Ok(())));
        assert!(producer.flush(LONG).await);
        assert_eq!(*slow.taken.lock().unwrap(), [7, 7]);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_is_bounded() {
        let (slow, producer) = started(3);
        producer.produce(event(1)).await.unwrap();
        producer.close(Duration::from_secs(5)).await;
        assert!(slow.taken.lock().unwrap().is_empty());
    }
}
