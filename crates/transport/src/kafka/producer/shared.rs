//! What the handles of a producer, its two tasks and its client share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::bundle::{Answer, Bundle, Drained};
use super::client::{Client, Inbox, Returned};
use super::lanes::{Lanes, Pumped, Refusal};
use crate::kafka::metrics::{self, Cause};
use crate::kafka::native::Described;
use crate::kafka::{KafkaConfig, KafkaError};
use crate::{LogId, Outgoing, ProduceError};

/// A producer.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: KafkaConfig,
    pub(super) inbox: Arc<Inbox>,
    state: Mutex<State>,
    over: Notify,
}

/// What to do after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing will come any more.
    Over,
    /// Wait to be woken.
    Wait,
    /// Wait to be woken, but not longer.
    WaitUntil(Instant),
}

#[derive(Debug)]
struct State {
    lanes: Lanes,
    /// None: closed.
    client: Option<Arc<Client>>,
    log: Option<LogId>,
    /// None: there is no topic, or nobody told yet.
    partitions: Option<u32>,
    /// The task wakes by itself when the first bundle is due.
    armed: bool,
    /// Since when something has been on its way without anything coming back.
    silent_since: Option<Instant>,
    closing: Option<Instant>,
    acknowledged: u64,
    failed: u64,
}

/// Events that were not taken: not one of them was or will be handed to librdkafka.
#[derive(Debug)]
pub(crate) struct NotTaken {
    pub(crate) events: Vec<Outgoing>,
    pub(crate) error: ProduceError,
}

/// How the brokers are doing, as far as the producer feels it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pulse {
    /// The log and its partitions, once a broker has told of them.
    pub(crate) topic: Option<(LogId, u32)>,
    /// No broker is connected.
    pub(crate) is_down: bool,
    /// More than half of the queue is taken.
    pub(crate) is_crowded: bool,
    /// Since when the oldest record that was sent has waited for its acknowledgement.
    pub(crate) waiting_since: Option<Instant>,
    /// Records that were acknowledged, and that were not and never will be.
    pub(crate) acknowledged: u64,
    pub(crate) failed: u64,
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(config: &KafkaConfig) -> Result<Self, KafkaError> {
        let inbox = Arc::new(Inbox::default());
        let client = Client::new(config, Arc::clone(&inbox))?;
        let lanes = Lanes::new(
            Duration::from_millis(config.commit_window_ms.into()),
            config.queue_events_max.get() as usize,
            config.queue_bytes_max.get() as usize,
        );
        let state = State {
            lanes,
            client: Some(Arc::new(client)),
            log: None,
            partitions: None,
            armed: false,
            silent_since: None,
            closing: None,
            acknowledged: 0,
            failed: 0,
        };
        Ok(Self { config: config.clone(), inbox, state: Mutex::new(state), over: Notify::new() })
    }

    /// Takes the events of one call, and sends what is due.
    pub(super) fn push(
        &self,
        events: Vec<Outgoing>,
    ) -> Result<oneshot::Receiver<Answer>, NotTaken> {
        let (done, answer) = oneshot::channel();
        let now = Instant::now();
        let bytes = events.iter().map(|event| event.record.len()).sum();
        let mut state = self.state();
        let (Some(partitions), None) = (state.partitions, state.closing) else {
            return Err(NotTaken { events, error: ProduceError::Unavailable });
        };
        if let Err(error) = state.lanes.room(events.len(), bytes) {
            return Err(NotTaken { events, error });
        }
        state.lanes.push(events, partitions, done, now);
        self.send(state, now);
        Ok(answer)
    }

    /// Takes a record of a spill, unless `log` is another one by now, and sends it behind what is there.
    pub(super) fn push_drained(
        &self,
        log: LogId,
        drained: Drained,
    ) -> Result<oneshot::Receiver<Answer>, ProduceError> {
        let (done, answer) = oneshot::channel();
        let now = Instant::now();
        let mut state = self.state();
        if state.topic().is_none_or(|topic| topic.0 != log) || state.closing.is_some() {
            return Err(ProduceError::Unavailable);
        }
        state.lanes.push_drained(Bundle::of_spill(drained, done, now));
        self.send(state, now);
        Ok(answer)
    }

    /// How the brokers are doing.
    pub(super) fn pulse(&self) -> Pulse {
        let state = self.state();
        Pulse {
            topic: state.topic(),
            is_down: self.inbox.is_down(),
            is_crowded: state.lanes.is_crowded(),
            waiting_since: state.lanes.oldest_sent(),
            acknowledged: state.acknowledged,
            failed: state.failed,
        }
    }

    /// Sends what is due of what was just put into the lanes.
    fn send(&self, mut state: MutexGuard<'_, State>, now: Instant) {
        let pumped = state.pump(&self.config.topic, now, Which::Touched);
        let wake = !state.armed && (pumped.held_back > 0 || state.lanes.next_due().is_some());
        state.armed |= wake;
        drop(state);
        if wake {
            self.inbox.wake.notify_one();
        }
        self.give_up(pumped);
    }

    /// Answers what came back, and sends what is due.
    pub(super) fn turn(&self) -> Next {
        let returned = self.inbox.take();
        let now = Instant::now();
        let mut state = self.state();
        for it in &returned {
            state.lanes.settle(&it.bundle);
        }
        if !returned.is_empty() {
            state.silent_since = (!state.lanes.is_empty()).then_some(now);
            let good = returned.iter().filter(|it| it.result.is_ok()).count() as u64;
            state.acknowledged += good;
            state.failed += returned.len() as u64 - good;
            if good > 0 {
                self.inbox.set_down(false);
            }
        }
        let mut abandoned = Pumped::default();
        if state.closing.is_some_and(|at| at <= now) {
            abandoned = state.lanes.give_up_waiting();
            state.client = None;
        }
        let pumped = state.pump(&self.config.topic, now, Which::All);
        let due = match (pumped.held_back, state.lanes.next_due(), state.closing) {
            (0, due, closing) => due.into_iter().chain(closing.filter(|at| *at > now)).min(),
            _ => Some(now + HELD_BACK_PAUSE),
        };
        state.armed = due.is_some();
        let over = state.closing.is_some() && state.lanes.is_empty();
        if over {
            state.client = None;
        }
        drop(state);
        for it in returned {
            answer(it);
        }
        self.give_up(abandoned);
        self.give_up(pumped);
        if over {
            self.over.notify_waiters();
            self.inbox.suspect.notify_one();
            return Next::Over;
        }
        due.map_or(Next::Wait, Next::WaitUntil)
    }

    /// Takes nothing more; what is there goes at once, and is given up at `deadline`.
    pub(super) fn close(&self, deadline: Instant) {
        let mut state = self.state();
        state.closing = Some(state.closing.map_or(deadline, |at| at.min(deadline)));
        state.lanes.hurry();
        drop(state);
        self.inbox.wake.notify_one();
    }

    /// Waits until everything is answered after [`Self::close`].
    pub(super) async fn closed(&self) {
        let over = self.over.notified();
        tokio::pin!(over);
        over.as_mut().enable();
        if !self.is_over() {
            over.await;
        }
    }

    pub(super) fn is_over(&self) -> bool {
        let state = self.state();
        state.closing.is_some() && state.lanes.is_empty()
    }

    pub(super) fn client(&self) -> Option<Arc<Client>> {
        self.state().client.clone()
    }

    pub(super) fn knows_the_topic(&self) -> bool {
        self.state().partitions.is_some()
    }

    /// Whether something has been on its way for so long without anything coming back.
    pub(super) fn is_silent(&self, patience: Duration) -> bool {
        self.state().silent_since.is_some_and(|since| since.elapsed() > patience)
    }

    /// Puts another client in the place of the one that is there, which gives up what it has.
    pub(super) fn replace_client(&self, client: Client) {
        let mut state = self.state();
        let before = match &mut state.client {
            Some(before) => Some(std::mem::replace(before, Arc::new(client))),
            None => None, // closed meanwhile
        };
        drop(state);
        drop(before);
        self.inbox.wake.notify_one();
    }

    /// What the broker says. Whether the topic is another one than before.
    pub(super) fn learn(&self, described: Described) -> bool {
        self.inbox.set_down(false);
        let mut state = self.state();
        let other = state.log.is_some_and(|log| log != described.id);
        if !other {
            state.log = Some(described.id);
            state.partitions = Some(described.partitions);
        }
        other
    }

    /// There is no topic, or another: nothing is taken until one is met.
    pub(super) fn forget_topic(&self, and_its_id: bool) {
        let mut state = self.state();
        state.partitions = None;
        if and_its_id {
            state.log = None;
        }
    }

    pub(super) fn measure(&self) {
        let (events, bytes) = self.state().lanes.held();
        metrics::queue(events, bytes);
    }

    fn give_up(&self, pumped: Pumped) {
        if !pumped.failed.is_empty() {
            self.state().failed += pumped.failed.len() as u64;
            self.inbox.suspect.notify_one();
        }
        for (bundle, cause) in pumped.failed {
            answer(Returned { bundle, result: Err(cause) });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

/// Which lanes to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    All,
    Touched,
}

impl State {
    fn topic(&self) -> Option<(LogId, u32)> {
        self.log.zip(self.partitions)
    }

    fn pump(&mut self, topic: &str, now: Instant, which: Which) -> Pumped {
        let client = self.client.as_deref();
        let mut is_sending = false;
        let mut send = |bundle: Box<Bundle>| {
            let Some(client) = client else {
                return Err((Refusal::Failed(Cause::Client), bundle));
            };
            client.send(topic, bundle)?;
            is_sending = true;
            Ok(())
        };
        let pumped = match which {
            Which::All => self.lanes.pump(now, &mut send),
            Which::Touched => self.lanes.pump_touched(now, &mut send),
        };
        if is_sending && self.silent_since.is_none() {
            self.silent_since = Some(now);
        }
        for _ in 0..pumped.held_back {
            metrics::backpressure();
        }
        pumped
    }
}

/// Tells whoever waits for a bundle what became of it.
fn answer(returned: Returned) {
    let Returned { bundle, result } = returned;
    match result {
        Ok(()) => {
            let took = bundle.sent().map_or(Duration::ZERO, |sent| sent.elapsed());
            metrics::acknowledged(bundle.events(), took);
        }
        Err(cause) => metrics::produce_failed(cause),
    }
    bundle.answer(result.map_err(|cause| match cause {
        Cause::Size => ProduceError::TooLarge,
        _ => ProduceError::Unavailable,
    }));
}

/// How soon to try again when librdkafka's queue was full.
const HELD_BACK_PAUSE: Duration = Duration::from_millis(10);
