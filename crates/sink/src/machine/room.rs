//! What is due, whose turn it is, and what there is room for.

use super::action::{Action, Job};
use super::input::Moment;
use super::partition::{Partition, State};
use super::work::{Context, Flight};
use super::{Actions, Machine};
use crate::error::SinkError;

/// Batches of several partitions that are stored at the same time.
const AT_ONCE: usize = 4;

impl Machine {
    /// Breaks off what is too late.
    pub(super) fn give_up_overdue(&mut self, at: Moment, out: &mut Actions) {
        let mut idle = Vec::new();
        for (number, partition) in &mut self.partitions {
            let State::Revoked { until, is_broken_off: false } = partition.state else {
                continue;
            };
            if until > at.elapsed {
                continue;
            }
            match partition.work.as_ref().map(|work| work.flight) {
                Some(Flight::UnderWay(job)) => {
                    out.push(Action::BreakOff(job));
                    // Its end is waited for.
                    partition.state = State::Revoked { until, is_broken_off: true };
                }
                _ => idle.push(*number),
            }
        }
        for number in idle {
            self.release(number, out);
        }
    }

    /// Queues what is large or old enough, and all there is when the sink stops.
    pub(super) fn store_ready(&mut self, at: Moment) {
        let config = &self.config;
        let is_ready = |partition: &Partition| {
            partition.state == State::Ours
                && partition.work.is_none()
                && (partition.is_full(config)
                    || partition.due_at(config).is_some_and(|due| due <= at.elapsed)
                    || (self.is_stopping && !partition.is_incomplete()))
        };
        let ready = self.partitions.iter().filter(|(_, partition)| is_ready(partition));
        let ready: Vec<_> = ready.map(|(number, _)| *number).collect();
        for number in ready {
            self.store(number);
        }
        self.make_room();
    }

    /// When memory is used up and nothing is under way, the largest batch is stored before its time.
    fn make_room(&mut self) {
        if self.has_room() || self.is_at_work() {
            return;
        }
        let complete = self.partitions.iter().filter(|(_, partition)| !partition.is_incomplete());
        let largest = complete.max_by_key(|(_, partition)| partition.collected().bytes);
        if let Some(number) = largest.map(|(number, _)| *number) {
            self.store(number);
        }
    }

    /// Begins the tasks that are next.
    pub(super) fn go_on(&mut self, at: Moment, out: &mut Actions) -> Result<(), SinkError> {
        self.give_turns(at);
        let insert_deadline = self.config.insert_deadline();
        for (number, partition) in &mut self.partitions {
            let (guard, before) = (&mut partition.guard, &mut partition.before);
            let Some(work) = &mut partition.work else {
                continue;
            };
            if matches!(work.flight, Flight::Resting(until) if until <= at.elapsed) {
                let task = work.task(at, &mut Context { insert_deadline, guard, before, out })?;
                self.number += 1;
                let job = Job { partition: *number, number: self.number };
                work.flight = Flight::UnderWay(job);
                out.push(Action::Begin(job, task));
            }
        }
        Ok(())
    }

    /// Whoever waits longest gets a place that is free.
    fn give_turns(&mut self, at: Moment) {
        let works = self.partitions.values().filter_map(|partition| partition.work.as_ref());
        let taken = works.filter(|work| work.takes_place()).count();
        let mut queued: Vec<_> = self
            .partitions
            .values_mut()
            .filter_map(|partition| partition.work.as_mut())
            .filter_map(|work| match work.flight {
                Flight::Queued(turn) => Some((turn, work)),
                Flight::UnderWay(_) | Flight::Resting(_) => None,
            })
            .collect();
        queued.sort_by_key(|(turn, _)| *turn);
        for (_, work) in queued.into_iter().take(AT_ONCE.saturating_sub(taken)) {
            work.flight = Flight::Resting(at.elapsed);
        }
    }

    pub(super) fn has_room(&self) -> bool {
        let load = self.load();
        load.events < 2 * u64::from(self.config.batch_events.get())
            && load.bytes < 2 * self.config.batch_bytes.get()
    }

    /// A range in doubt has a size that another decided. When nothing else can make room, one of them
    /// may be read to its end without.
    pub(super) fn may_exceed(&self) -> Option<u32> {
        if self.is_at_work() {
            return None;
        }
        let mut owned = self.partitions.iter();
        let found = owned.find(|(_, it)| it.state == State::Ours && it.is_incomplete());
        found.map(|(number, _)| *number)
    }

    /// Holds back what there is no room for.
    pub(super) fn pause(&mut self, out: &mut Actions) {
        let has_room = self.has_room();
        let may_exceed = self.may_exceed();
        for (number, partition) in &mut self.partitions {
            let may_read = partition.state == State::Ours
                && (has_room || may_exceed == Some(*number))
                && (partition.work.is_none() || !partition.is_full(&self.config));
            if partition.is_paused == may_read {
                partition.is_paused = !may_read;
                let action = if may_read { Action::Resume } else { Action::Pause };
                out.push(action(*number));
            }
        }
    }
}
