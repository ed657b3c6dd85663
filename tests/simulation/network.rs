//! What travels between a process, the group and ClickHouse, and what is lost on the way.

use std::collections::HashSet;
use std::time::Duration;

use candor_sink::machine::{Answer, Target, Task};
use candor_store::{Batch, Cause, Since, StoreError};
use candor_transport::{CommitError, Cursor};

use crate::faults::Planted;
use crate::house::{Course, LedgerRow, Statement, log_of};
use crate::world::{Caller, Happening, Verdict, World};

/// Whoever commits gives up after so long.
const COMMIT_MS: u64 = 10_000;

fn timed_out() -> StoreError {
    StoreError::Read(Cause::TimedOut)
}

impl World {
    // --- what a process sends ---

    pub fn send(&mut self, caller: Caller, task: Task) {
        let Caller { sink, life, job } = caller;
        let Some(awake) = self.awake_at(sink, life) else {
            return;
        };
        if awake > self.now {
            self.after(awake - self.now + 1, Happening::Send(caller, task));
            return;
        }
        let Some(process) = self.processes.get(sink) else {
            return;
        };
        if process.broken_off.contains(&job) {
            return;
        }
        let elapsed = process.elapsed(self.now);
        let left = |deadline: Duration| {
            u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX).saturating_sub(elapsed)
        };
        match task {
            Task::Commit(cursor) => self.send_commit(caller, cursor),
            Task::Insert(mut insert) => {
                let left = left(insert.deadline);
                if left == 0 {
                    self.answer_after(1, caller, Answer::Inserted(Err(timed_out())));
                    return;
                }
                if self.planted == Some(Planted::TokenPerTry) {
                    insert.attempt.repair = u32::try_from(job.number).unwrap_or(0);
                }
                let mut statement = Box::new(Statement::new(&insert, self.now, left, self.planted));
                // Nobody mends a table while what it refused is still under way.
                statement.is_refused &= !self.house.is_mended;
                self.answer_after(left, caller, Answer::Inserted(Err(timed_out())));
                // It may be stopped between looking at the clock and sending.
                let is_stopped = self.random.chance(self.faults.freeze);
                let sent = if is_stopped { self.freeze(sink) } else { self.now };
                let travels = sent - self.now + self.travel();
                if !self.loses(caller, |broken| Answer::Inserted(Err(broken))) {
                    self.after(travels, Happening::Insert(caller, statement, self.now));
                }
            }
            Task::ReadBack { batch, target, deadline } => {
                let late = left(deadline).max(1);
                self.answer_after(late, caller, Answer::Present(Err(timed_out())));
                if !self.loses(caller, |broken| Answer::Present(Err(broken))) {
                    let travels = self.travel();
                    self.after(travels, Happening::ReadBack(caller, batch, target));
                }
            }
            Task::AskMarks { log, before, spills, deadline } => {
                let ask = Happening::AskMarks(caller, log_of(&log), before, spills);
                self.send_question(caller, left(deadline), Answer::Marks(Err(timed_out())), ask);
            }
            Task::AskIds { log, before, since, deadline } => {
                let ask = Happening::AskIds(caller, log_of(&log), before, since);
                self.send_question(caller, left(deadline), Answer::Ids(Err(timed_out())), ask);
            }
            Task::AskLedger { log, deadline } => {
                let ask = Happening::AskLedger(caller, log_of(&log));
                self.send_question(caller, left(deadline), Answer::Known(Err(timed_out())), ask);
            }
        }
    }

    fn send_question(&mut self, caller: Caller, left: u64, late: Answer, ask: Happening) {
        self.answer_after(left.max(1), caller, late);
        let travels = self.travel();
        self.after(travels, ask);
    }

    fn send_commit(&mut self, caller: Caller, mut cursor: Cursor) {
        let number = caller.job.partition;
        let process = self.processes.get(caller.sink);
        let tenure = process.and_then(|process| process.tenures.get(&number)).copied();
        let Some(tenure) = tenure else {
            return self.answer_after(1, caller, Answer::Committed(Err(CommitError::Fenced)));
        };
        match self.planted {
            Some(Planted::IntentForgotten) => cursor.metadata.clear(),
            Some(Planted::ConfirmedFirst) if !cursor.metadata.is_empty() => {
                cursor.offset = tenure.next;
                cursor.metadata.clear();
            }
            _ => {}
        }
        let gone_wrong =
            || Answer::Committed(Err(CommitError::Io(std::io::Error::other("no answer"))));
        if self.random.chance(self.faults.lost) {
            return self.answer_after(COMMIT_MS, caller, gone_wrong());
        }
        if let Some(slot) = self.group.slots.get_mut(number as usize)
            && slot.epoch == tenure.epoch
        {
            slot.commits += 1;
        }
        let is_lost = self.random.chance(self.faults.lost);
        if is_lost {
            self.answer_after(COMMIT_MS, caller, gone_wrong());
        }
        let travels = self.travel();
        self.after(travels, Happening::Commit(caller, tenure.epoch, cursor, is_lost));
    }

    /// How long a message is on its way; always less than [`COMMIT_MS`].
    fn travel(&mut self) -> u64 {
        let network = self.faults.network;
        self.random.delay(network.min(20), network)
    }

    /// The message is lost: who sent it hears of it, or waits.
    fn loses(&mut self, caller: Caller, answer: impl FnOnce(StoreError) -> Answer) -> bool {
        let is_lost = self.random.chance(self.faults.lost);
        if is_lost && self.random.chance(5_000) {
            let broken = StoreError::Read(Cause::Network { refused: false });
            let travels = self.travel();
            self.answer_after(travels, caller, answer(broken));
        }
        is_lost
    }

    // --- what arrives ---

    pub fn commit(
        &mut self,
        caller: Caller,
        epoch: u64,
        cursor: &Cursor,
        is_lost: bool,
    ) -> Verdict {
        let number = caller.job.partition;
        let is_fenced = self.planted != Some(Planted::NotFenced);
        self.note(|| format!("commit {number} {cursor:?} of epoch {epoch}"));
        let answer = match self.group.commit(number, epoch, cursor, is_fenced)? {
            Ok(before) => {
                self.check_confirmed(number, before.as_ref(), cursor)?;
                Ok(())
            }
            Err(error) => Err(error),
        };
        self.settle();
        if !is_lost {
            let travels = self.travel();
            if answer.is_ok() && self.random.chance(self.faults.doubled) {
                self.answer_after(travels + 1, caller, Answer::Committed(Ok(())));
            }
            self.answer_after(travels, caller, Answer::Committed(answer));
        }
        Ok(())
    }

    pub fn insert(&mut self, caller: Caller, statement: Statement, sent: u64) {
        let times = (sent, self.now);
        let begun = self.house.begin(statement, times, &mut self.random, &self.faults);
        match begun {
            Ok(id) => {
                self.callers.insert(id, caller);
                self.after(0, Happening::Statement(id));
            }
            Err(error) => {
                let answer = self.believed(Err(error));
                self.reply(caller, Answer::Inserted(answer));
            }
        }
    }

    fn believed(&self, answer: Result<(), StoreError>) -> Result<(), StoreError> {
        if self.planted == Some(Planted::FailureBelieved) { Ok(()) } else { answer }
    }

    pub fn statement(&mut self, id: u64) -> Verdict {
        match self.house.step(id, self.now, &mut self.random, &self.faults)? {
            Course::Again(at) => self.after(at - self.now, Happening::Statement(id)),
            Course::Answer(answer) => {
                self.note(|| format!("statement {id} ends {answer:?}"));
                if let Some(caller) = self.callers.remove(&id) {
                    let answer = self.believed(answer);
                    if answer.is_ok() && self.random.chance(self.faults.doubled) {
                        let travels = self.travel();
                        self.answer_after(travels, caller, Answer::Inserted(Ok(())));
                    }
                    self.reply(caller, Answer::Inserted(answer));
                }
            }
            Course::Gone => {}
        }
        Ok(())
    }

    pub fn read_back(&mut self, caller: Caller, batch: &Batch, target: &Target) {
        let is_proof = self.planted == Some(Planted::LedgerIsProof)
            && !self.house.present(batch, &Target::Ledger).is_empty();
        let answer = if self.house.is_up {
            Ok(match (self.planted, target) {
                _ if is_proof => target.positions(batch).collect(),
                (Some(Planted::TokenBelieved), Target::Rows(_) | Target::Quarantine)
                | (Some(Planted::LedgerBelieved), Target::Ledger) => {
                    target.positions(batch).collect()
                }
                (Some(Planted::NothingReadBack), _) => HashSet::new(),
                _ => self.house.present(batch, target),
            })
        } else {
            Err(StoreError::Read(Cause::Network { refused: true }))
        };
        self.reply(caller, Answer::Present(answer));
    }

    pub fn ask_ledger(&mut self, caller: Caller, log: u8) {
        let answer = if self.house.is_up {
            let end = self.house.ledger_end(log, caller.job.partition);
            Ok(end.filter(|_| self.planted != Some(Planted::SetBackNotSeen)))
        } else {
            Err(StoreError::Read(Cause::Network { refused: true }))
        };
        self.reply(caller, Answer::Known(answer));
    }

    pub fn ask_marks(&mut self, caller: Caller, log: u8, before: u64, spills: &[String]) {
        let answer = if self.house.is_up {
            let counts = |row: &LedgerRow| match self.planted {
                Some(Planted::MarksNotRead) => false,
                Some(Planted::MarksOfOwnRange) => row.batch.range.first <= before,
                _ => row.batch.range.last < before,
            };
            Ok(self.house.marks((log, caller.job.partition), spills, counts))
        } else {
            Err(StoreError::Read(Cause::Network { refused: true }))
        };
        self.reply(caller, Answer::Marks(answer));
    }

    pub fn ask_ids(&mut self, caller: Caller, log: u8, before: u64, since: Since) {
        let answer = if self.house.is_up {
            let mut recent = self.house.recent((log, caller.job.partition), before, since);
            match self.planted {
                Some(Planted::IdsNotRead) => recent.ids.clear(),
                // Ids would find it all the same.
                Some(planted) if planted.is_of_marks() => recent.ids.clear(),
                Some(Planted::IdsOfOwnRange) => {
                    let since = Since::Offset(recent.first);
                    let of = (log, caller.job.partition);
                    recent.ids = self.house.recent(of, u64::MAX, since).ids;
                }
                _ => {}
            }
            Ok(recent)
        } else {
            Err(StoreError::Read(Cause::Network { refused: true }))
        };
        self.reply(caller, Answer::Ids(answer));
    }

    fn reply(&mut self, caller: Caller, answer: Answer) {
        if self.random.chance(self.faults.lost) {
            if self.random.chance(5_000) {
                let broken = StoreError::Read(Cause::Network { refused: false });
                let answer = match answer {
                    Answer::Inserted(_) => Answer::Inserted(Err(broken)),
                    Answer::Present(_) => Answer::Present(Err(broken)),
                    Answer::Marks(_) => Answer::Marks(Err(broken)),
                    Answer::Ids(_) => Answer::Ids(Err(broken)),
                    other => other,
                };
                self.answer_after(1, caller, answer);
            }
            return;
        }
        let travels = self.travel();
        self.answer_after(travels, caller, answer);
    }
}
