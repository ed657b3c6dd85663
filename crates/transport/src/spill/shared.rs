//! What the handles of a producer and its two tasks share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use candor_event::{Clock, Timestamp};
use tokio::sync::watch;

use super::switch::{Drained, Proof, Reason, State, Switch};
use super::{SpillConfig, SpillHealth, frame, metrics};
use crate::journal::JournalProducer;
use crate::kafka::{KafkaProducer, RECORD_BYTES_MAX};
use crate::{LogId, Outgoing, ProduceError, Producer};

/// A producer.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) kafka: KafkaProducer,
    pub(super) config: SpillConfig,
    journal: JournalProducer,
    clock: Arc<dyn Clock>,
    /// Whether events go to Kafka: what the switch says, for whoever must not wait for it.
    live: watch::Sender<bool>,
    /// Nothing goes to Kafka any more.
    retreated: AtomicBool,
    state: Mutex<Parts>,
    gate: watch::Sender<Gate>,
}

/// Whether the spill may be drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Closed,
    Open,
    /// It is to end.
    Over,
}

#[derive(Debug)]
struct Parts {
    switch: Switch,
    /// When the last question was asked that a broker answered.
    asked_at: Option<Instant>,
    progress: Progress,
    /// When the spill last refused events: its disk fails, is full or slow.
    failed_at: Option<Instant>,
}

/// How far the spill was drained.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// The first number that was not given away.
    pub(super) next: u64,
    /// When the last record was acknowledged.
    pub(super) drained_at: Option<Instant>,
    /// When its oldest event was spilled.
    pub(super) oldest: Option<Timestamp>,
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(
        kafka: KafkaProducer,
        journal: JournalProducer,
        config: &SpillConfig,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let parts = Parts {
            switch: Switch::new(config.after(), Instant::now()),
            asked_at: None,
            progress: Progress::default(),
            failed_at: None,
        };
        Self {
            kafka,
            config: config.clone(),
            journal,
            clock,
            live: watch::Sender::new(false),
            retreated: AtomicBool::new(false),
            state: Mutex::new(parts),
            gate: watch::Sender::new(Gate::Closed),
        }
    }

    pub(super) fn id(&self) -> LogId {
        self.journal.log_id()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn is_live(&self) -> bool {
        *self.live.borrow()
    }

    /// Resolves when events go to Kafka.
    pub(super) async fn becomes_live(&self) {
        let mut live = self.live.subscribe();
        // An error means that the sender is gone, which is ourselves.
        live.wait_for(|live| *live).await.ok();
    }

    pub(super) fn gate(&self) -> watch::Receiver<Gate> {
        self.gate.subscribe()
    }

    /// Puts events into the spill.
    pub(super) async fn spill(&self, mut events: Vec<Outgoing>) -> Result<(), ProduceError> {
        if events.iter().any(|event| event.record.len() > RECORD_BYTES_MAX) {
            return Err(ProduceError::TooLarge);
        }
        events.retain(|event| !event.record.is_empty()); // batches of no events
        let (now, count) = (self.clock.now(), events.len());
        let frames = events.into_iter().map(|event| frame::seal(event, now)).collect();
        let spilled = self.journal.produce(frames).await;
        match spilled {
            Ok(()) => metrics::spilled(count),
            Err(error) => {
                metrics::refused(error);
                self.state().failed_at = Some(Instant::now());
            }
        }
        spilled
    }

    /// Kafka's producer did not take events.
    pub(super) fn refused(&self, error: ProduceError) {
        let mut state = self.state();
        if state.switch.refused(Instant::now()) {
            let full = error == ProduceError::Full;
            self.leave(if full { Reason::Queue } else { Reason::Topic });
        }
    }

    /// Looks at how the brokers are doing, and decides.
    pub(super) fn look(&self) {
        let (now, pulse) = (Instant::now(), self.kafka.pulse());
        let mut state = self.state();
        let proof = self.proof(&state);
        let was_live = state.switch.state() == State::Live;
        if let Some(reason) = state.switch.observe(now, &pulse, proof) {
            self.leave(reason);
        }
        if !was_live && state.switch.state() == State::Live {
            let retreated = self.retreated.load(Ordering::Acquire);
            self.live.send_replace(!retreated);
            tracing::info!("events go to Kafka");
        }
        let gate = if state.switch.may_drain(proof) { Gate::Open } else { Gate::Closed };
        drop(state);
        self.gate.send_if_modified(|now| {
            let changes = *now != gate && *now != Gate::Over;
            if changes {
                *now = gate;
            }
            changes
        });
    }

    fn leave(&self, reason: Reason) {
        self.live.send_replace(false);
        metrics::switched(reason);
        tracing::warn!(reason = reason.label(), "Kafka is away or slow: events go to the spill");
    }

    /// A broker answered what it was asked at this moment.
    pub(super) fn answered(&self, asked_at: Instant) {
        self.state().asked_at = Some(asked_at);
    }

    /// How far the spill was drained.
    pub(super) fn progress(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.state().progress);
    }

    pub(super) fn health(&self) -> SpillHealth {
        if self.is_live() {
            return SpillHealth::Live;
        }
        let failed_at = self.state().failed_at;
        let failed = failed_at.is_some_and(|at| at.elapsed() < FAILED_FOR);
        let room = self.config.bytes.saturating_sub(self.journal.bytes());
        if failed || room < RECORD_BYTES_MAX as u64 {
            SpillHealth::Refusing
        } else {
            SpillHealth::Spilling
        }
    }

    /// How many numbers of the spill were not given away yet.
    pub(super) fn left(&self) -> u64 {
        let next = self.state().progress.next;
        self.journal.end().saturating_sub(next)
    }

    pub(super) fn measure(&self) {
        let (progress, now) = (self.state().progress, self.clock.now());
        let age = progress.oldest.map_or(0, |oldest| now.unix().saturating_sub(oldest.unix()));
        metrics::level(metrics::Level {
            active: !self.is_live(),
            bytes: self.journal.bytes(),
            records: self.left(),
            oldest_seconds: u64::try_from(age).unwrap_or(0),
        });
    }

    /// Nothing goes to Kafka any more.
    pub(super) fn retreat(&self) {
        self.retreated.store(true, Ordering::Release);
        self.live.send_replace(false);
    }

    /// The spill is not drained any more.
    pub(super) fn stop(&self) {
        self.gate.send_replace(Gate::Over);
    }

    fn proof(&self, state: &Parts) -> Proof {
        let Progress { next, drained_at, .. } = state.progress;
        let is_empty = next >= self.journal.end();
        Proof {
            asked_at: state.asked_at,
            drained: if is_empty { Drained::Empty } else { Drained::At(drained_at) },
        }
    }

    fn state(&self) -> MutexGuard<'_, Parts> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A spill that refused is taken to do so for so long.
const FAILED_FOR: Duration = Duration::from_secs(5);
