//! What the handles of a producer, its two tasks and its client share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::bundle::{Answer, Bundle};
use super::client::{Client, Inbox, Returned};
use super::lanes::{Lanes, Pumped, Refusal};
use crate::kafka::metrics::{self, Cause};
use crate::kafka::topic_id::Described;
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
        };
        Ok(Self { config: config.clone(), inbox, state: Mutex::new(state), over: Notify::new() })
    }

    /// Takes the events of one call, and sends what is due.
    pub(super) fn push(
        &self,
        events: Vec<Outgoing>,
    ) -> Result<oneshot::Receiver<Answer>, ProduceError> {
        let (done, answer) = oneshot::channel();
        let now = Instant::now();
        let mut state = self.state();
        let (Some(partitions), None) = (state.partitions, state.closing) else {
            return Err(ProduceError::Unavailable);
        };
        state.lanes.push(events, partitions, done, now)?;
        let pumped = state.pump(&self.config.topic, now, Which::Touched);
        let wake = !state.armed && (pumped.held_back > 0 || state.lanes.next_due().is_some());
        state.armed |= wake;
        drop(state);
        if wake {
            self.inbox.wake.notify_one();
        }
        self.give_up(pumped);
        Ok(answer)
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
            state.silent_since = (state.lanes.held().0 > 0).then_some(now);
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
        let over = state.closing.is_some() && state.lanes.held().0 == 0;
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
        state.closing.is_some() && state.lanes.held().0 == 0
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
