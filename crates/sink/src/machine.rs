//! Everything that decides, as a machine without I/O, clock or chance: inputs in, actions out.
//!
//! Whoever drives it tells what happened and when, and does what it asks for, in order. The same inputs
//! give the same actions, so that a simulation can put it through every misfortune there is and play any
//! of them again.

mod action;
mod backoff;
mod before;
mod guard;
#[cfg(test)]
mod hostile;
mod input;
mod intent;
mod marks;
mod open;
mod part;
mod partition;
mod room;
mod sift;
mod storing;
mod target;
mod window;
mod work;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use candor_transport::{Damage, Delivery, SpillMark};

pub use action::{Action, Insert, Job, Report, Task};
pub use input::{Answer, Input, Moment};
pub use intent::under_way;
pub use partition::Load;
pub use target::Target;

use crate::config::Config;
use crate::error::SinkError;
use partition::{Partition, State, Taken};
use work::{Context, Flight, Turn, Work};

/// How long a store that is under way may go on when its partition is to be given away. It ends well
/// before the broker takes the partition from us, and what is broken off is settled by the next owner.
const GRACE: Duration = Duration::from_secs(5);

/// What a sink knows and decides.
#[derive(Debug)]
pub struct Machine {
    partitions: BTreeMap<u32, Partition>,
    config: Config,
    /// The number of the next job, or turn.
    number: u64,
    is_stopping: bool,
    /// How many partitions were told to be stalled.
    stalled: usize,
}

type Actions = Vec<Action>;

impl Machine {
    /// A machine that owns nothing yet.
    pub const fn new(config: Config) -> Self {
        Self { partitions: BTreeMap::new(), config, number: 0, is_stopping: false, stalled: 0 }
    }

    /// Takes in what happened. `out` gets what is to be done about it.
    ///
    /// # Errors
    /// [`SinkError`]: the sink must stop; nothing in `out` is to be done.
    pub fn take(&mut self, input: Input, at: Moment, out: &mut Actions) -> Result<(), SinkError> {
        match input {
            Input::Delivered(delivery) => self.deliver(delivery, at, out)?,
            Input::Answered(job, answer) => self.answer(job, answer, at, out)?,
            Input::Tick => {}
            Input::Stop => self.is_stopping = true,
        }
        self.give_up_overdue(at, out);
        self.store_ready(at);
        self.go_on(at, out)?;
        self.pause(out);
        self.report_stalled(at, out);
        Ok(())
    }

    /// When [`Input::Tick`] is due although nothing happens, as [`Moment::elapsed`].
    pub fn wake_at(&self) -> Option<Duration> {
        self.partitions.values().filter_map(|partition| partition.wake_at(&self.config)).min()
    }

    /// Whether anything is being stored, or begun. After [`Input::Stop`] it is done when this is not so.
    pub fn is_at_work(&self) -> bool {
        self.partitions.values().any(|partition| partition.work.is_some())
    }

    /// What it holds in memory.
    pub fn load(&self) -> Load {
        self.partitions.values().map(Partition::load).sum()
    }

    // --- what the log delivers ---

    fn deliver(
        &mut self,
        delivery: Delivery,
        at: Moment,
        out: &mut Actions,
    ) -> Result<(), SinkError> {
        match delivery {
            Delivery::Assigned {
                partition,
                log,
                committed,
                low,
                high,
                previous_owner_may_live,
            } => {
                let taken = Taken { log, committed, low, high, previous_owner_may_live };
                self.assign(partition, &taken, out)
            }
            Delivery::Revoked { partition, lost } => {
                self.revoke(partition, lost, at, out);
                Ok(())
            }
            Delivery::Damaged { partition, first, last, damage } => {
                self.damaged(partition, (first, last), damage, at, out)
            }
            Delivery::Record { partition, offset, record, spill } => {
                self.push(partition, offset, (&record, spill), at, out)
            }
        }
    }

    fn assign(&mut self, number: u32, taken: &Taken, out: &mut Actions) -> Result<(), SinkError> {
        if self.partitions.contains_key(&number) {
            return Err(SinkError::Defect("a partition was assigned twice"));
        }
        self.partitions.insert(number, Partition::assigned(number, taken, out)?);
        out.push(Action::Report(Report::Partitions(self.partitions.len())));
        Ok(())
    }

    fn revoke(&mut self, number: u32, lost: bool, at: Moment, out: &mut Actions) {
        let Some(partition) = self.partitions.get_mut(&number) else {
            return out.push(Action::Release(number));
        };
        partition.forget();
        // What is lost is overdue at once.
        let until = if lost { at.elapsed } else { at.elapsed + GRACE };
        if partition.work.is_some() {
            partition.state = State::Revoked { until, is_broken_off: false };
        } else {
            self.release(number, out);
        }
    }

    fn push(
        &mut self,
        number: u32,
        offset: u64,
        record: (&Bytes, Option<SpillMark>),
        at: Moment,
        out: &mut Actions,
    ) -> Result<(), SinkError> {
        let may_grow = self.has_room() || self.may_exceed() == Some(number);
        let partition = self.ours(number)?;
        if partition.state != State::Ours {
            return Ok(()); // somebody else reads it
        }
        if !may_grow {
            return Err(SinkError::Defect("a record was delivered that there is no room for"));
        }
        if partition.must_settle_before(offset) {
            self.store(number);
        }
        self.ours(number)?.push(offset, record, at, out)
    }

    fn damaged(
        &mut self,
        number: u32,
        (first, last): (u64, u64),
        damage: Damage,
        at: Moment,
        out: &mut Actions,
    ) -> Result<(), SinkError> {
        let partition = self.ours(number)?;
        if partition.state != State::Ours {
            return Ok(());
        }
        let mut first = first;
        // An intent covers exactly its range, also of what was lost.
        if let Some(end) = partition.doubt_end()
            && last > end
        {
            if first <= end {
                partition.damaged((first, end), damage, at, out);
                first = end + 1;
            }
            self.store(number);
        }
        self.ours(number)?.damaged((first, last), damage, at, out);
        Ok(())
    }

    fn ours(&mut self, number: u32) -> Result<&mut Partition, SinkError> {
        self.partitions.get_mut(&number).ok_or(SinkError::NotAssigned)
    }

    fn report_stalled(&mut self, at: Moment, out: &mut Actions) {
        let works = self.partitions.values().filter_map(|partition| partition.work.as_ref());
        let stalled = works.filter(|work| work.is_stalled(at)).count();
        if stalled != self.stalled {
            self.stalled = stalled;
            out.push(Action::Report(Report::Stalled(stalled)));
        }
    }

    // --- work ---

    fn answer(
        &mut self,
        job: Job,
        answer: Answer,
        at: Moment,
        out: &mut Actions,
    ) -> Result<(), SinkError> {
        let insert_deadline = self.config.insert_deadline();
        let Some(partition) = self.partitions.get_mut(&job.partition) else {
            return Ok(());
        };
        let Some(work) = partition.work.as_mut() else {
            return Ok(());
        };
        if work.flight != Flight::UnderWay(job) {
            return Ok(());
        }
        let is_broken_off = matches!(partition.state, State::Revoked { is_broken_off: true, .. });
        let turn = if is_broken_off {
            Turn::Done
        } else {
            let (guard, before) = (&mut partition.guard, &mut partition.before);
            work.answered(answer, at, &mut Context { insert_deadline, guard, before, out })?
        };
        match turn {
            Turn::Go => work.flight = Flight::Resting(at.elapsed),
            Turn::Rest(until) => work.flight = Flight::Resting(until),
            Turn::Done => partition.work = None,
            Turn::Fenced => {
                out.push(Action::Report(Report::Fenced(job.partition)));
                partition.work = None;
                partition.forget();
                if partition.state == State::Ours {
                    partition.state = State::Fenced;
                }
            }
        }
        if partition.work.is_none() && matches!(partition.state, State::Revoked { .. }) {
            self.release(job.partition, out);
        }
        Ok(())
    }

    fn release(&mut self, number: u32, out: &mut Actions) {
        self.partitions.remove(&number);
        out.push(Action::Report(Report::Partitions(self.partitions.len())));
        out.push(Action::Release(number));
    }

    /// Queues what is collected of a partition to be stored.
    fn store(&mut self, number: u32) {
        let room = window::room_of(self.partitions.len());
        if let Some(partition) = self.partitions.get_mut(&number)
            && let Some((closed, doubt, load)) = partition.close()
        {
            self.number += 1;
            let before = (&mut partition.before, room);
            partition.work = Some(Work::store(closed, doubt, before, load, self.number));
        }
    }
}

#[cfg(test)]
mod tests;
