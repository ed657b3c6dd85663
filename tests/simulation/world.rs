//! Everything around the sinks, one thing after the other: what happens next happens in the order of its
//! time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use candor_sink::machine::{Answer, Input, Job, Target, Task};
use candor_store::{Batch, Cause, Since, StoreError};
use candor_transport::{Cursor, Delivery};

use crate::faults::{Faults, Planted};
use crate::group::{Group, Member, Slot};
use crate::house::{House, Statement, Violation};
use crate::log::Log;
use crate::process::Process;
use crate::random::Random;

pub type Verdict = Result<(), Violation>;

/// The group takes a member for dead that it has not heard of for so long.
pub const SESSION_MS: u64 = 20_000;
/// All must be stored so long after the last fault.
const CATCH_UP_MS: u64 = 3_600_000;
/// More is no schedule but a loop.
const STEPS_MAX: u64 = 1_000_000;

pub struct World {
    pub now: u64,
    pub random: Random,
    pub faults: Faults,
    pub planted: Option<Planted>,
    pub log: Log,
    /// Logs that were given up, and where their cursors stood.
    pub past: Vec<(Log, Vec<Option<Cursor>>)>,
    pub group: Group,
    pub house: House,
    pub processes: Vec<Process>,
    /// Partitions of which the end was lost; nothing is appended until somebody has looked.
    pub cut_off: Vec<u32>,
    /// Who waits for the answer of a statement.
    pub callers: BTreeMap<u64, Caller>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    number: u64,
    unique: u64,
    is_calm: bool,
    /// Whether a sink may stop because of it.
    pub was_cut_off: bool,
    pub was_refused: bool,
    trace: Option<Vec<String>>,
    pub digest: u64,
}

/// Who asked: a process in one of its lives, and its job.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub sink: usize,
    pub life: u64,
    pub job: Job,
}

/// Something that is going to happen.
#[derive(Debug)]
pub enum Happening {
    /// A producer appends a record.
    Produce,
    /// A process asks its consumer.
    Poll(usize, u64),
    /// A process is woken by its own clock.
    Wake(usize, u64),
    /// A process hears something.
    Hear(usize, u64, Box<Input>),
    /// A process sends what its machine asked for.
    Send(Caller, Task),
    /// A commit arrives at the group.
    Commit(Caller, u64, Cursor, bool),
    /// An insert arrives at ClickHouse; when it was sent.
    Insert(Caller, Box<Statement>, u64),
    /// A question arrives at ClickHouse.
    ReadBack(Caller, std::sync::Arc<Batch>, Target),
    AskLedger(Caller, u8),
    AskMarks(Caller, u8, u64, Vec<String>),
    AskIds(Caller, u8, u64, Since),
    /// ClickHouse goes on with an insert.
    Statement(u64),
    HouseDown,
    HouseUp,
    Restart(usize),
    Rebalance,
    /// The group has not heard of a member.
    Expire(Member),
    /// The owner of a partition was to let go by now.
    Leave(u32, u64),
    /// A process learns that partitions are not its own any more.
    Notify(usize, u64, u32, u64),
    /// The table of statistics takes what it refused.
    Mend,
    /// Nothing goes wrong from now on.
    Calm,
}

impl World {
    pub fn new(seed: u64, planted: Option<Planted>, is_traced: bool) -> Self {
        let mut random = Random::new(seed);
        let mut faults = Faults::draw(&mut random);
        if planted.is_some_and(Planted::is_of_marks) {
            // It is to be found by what came of a spill.
            faults.retried = 0;
        }
        let log = Log::new(1, faults.partitions);
        let mut world = Self {
            now: 0,
            group: Group::new(log.partitions.len()),
            house: House::new(planted),
            processes: (0..faults.sinks).map(|_| Process::dead(0)).collect(),
            log,
            past: Vec::new(),
            cut_off: Vec::new(),
            callers: BTreeMap::new(),
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            number: 0,
            unique: 0,
            is_calm: false,
            was_cut_off: false,
            was_refused: faults.permanent > 0,
            trace: is_traced.then(Vec::new),
            digest: 0,
            random,
            faults,
            planted,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for sink in 0..self.processes.len() {
            self.after(0, Happening::Restart(sink));
        }
        for _ in 0..self.faults.records {
            let at = self.random.below(self.faults.until);
            self.after(at, Happening::Produce);
        }
        if self.faults.rebalance_every > 0 {
            self.after(self.faults.rebalance_every, Happening::Rebalance);
        }
        if self.faults.house_down_every > 0 {
            self.after(self.faults.house_down_every, Happening::HouseDown);
        }
        if self.faults.mended_at > 0 {
            self.after(self.faults.mended_at, Happening::Mend);
        }
        self.after(self.faults.until, Happening::Calm);
        let faults = format!("{:?}", self.faults);
        self.note(|| faults);
    }

    /// Runs to the end.
    pub fn run(&mut self) -> Verdict {
        let mut steps = 0;
        // Rows that come late are waited for.
        let mut rest_until = None;
        while let Some(Reverse((at, number))) = self.queue.pop() {
            let Some(happening) = self.happenings.remove(&number) else {
                continue;
            };
            self.now = at;
            self.happen(happening)?;
            steps += 1;
            if steps > STEPS_MAX || self.now > self.faults.until + CATCH_UP_MS {
                return Err(self.stuck());
            }
            if self.is_calm && self.is_all_stored() {
                let until = *rest_until.get_or_insert(self.now + 120_000);
                if self.now >= until {
                    break;
                }
            } else {
                rest_until = None;
            }
        }
        self.check_all()
    }

    fn stuck(&self) -> Violation {
        let cursors: Vec<_> = self.group.slots.iter().map(|slot| slot.cursor.clone()).collect();
        let ends: Vec<_> = self.log.partitions.iter().map(|it| (it.end(), it.high)).collect();
        format!("all is well and yet not all is stored: cursors {cursors:?}, ends {ends:?}")
    }

    fn is_all_stored(&self) -> bool {
        let mut both = self.group.slots.iter().zip(&self.log.partitions);
        both.all(|(slot, partition)| {
            let is_begun = partition.end() == 0;
            let stands = slot.cursor.as_ref();
            stands.map_or(is_begun, |it| it.metadata.is_empty() && it.offset >= partition.end())
        })
    }

    fn happen(&mut self, happening: Happening) -> Verdict {
        match happening {
            Happening::Produce => self.produce(),
            Happening::Poll(sink, life) => return self.poll(sink, life),
            Happening::Wake(sink, life) => return self.wake(sink, life),
            Happening::Hear(sink, life, input) => return self.hear(sink, life, *input),
            Happening::Send(caller, task) => self.send(caller, task),
            Happening::Commit(caller, epoch, cursor, is_lost) => {
                return self.commit(caller, epoch, &cursor, is_lost);
            }
            Happening::Insert(caller, statement, sent) => self.insert(caller, *statement, sent),
            Happening::ReadBack(caller, batch, target) => self.read_back(caller, &batch, &target),
            Happening::AskLedger(caller, log) => self.ask_ledger(caller, log),
            Happening::AskMarks(caller, log, before, spills) => {
                self.ask_marks(caller, log, before, &spills);
            }
            Happening::AskIds(caller, log, before, since) => {
                self.ask_ids(caller, log, before, since);
            }
            Happening::Statement(id) => return self.statement(id),
            Happening::HouseDown => self.house_down(),
            Happening::HouseUp => self.house.is_up = true,
            Happening::Restart(sink) => self.restart(sink),
            Happening::Rebalance => self.rebalance(),
            Happening::Expire(member) => self.expire(member),
            Happening::Leave(partition, epoch) => self.leave(partition, epoch),
            Happening::Notify(sink, life, partition, epoch) => {
                self.notify(sink, life, partition, epoch);
            }
            Happening::Mend => self.house.is_mended = true,
            Happening::Calm => self.calm(),
        }
        Ok(())
    }

    // --- the log and the weather ---

    fn produce(&mut self) {
        if self.random.chance(self.faults.recreate) {
            self.recreate();
        }
        if self.cut_off.is_empty() {
            self.log.append(&mut self.random, &self.faults, &mut self.unique);
        }
        let number = u32::try_from(self.random.below(self.faults.partitions)).unwrap_or(0);
        if self.random.chance(self.faults.deletes)
            && let Some(partition) = self.log.partitions.get_mut(number as usize)
        {
            let low = self.random.between(partition.low, partition.high);
            let cursor = self.group.slots.get(number as usize).and_then(|it| it.cursor.as_ref());
            partition.delete(low, cursor.map_or(0, |cursor| cursor.offset));
            self.note(|| format!("the log deletes {number} up to {low}"));
        }
        if self.random.chance(self.faults.cut_off) {
            self.lose_end(number);
        }
        if self.faults.set_back > 0 && self.random.chance(self.faults.set_back) {
            self.set_back(number);
        }
    }

    /// The end of a partition is lost with the broker that had it.
    fn lose_end(&mut self, number: u32) {
        let Some(partition) = self.log.partitions.get_mut(number as usize) else {
            return;
        };
        if self.group.slots.iter().any(|slot| slot.set_back_from.is_some()) {
            return; // one misfortune of an end at a time
        }
        let high = self.random.between(partition.low, partition.high);
        partition.cut_off(high);
        self.was_cut_off = true;
        self.note(|| format!("the log loses {number} from {high} on"));
        self.cut_off.push(number);
        self.expel(number);
        self.settle();
    }

    /// The log is deleted and made anew under its name.
    pub fn recreate(&mut self) {
        self.note(|| "the log is made anew".to_owned());
        let anew = self.log.anew();
        let numbers: Vec<_> = (0..).take(self.log.partitions.len()).collect();
        for number in numbers {
            self.expel(number);
        }
        let cursors = self.group.slots.iter().map(Slot::stands).collect();
        self.group.forget_cursors();
        self.past.push((std::mem::replace(&mut self.log, anew), cursors));
        self.cut_off.clear();
        self.settle();
    }

    fn house_down(&mut self) {
        if self.is_calm {
            return;
        }
        self.note(|| "ClickHouse dies".to_owned());
        self.kill_house();
        let away = self.random.between(50, self.faults.house_down_for);
        self.after(away, Happening::HouseUp);
        let next = away + self.random.between(1, 2 * self.faults.house_down_every);
        self.after(next, Happening::HouseDown);
    }

    pub fn kill_house(&mut self) {
        self.house.die();
        for (_, caller) in std::mem::take(&mut self.callers) {
            let broken = Err(StoreError::Read(Cause::Network { refused: false }));
            self.answer_after(5, caller, Answer::Inserted(broken));
        }
    }

    fn calm(&mut self) {
        self.note(|| "nothing goes wrong any more".to_owned());
        self.is_calm = true;
        self.house.is_up = true;
        self.faults = Faults {
            crash: 0,
            freeze: 0,
            clock: 0,
            rebalance_every: 0,
            lost: 0,
            doubled: 0,
            network: 10,
            refused: 0,
            failed_after: 0,
            slow: 0,
            house_down_every: 0,
            permanent: 0,
            recreate: 0,
            cut_off: 0,
            set_back: 0,
            deletes: 0,
            ..self.faults.clone()
        };
        if !self.cut_off.is_empty() {
            self.recreate();
        }
        // Something to store, so that the end of every partition is met once more.
        self.log.append(&mut self.random, &self.faults, &mut self.unique);
    }

    // --- time ---

    pub fn after(&mut self, milliseconds: u64, happening: Happening) {
        self.number += 1;
        self.queue.push(Reverse((self.now + milliseconds, self.number)));
        self.happenings.insert(self.number, happening);
    }

    pub fn answer_after(&mut self, milliseconds: u64, caller: Caller, answer: Answer) {
        let input = Box::new(Input::Answered(caller.job, answer));
        self.after(milliseconds, Happening::Hear(caller.sink, caller.life, input));
    }

    /// A process hears of the group.
    pub fn deliver(&mut self, sink: usize, delivery: Delivery) {
        if let Some(process) = self.processes.get_mut(sink) {
            process.news.push_back(delivery);
        }
    }

    // --- what is told of it ---

    pub fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9} {}", self.now, text()));
        }
    }

    pub fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    pub fn note_action(&mut self, sink: usize, action: &candor_sink::machine::Action) {
        if self.is_traced() {
            self.note(|| format!("{sink} asks {action:?}").chars().take(40_000).collect());
        }
    }

    pub fn take_trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }
}
