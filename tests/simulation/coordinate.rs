//! How partitions change hands, and how processes live and die.

use candor_transport::{Cursor, Delivery};

use crate::faults::Planted;
use crate::group::Slot;
use crate::process::Tenure;
use crate::world::{Happening, SESSION_MS, World};

/// Who was told to let go and does not is thrown out after so long.
const LEAVE_MS: u64 = 60_000;

impl World {
    /// Gives partitions without an owner to members.
    pub fn settle(&mut self) {
        for number in (0..).take(self.group.slots.len()) {
            let is_released = |slot: &Slot| slot.is_released && slot.commits == 0;
            if self.group.slots.get(number as usize).is_some_and(is_released) {
                self.group.vacate(number);
            }
            self.assign(number);
        }
    }

    fn assign(&mut self, number: u32) {
        if self.group.slots.get(number as usize).is_none_or(|slot| slot.owner.is_some()) {
            return;
        }
        let has_let_go = |(sink, life): &(usize, u64)| {
            self.processes.get(*sink).is_some_and(|process| {
                process.life == *life && !process.tenures.contains_key(&number)
            })
        };
        let members: Vec<_> = self.group.members.keys().copied().filter(has_let_go).collect();
        let Some(member) = self.random.pick(&members).copied() else {
            return;
        };
        let generation = self.log.id.as_bytes()[0];
        let (Some(slot), Some(partition), Some(process)) = (
            self.group.slots.get_mut(number as usize),
            self.log.partitions.get(number as usize),
            self.processes.get_mut(member.0),
        ) else {
            return;
        };
        slot.epoch += 1;
        slot.owner = Some(member);
        slot.commits = 0;
        let mut committed = slot.cursor.clone();
        if let Some(planted) = self.planted {
            committed = committed.map(|cursor| misread(cursor, planted));
        }
        let next = committed.as_ref().map_or(partition.low, |cursor| cursor.offset);
        let (epoch, is_paused, is_revoked) = (slot.epoch, false, false);
        let tenure = Tenure { epoch, generation, next, is_paused, is_revoked };
        process.tenures.insert(number, tenure);
        let assigned = Delivery::Assigned {
            partition: number,
            log: self.log.id,
            committed,
            low: partition.low,
            high: partition.high,
            previous_owner_may_live: !self.faults.is_journal
                && self.planted != Some(Planted::NotWaited),
        };
        self.cut_off.retain(|cut| *cut != number);
        self.note(|| format!("to {member:?}: {assigned:?}"));
        self.deliver(member.0, assigned);
    }

    /// The group moves a partition.
    pub fn rebalance(&mut self) {
        if self.faults.rebalance_every == 0 {
            return;
        }
        let number = u32::try_from(self.random.below(self.faults.partitions)).unwrap_or(0);
        if self.random.chance(self.faults.expelled) {
            self.expel(number);
        } else {
            self.revoke(number);
        }
        self.settle();
        let next = self.random.between(1, 2 * self.faults.rebalance_every);
        self.after(next, Happening::Rebalance);
    }

    fn revoke(&mut self, number: u32) {
        let Some(slot) = self.group.slots.get_mut(number as usize) else {
            return;
        };
        let (Some((sink, life)), None) = (slot.owner, slot.leaves_by) else {
            return;
        };
        let Some(process) = self.processes.get_mut(sink).filter(|it| it.life == life) else {
            return;
        };
        let Some(tenure) = process.tenures.get_mut(&number) else {
            return;
        };
        tenure.is_revoked = true;
        slot.leaves_by = Some(self.now + LEAVE_MS);
        let epoch = slot.epoch;
        self.note(|| format!("{number} is to be given away by {sink}"));
        self.deliver(sink, Delivery::Revoked { partition: number, lost: false });
        self.after(LEAVE_MS, Happening::Leave(number, epoch));
    }

    /// The owner is none any more, and hears of it later.
    pub fn expel(&mut self, number: u32) {
        let Some(slot) = self.group.slots.get(number as usize) else {
            return;
        };
        let (owner, epoch) = (slot.owner, slot.epoch);
        self.group.vacate(number);
        if let Some((sink, life)) = owner {
            self.note(|| format!("{number} is taken from {sink}"));
            let delay = self.random.delay(5_000, 60_000);
            self.after(delay, Happening::Notify(sink, life, number, epoch));
        }
    }

    /// Somebody sets the cursor of a partition back, of which nothing is under way.
    pub fn set_back(&mut self, number: u32) {
        let low = self.log.partitions.get(number as usize).map_or(0, |partition| partition.low);
        let cursor = self.group.slots.get(number as usize).and_then(|slot| slot.cursor.as_ref());
        let Some(offset) = cursor.filter(|it| it.metadata.is_empty()).map(|it| it.offset) else {
            return;
        };
        // A journal's cursor is in nobody's reach, and one misfortune of an end at a time is enough.
        let is_whole = self.log.partitions.iter().all(|it| it.lost_from.is_none());
        if self.faults.is_journal || offset <= low || !is_whole {
            return;
        }
        let to = self.random.between(low, offset - 1);
        self.note(|| format!("the cursor of {number} is set back from {offset} to {to}"));
        self.expel(number);
        self.group.set_cursor(number, to);
        self.settle();
    }

    pub fn leave(&mut self, number: u32, epoch: u64) {
        if self.group.slots.get(number as usize).is_some_and(|slot| slot.epoch == epoch) {
            self.expel(number);
            self.settle();
        }
    }

    /// A process learns that a partition is not its own any more. It is told once.
    pub fn notify(&mut self, sink: usize, life: u64, number: u32, epoch: u64) {
        let Some(process) = self.processes.get_mut(sink).filter(|it| it.life == life) else {
            return;
        };
        if let Some(tenure) = process.tenures.get_mut(&number)
            && tenure.epoch == epoch
            && !tenure.is_revoked
        {
            tenure.is_revoked = true;
            self.deliver(sink, Delivery::Revoked { partition: number, lost: true });
        }
    }

    /// The group has not heard of a member for as long as it waits.
    pub fn expire(&mut self, member: (usize, u64)) {
        let (sink, life) = member;
        let heard = self.processes.get(sink).is_some_and(|process| {
            process.life == life && process.machine.is_some() && process.frozen_until <= self.now
        });
        if heard {
            return;
        }
        self.note(|| format!("the group gives {member:?} up"));
        for number in self.group.owned_by(member) {
            self.expel(number);
        }
        self.group.members.remove(&member);
        self.settle();
    }

    /// Whoever was given up and has let everything go joins the group as anybody.
    pub fn join_again(&mut self, sink: usize, life: u64) {
        let member = (sink, life);
        let is_free = self.processes.get(sink).is_some_and(|process| process.tenures.is_empty());
        if is_free && !self.group.members.contains_key(&member) {
            self.group.members.insert(member, None);
            self.settle();
        }
    }

    /// A process is there again, under its old name or a new one.
    pub fn restart(&mut self, sink: usize) {
        if self.faults.is_journal {
            self.house.is_up = true;
        }
        let now = self.now;
        let Some(process) = self.processes.get_mut(sink) else {
            return;
        };
        if process.machine.is_some() {
            return;
        }
        process.start(now);
        let life = process.life;
        self.note(|| format!("sink {sink} starts, life {life}"));
        self.group.members.insert((sink, life), None);
        self.settle();
        self.after(1, Happening::Poll(sink, life));
    }

    /// A process dies. What it has sent is on its way all the same.
    pub fn die(&mut self, sink: usize) {
        let Some(process) = self.processes.get_mut(sink) else {
            return;
        };
        let member = (sink, process.life);
        process.machine = None;
        process.tenures.clear();
        process.news.clear();
        self.note(|| format!("sink {sink} dies"));
        if self.faults.is_journal {
            // Engine and journal belong to it; whoever comes next finds both at rest.
            self.kill_house();
            self.group.members.remove(&member);
            self.group.vacate(0);
        } else {
            self.after(SESSION_MS, Happening::Expire(member));
        }
        let away = self.random.delay(3_000, 60_000);
        self.after(away, Happening::Restart(sink));
    }

    /// A process is stopped, and its clocks with it, maybe.
    pub fn freeze(&mut self, sink: usize) -> u64 {
        let lasts = self.random.between(1, self.faults.frozen_for);
        let is_suspended = self.random.chance(self.faults.suspended);
        let now = self.now;
        if let Some(process) = self.processes.get_mut(sink) {
            process.frozen_until = now + lasts;
            if is_suspended {
                process.stood_still += lasts;
            }
            let member = (sink, process.life);
            self.note(|| format!("sink {sink} stands still for {lasts}"));
            if lasts > SESSION_MS && !self.faults.is_journal {
                self.after(SESSION_MS, Happening::Expire(member));
            }
        }
        now + lasts
    }
}

/// What whoever takes over makes of a cursor.
fn misread(cursor: Cursor, planted: Planted) -> Cursor {
    let note = serde_json::from_str(&cursor.metadata);
    let Ok(serde_json::Value::Object(mut intent)) = note else {
        return cursor;
    };
    let Some(end) = intent.get("end").and_then(serde_json::Value::as_u64) else {
        return cursor;
    };
    match planted {
        Planted::IntentShortened => {
            let shorter = end.saturating_sub(1).max(cursor.offset);
            intent.insert("end".to_owned(), shorter.into());
        }
        Planted::SkipForgotten => {
            intent.remove("skip");
        }
        Planted::TimeNotShared => {
            // As the first version of the note had it.
            for field in ["stored_at", "skip", "sift", "ids_from"] {
                intent.remove(field);
            }
            intent.insert("v".to_owned(), 1.into());
        }
        Planted::WindowNotShared => {
            intent.insert("ids_from".to_owned(), cursor.offset.into());
        }
        _ => return cursor,
    }
    Cursor { metadata: serde_json::Value::Object(intent).to_string(), ..cursor }
}
