//! The log into ClickHouse: read a range, decode, insert, commit. Effectively once.
//!
//! A partition has one owner, which goes through these steps for one batch after the other:
//!
//! 1. collect records up to a number of rows, of bytes, or an age;
//! 2. write the *intent* into the cursor's metadata: this range is about to be inserted;
//! 3. insert one block per purpose, what is quarantined, and the range's row of the ledger;
//! 4. commit the cursor past the range.
//!
//! Partitions do not wait for each other, and reading goes on while batches are stored, up to a bound.
//!
//! Whoever finds an intent, after a crash or a failed insert, does not believe in tokens: it reads back
//! which events of the range have rows and inserts only the missing ones. Rows are made from the grants
//! of an event alone; the sink never reads a policy.
//!
//! All of that is decided by the [`machine`], which does no I/O; [`Sink`] does what it asks for.
#![forbid(unsafe_code)]

mod config;
mod error;
mod jobs;
pub mod machine;
mod metrics;

use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use candor_event::Clock;
use candor_store::Store;
use candor_transport::{ConsumeError, Consumer};
use tokio::time::Instant;

pub use config::{Config, TooManyInserts};
pub use error::SinkError;

use jobs::Jobs;
use machine::{Action, Input, Machine, Moment};

/// The pause after a failed read of the log.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// Carries one log into one store: does what the [`Machine`] asks for, and tells it what came of it.
#[derive(Debug)]
pub struct Sink<C: Consumer> {
    consumer: C,
    machine: Machine,
    jobs: Jobs<C::Committer>,
    clock: Arc<dyn Clock>,
    began: Instant,
    chance: RandomState,
}

impl<C: Consumer> Sink<C> {
    /// A sink that has read nothing yet.
    pub fn new(consumer: C, store: Store, config: Config, clock: Arc<dyn Clock>) -> Self {
        let began = Instant::now();
        let jobs = Jobs::new(consumer.committer(), store, began);
        let (machine, chance) = (Machine::new(config), RandomState::new());
        Self { consumer, machine, jobs, clock, began, chance }
    }

    /// Runs until `stop` resolves or the log is closed, and everything that was read is stored. May be
    /// dropped at any moment: whatever is under way is settled by the next owner.
    ///
    /// # Errors
    /// [`SinkError`]: somebody must do something first; nothing is skipped.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) -> Result<(), SinkError> {
        let mut stop = pin!(stop);
        // While the log cannot be read, this is when it is tried again.
        let mut pause = None;
        let mut told = String::new();
        loop {
            let wake_at = self.wake_at();
            let input = tokio::select! {
                delivery = self.consumer.next(), if pause.is_none() => match delivery {
                    Ok(delivery) => {
                        told.clear();
                        Input::Delivered(delivery)
                    }
                    Err(ConsumeError::Closed) => break,
                    Err(error) if error.is_transient() => {
                        let reason = with_causes(&error);
                        if reason != told {
                            tracing::warn!(reason, "trying again to read the log");
                            told = reason;
                        }
                        pause = Some(Instant::now() + READ_PAUSE);
                        continue;
                    }
                    Err(error) => return Err(SinkError::Consume(error)),
                },
                (job, answer) = self.jobs.next() => Input::Answered(job, answer),
                () = sleep_until(pause) => {
                    pause = None;
                    continue;
                }
                () = sleep_until(wake_at) => Input::Tick,
                () = &mut stop => break,
            };
            self.take(input)?;
        }
        self.take(Input::Stop)?;
        while self.machine.is_at_work() {
            let wake_at = self.wake_at();
            let input = tokio::select! {
                (job, answer) = self.jobs.next() => Input::Answered(job, answer),
                () = sleep_until(wake_at) => Input::Tick,
            };
            self.take(input)?;
        }
        Ok(())
    }

    fn wake_at(&self) -> Option<Instant> {
        self.machine.wake_at().map(|elapsed| self.began + elapsed)
    }

    /// Tells the machine, and does what it asks for.
    fn take(&mut self, input: Input) -> Result<(), SinkError> {
        let mut actions = Vec::new();
        let elapsed = self.began.elapsed();
        let [low, high, ..] = self.chance.hash_one(elapsed).to_le_bytes();
        let jitter = u16::from_le_bytes([low, high]);
        let at = Moment { elapsed, now: self.clock.now(), jitter };
        self.machine.take(input, at, &mut actions)?;
        for action in actions {
            match action {
                Action::Begin(job, task) => self.jobs.begin(job, task),
                Action::BreakOff(job) => self.jobs.break_off(job),
                Action::Pause(partition) => self.consumer.pause(partition),
                Action::Resume(partition) => self.consumer.resume(partition),
                Action::Release(partition) => self.consumer.release(partition),
                Action::Report(report) => metrics::tell(&report),
            }
        }
        Ok(())
    }
}

/// An error and what it came from, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

async fn sleep_until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}
