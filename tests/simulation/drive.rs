//! What a driver does for the machine: it tells it what happened, and begins what it asks for.

use candor_sink::SinkError;
use candor_sink::machine::{Action, Answer, Input, Machine};
use candor_transport::Delivery;

use crate::faults::Planted;
use crate::process::BATCH_BYTES;
use crate::world::{Caller, Happening, Verdict, World};

impl World {
    // --- what a process hears ---

    /// Until when the process does nothing, or none when it is another by now.
    pub fn awake_at(&self, sink: usize, life: u64) -> Option<u64> {
        let process = self.processes.get(sink)?;
        (process.life == life && process.machine.is_some()).then_some(process.frozen_until)
    }

    pub fn poll(&mut self, sink: usize, life: u64) -> Verdict {
        let Some(awake) = self.awake_at(sink, life) else {
            return Ok(());
        };
        if awake <= self.now {
            self.join_again(sink, life);
            for _ in 0..self.random.between(1, 4) {
                let Some(delivery) = self.next_delivery(sink) else {
                    break;
                };
                self.tell(sink, Input::Delivered(delivery))?;
            }
        }
        let next = self.random.between(1, 300).max(awake.saturating_sub(self.now));
        self.after(next, Happening::Poll(sink, life));
        Ok(())
    }

    fn next_delivery(&mut self, sink: usize) -> Option<Delivery> {
        let process = self.processes.get_mut(sink)?;
        if let Some(news) = process.news.pop_front() {
            return Some(news);
        }
        let generation = self.log.id.as_bytes()[0];
        let is_greedy = self.planted == Some(Planted::PauseIgnored);
        let readable: Vec<_> = process
            .tenures
            .iter()
            .filter(|(_, tenure)| {
                tenure.generation == generation
                    && !tenure.is_revoked
                    && (is_greedy || !tenure.is_paused)
            })
            .map(|(number, tenure)| (*number, tenure.next))
            .filter(|(number, next)| {
                let partition = self.log.partitions.get(*number as usize);
                partition.is_some_and(|partition| partition.read(*number, *next).is_some())
            })
            .collect();
        let (number, next) = self.random.pick(&readable).copied()?;
        let (delivery, behind) = self.log.partitions.get(number as usize)?.read(number, next)?;
        process.tenures.get_mut(&number)?.next = behind;
        if self.planted == Some(Planted::DamageNotTold)
            && matches!(delivery, Delivery::Damaged { .. })
        {
            return None;
        }
        Some(delivery)
    }

    pub fn wake(&mut self, sink: usize, life: u64) -> Verdict {
        let Some(awake) = self.awake_at(sink, life) else {
            return Ok(());
        };
        if let Some(process) = self.processes.get_mut(sink) {
            process.wakes_at = None;
        }
        if awake > self.now {
            self.after(awake - self.now, Happening::Wake(sink, life));
            return Ok(());
        }
        self.tell(sink, Input::Tick)
    }

    pub fn hear(&mut self, sink: usize, life: u64, input: Input) -> Verdict {
        let Some(awake) = self.awake_at(sink, life) else {
            return Ok(());
        };
        if awake > self.now {
            let late = awake - self.now + self.random.below(10);
            self.after(late, Happening::Hear(sink, life, Box::new(input)));
            return Ok(());
        }
        self.tell(sink, input)
    }

    /// One step of a machine. The process may die or be stopped before, in or after doing what it asks for.
    fn tell(&mut self, sink: usize, input: Input) -> Verdict {
        if self.random.chance(self.faults.clock)
            && let Some(process) = self.processes.get_mut(sink)
        {
            process.clock = self.random.jump();
        }
        let now = self.now;
        let jitter = u16::try_from(self.random.below(1 << 16)).unwrap_or(0);
        let Some(process) = self.processes.get_mut(sink) else {
            return Ok(());
        };
        let mut moment = process.moment(now, jitter);
        if self.planted == Some(Planted::DeadlinesByWallClock) {
            moment.elapsed = process.elapsed_by_wall_clock(now);
        }
        self.digest = self.digest.wrapping_mul(31).wrapping_add(now);
        let input_text = self.is_traced().then(|| format!("{input:?}"));
        let Some(machine) = self.processes.get_mut(sink).and_then(|it| it.machine.as_mut()) else {
            return Ok(());
        };
        let mut actions = Vec::new();
        let taken = machine.take(input, moment, &mut actions);
        let load = machine.load();
        if let Some(text) = input_text {
            self.note(|| format!("{sink} hears {text:.300}"));
        }
        if let Err(error) = taken {
            return self.stopped(sink, &error);
        }
        if load.bytes > MEMORY_MAX {
            return Err(format!("sink {sink} holds {load:?}"));
        }
        let dies = self.random.chance(self.faults.crash);
        let done_until = if dies { self.random.below(actions.len() as u64 + 1) } else { u64::MAX };
        for (done, action) in (0..).zip(actions) {
            if done == done_until {
                break;
            }
            self.perform(sink, action);
        }
        if dies {
            self.die(sink);
        } else if self.random.chance(self.faults.freeze) {
            self.freeze(sink);
        }
        self.set_alarm(sink);
        Ok(())
    }

    fn set_alarm(&mut self, sink: usize) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(sink) else {
            return;
        };
        let Some(elapsed) = process.machine.as_ref().and_then(Machine::wake_at) else {
            return;
        };
        let at = process.when(elapsed).max(now);
        if process.wakes_at.is_some_and(|set| set <= at) {
            return;
        }
        process.wakes_at = Some(at);
        let life = process.life;
        self.after(at - now, Happening::Wake(sink, life));
    }

    /// A sink gave up. For some reasons it should.
    fn stopped(&mut self, sink: usize, error: &SinkError) -> Verdict {
        self.note(|| format!("sink {sink} stops: {error}"));
        match error {
            SinkError::LogCutOff { .. } if self.was_cut_off => {
                self.die(sink);
                // Somebody may have seen to it already.
                if self.log.partitions.iter().any(|it| it.lost_from.is_some()) {
                    self.recreate();
                }
                Ok(())
            }
            SinkError::CursorSetBack { partition, end, .. } if self.group.was_set_back => {
                self.die(sink);
                // Somebody does what the error says, unless it was done already.
                if self.is_set_back(*partition) {
                    self.expel(*partition);
                    self.group.set_cursor(*partition, *end);
                    self.settle();
                }
                Ok(())
            }
            SinkError::Store(_) if self.was_refused => {
                self.die(sink);
                Ok(())
            }
            _ => Err(format!("sink {sink} stops: {error}")),
        }
    }

    fn is_set_back(&self, partition: u32) -> bool {
        self.group.slots.get(partition as usize).is_some_and(|slot| slot.set_back_from.is_some())
    }

    fn perform(&mut self, sink: usize, action: Action) {
        self.note_action(sink, &action);
        let soon = self.random.below(3);
        let Some(process) = self.processes.get_mut(sink) else {
            return;
        };
        let life = process.life;
        match action {
            Action::Begin(job, task) => {
                self.after(soon, Happening::Send(Caller { sink, life, job }, task));
            }
            Action::BreakOff(job) => {
                process.broken_off.insert(job);
                self.answer_after(soon, Caller { sink, life, job }, Answer::BrokenOff);
            }
            Action::Pause(number) | Action::Resume(number) => {
                if let Some(tenure) = process.tenures.get_mut(&number) {
                    tenure.is_paused = matches!(action, Action::Pause(_));
                }
            }
            Action::Release(number) => {
                let tenure = process.tenures.remove(&number);
                let slot = self.group.slots.get_mut(number as usize);
                if let (Some(tenure), Some(slot)) = (tenure, slot)
                    && slot.epoch == tenure.epoch
                {
                    slot.is_released = true;
                }
                self.settle();
            }
            Action::Report(_) => {}
        }
    }
}

/// Two batches, the record that fills the second, and a range that is settled whatever its size.
const MEMORY_MAX: u64 = 3 * BATCH_BYTES + 400;
