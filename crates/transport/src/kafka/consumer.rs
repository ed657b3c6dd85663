//! The consuming end.
//!
//! librdkafka's callbacks only note what the group decides; [`KafkaConsumer`] acts on the notes, one after
//! the other, and does so in background work that a dropped `next` does not lose.

mod health;
mod lookup;
mod owned;
mod partition;
mod unowned;
mod work;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode as Code;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

pub use health::KafkaHealth;
pub(in crate::kafka) use owned::{Owned, Slot};

use super::committer::KafkaCommitter;
use super::error::{code_of, is_missing};
use super::reader::{Note, Reader};
use super::{KafkaConfig, KafkaError, metrics, settings};
use crate::{ConsumeError, Consumer, Delivery, LogId};
use partition::{Partition, Trouble};
use unowned::Unowned;
use work::{Work, wait_for};

/// Reads a topic as a member of the group.
///
/// Dropping it closes its client in the background. The group keeps the member's partitions for
/// `session_timeout_s`, for it may come back under its name; then it gives them to others.
#[derive(Debug)]
pub struct KafkaConsumer {
    owned: Arc<Owned>,
    settings: ClientConfig,
    stall_max: Duration,
    /// The log that is read; none while we are not in the group.
    log: Option<LogId>,
    /// Who we are in the group, once we were assigned something.
    member: Option<String>,
    /// The log that was read last.
    last_log: Option<LogId>,
    partitions: BTreeMap<u32, Partition>,
    /// The partition that was read last.
    turn: u32,
    ready: VecDeque<Result<Delivery, ConsumeError>>,
    notes: VecDeque<Note>,
    /// What the group decided, and waits for.
    rebalance: Option<Note>,
    /// Given back, but not yet to the group.
    released: Vec<Arc<Slot>>,
    work: Option<Work>,
    /// Nothing is begun before, after a failure.
    work_after: Option<Instant>,
    checked: Instant,
    /// The client is to be replaced when all partitions were released.
    is_leaving: bool,
    is_out_of_range: bool,
    unowned: Unowned,
    /// How often it was begun anew since all was well.
    resets: u32,
    /// When a sink of our name took our place, as often as it counts.
    fences: VecDeque<Instant>,
    /// Where to go on reading.
    skips: BTreeMap<u32, u64>,
    /// The partition and the offset of a record that only a later version can read.
    unknown_mark: Option<(u32, u64)>,
}

// === impl KafkaConsumer ===

impl KafkaConsumer {
    /// A consumer, which joins its group with the first [`next`](Consumer::next). No broker needs to be
    /// reachable. Whoever does not call `next` for `stall_max` is taken for dead: its partitions go to
    /// another.
    ///
    /// # Errors
    /// The configuration does not fit, or this is no tokio runtime.
    pub fn start(config: &KafkaConfig, stall_max: Duration) -> Result<Self, KafkaError> {
        Handle::try_current().map_err(|_| KafkaError::Runtime)?;
        metrics::describe();
        let settings = settings::consumer(config, stall_max)?;
        let wake = Arc::new(Notify::new());
        let reader = Arc::new(Reader::new(config, &settings, Arc::clone(&wake))?);
        metrics::client_made(metrics::Role::Consumer);
        Ok(Self {
            owned: Arc::new(Owned::new(config.clone(), reader, wake, stall_max)),
            settings,
            stall_max,
            log: None,
            member: None,
            last_log: None,
            partitions: BTreeMap::new(),
            turn: 0,
            ready: VecDeque::new(),
            notes: VecDeque::new(),
            rebalance: None,
            released: Vec::new(),
            work: None,
            work_after: None,
            checked: Instant::now(),
            is_leaving: false,
            is_out_of_range: false,
            unowned: Unowned::new(Duration::from_secs(config.session_timeout_s.get().into())),
            resets: 0,
            fences: VecDeque::new(),
            skips: BTreeMap::new(),
            unknown_mark: None,
        })
    }

    /// Tells whether the log can be read, beside and independent of reading.
    pub fn health(&self) -> KafkaHealth {
        KafkaHealth::new(Arc::clone(&self.owned))
    }

    /// Serves librdkafka's events, which also tells it that we are alive.
    fn serve(&mut self) {
        self.owned.polled();
        let Some(reader) = self.owned.reader() else {
            return;
        };
        while let Some(polled) = reader.poll() {
            match polled {
                Ok(_) => {
                    // Partitions have queues of their own. Going on would lose it.
                    tracing::error!("a record came out of turn, reading again from the cursor");
                    self.reset(false);
                }
                Err(_) if reader.client().fatal_error().is_some() => self.expelled(),
                Err(error) => self.meet(code_of(&error)),
            }
        }
        if self.owned.take_expelled() {
            self.expelled();
        }
        for note in reader.take_notes() {
            match note {
                Note::Revoke { lost: true, .. } => self.expelled(),
                _ if self.is_leaving => {}
                note => self.notes.push_back(note),
            }
        }
        if self.rebalance.is_none() {
            self.rebalance = self.notes.pop_front();
            if let Some(Note::Revoke { partitions, .. }) = self.rebalance.clone() {
                self.revoke(partitions, false);
            }
        }
    }

    fn meet(&mut self, code: Code) {
        match code {
            Code::PollExceeded => self.expelled(),
            code if is_missing(code) => self.owned.suspect(),
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::Authentication
            | Code::SSL => self.fail("read the topic", code),
            _ => {} // librdkafka tries again
        }
    }

    /// Tells the owner that partitions are to be given away.
    fn revoke(&mut self, partitions: impl IntoIterator<Item = u32>, lost: bool) {
        for number in partitions {
            let Some(partition) = self.partitions.get_mut(&number) else {
                continue;
            };
            if lost {
                partition.slot.over();
            }
            if !partition.is_revoked() {
                partition.revoke();
                metrics::given_up(number, lost);
                self.ready.push_back(Ok(Delivery::Revoked { partition: number, lost }));
            }
        }
    }

    /// The group does not know us any more. librdkafka would join again by itself, and go on where it
    /// stopped (see [`super::reader`]); another client knows nothing of the past.
    fn expelled(&mut self) {
        // A client says it up to three times; what one that is being left says is known.
        if !self.is_leaving {
            if self.has_lost_its_name() {
                self.owned.fence();
                return;
            }
            tracing::warn!("the partitions are not this sink's any more, joining again");
        }
        self.reset(true);
    }

    /// Whether another sink has taken our name. It may have been ourselves: librdkafka joins again after a silence,
    /// and a commit that was under way, or a join whose answer was lost with its broker, is refused in the name of
    /// the member before. Another sink does it again and again.
    fn has_lost_its_name(&mut self) -> bool {
        let fatal = self.owned.reader().and_then(|reader| reader.client().fatal_error());
        if fatal.is_none_or(|(code, _)| code != Code::FencedInstanceId) {
            return false;
        }
        let now = Instant::now();
        self.fences.retain(|fenced| now < *fenced + ANOTHER_OF_OUR_NAME);
        self.fences.push_back(now);
        self.fences.len() >= FENCES_OF_ANOTHER
    }

    /// Gives everything back, to begin anew with another client.
    fn reset(&mut self, lost: bool) {
        if lost {
            self.owned.end_all();
        }
        self.is_leaving = true;
        self.log = None;
        self.member = None;
        self.notes.clear();
        self.rebalance = None;
        self.work = None; // what it finds is of no use any more
        // At once the first time; clients that follow each other too closely would pile up.
        self.work_after = self
            .resets
            .checked_sub(1)
            .map(|again| Instant::now() + RESET_PAUSE.saturating_mul(1 << again.min(5)));
        self.resets = self.resets.saturating_add(1);
        self.is_out_of_range = false;
        self.skips.clear();
        let all: Vec<_> = self.partitions.keys().copied().collect();
        self.revoke(all, lost);
    }

    /// Whatever can be read of a partition that is not paused; each has its turn.
    fn read(&mut self) -> Option<Delivery> {
        let turn = self.turn;
        let mut met = None;
        for part in [(Excluded(turn), Unbounded), (Unbounded, Included(turn))] {
            for (number, partition) in self.partitions.range_mut(part) {
                if !partition.is_read() {
                    continue;
                }
                match partition.read() {
                    Ok(None) => {}
                    Ok(Some(delivery)) => {
                        self.turn = *number;
                        return Some(delivery);
                    }
                    Err(Trouble::Skip(to)) => {
                        self.skips.insert(*number, to);
                        self.owned.wake.notify_one();
                    }
                    // Going on would be a guess: it is said again and again.
                    Err(Trouble::Mark(offset)) => {
                        self.unknown_mark = Some((*number, offset));
                        self.owned.wake.notify_one();
                    }
                    Err(Trouble::OutOfRange) => {
                        self.is_out_of_range = true;
                        self.owned.suspect();
                    }
                    Err(Trouble::Code(code)) => met = Some(code),
                }
            }
        }
        if let Some(code) = met {
            self.meet(code);
        }
        None
    }

    fn fail(&mut self, doing: &'static str, code: Code) {
        self.fail_with(KafkaError::of(&self.owned.config, doing, code));
    }

    /// Errors come in swarms; one at a time is told.
    fn fail_with(&mut self, error: KafkaError) {
        if !self.ready.iter().any(Result::is_err) {
            self.ready.push_back(Err(ConsumeError::Io(io::Error::other(error))));
        }
    }

    /// Waits until there may be something to do.
    async fn wait(&mut self) {
        let mut until = Instant::now() + TICK.min(self.stall_max / 2);
        if let (Some(after), None) = (self.work_after, &self.work) {
            until = until.min(after);
        }
        let wake = Arc::clone(&self.owned.wake);
        let done = tokio::select! {
            done = wait_for(self.work.as_mut()) => Some(done),
            () = wake.notified() => None,
            () = tokio::time::sleep_until(until) => None,
        };
        if let Some(done) = done {
            self.work = None;
            self.finish(done);
        }
    }
}

impl Consumer for KafkaConsumer {
    type Committer = KafkaCommitter;

    fn committer(&self) -> KafkaCommitter {
        KafkaCommitter::new(Arc::clone(&self.owned))
    }

    async fn next(&mut self) -> Result<Delivery, ConsumeError> {
        loop {
            self.serve();
            if self.owned.is_fenced() {
                return Err(ConsumeError::Fenced);
            }
            if let Some((partition, offset)) = self.unknown_mark {
                return Err(ConsumeError::Mark { partition, offset });
            }
            self.begin_work();
            if let Some(ready) = self.ready.pop_front() {
                return ready;
            }
            if let Some(delivery) = self.read() {
                return Ok(delivery);
            }
            self.wait().await;
        }
    }

    fn pause(&mut self, partition: u32) {
        if let Some(partition) = self.partitions.get_mut(&partition) {
            partition.paused = true;
        }
    }

    fn resume(&mut self, partition: u32) {
        if let Some(partition) = self.partitions.get_mut(&partition) {
            partition.paused = false;
        }
    }

    fn release(&mut self, partition: u32) {
        if !self.partitions.get(&partition).is_some_and(Partition::is_revoked) {
            return;
        }
        self.partitions.remove(&partition);
        self.released.extend(self.owned.end(partition));
        metrics::partitions(self.partitions.len());
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.owned.end_all();
        self.owned.set_reader(None);
    }
}

/// Whoever takes our place so often within this time is another sink, and not what was left of ourselves.
const FENCES_OF_ANOTHER: usize = 4;
const ANOTHER_OF_OUR_NAME: Duration = Duration::from_mins(1);
/// The pause before the second new client in a row; it doubles up to 16 s.
const RESET_PAUSE: Duration = Duration::from_millis(500);
/// How often a consumer looks about that nothing wakes: it is alive, and librdkafka's log lines wait.
const TICK: Duration = Duration::from_secs(1);
