//! The machine, step by step, where the simulation found it wanting.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use candor_event::{Basis, Event, Grant, Kind, Timestamp, wire};
use candor_store::{Cause, Ids, Position, Recent, StoreError};
use candor_transport::{CommitError, Cursor, Delivery, LogId};

use super::{Action, Answer, Input, Insert, Job, Machine, Moment, Report, Target, Task};
use crate::config::Config;
use crate::error::SinkError;

/// A machine, and what it asked for last.
struct Driver {
    machine: Machine,
    now: Duration,
    task: Option<(Job, Task)>,
    reports: Vec<Report>,
}

impl Driver {
    fn new(committed: Option<&str>) -> Self {
        let batch_events = NonZeroU32::new(1).unwrap();
        let machine = Machine::new(Config { batch_events, ..Config::default() });
        let mut driver = Self { machine, now: Duration::ZERO, task: None, reports: Vec::new() };
        driver.deliver(Delivery::Assigned {
            partition: 0,
            log: LogId::from_bytes([7; 16]),
            committed: committed.map(|it| Cursor { offset: 0, metadata: it.to_owned() }),
            low: 0,
            high: 1,
            previous_owner_may_live: true,
        });
        driver
    }

    fn deliver(&mut self, delivery: Delivery) {
        self.take(Input::Delivered(delivery)).unwrap();
    }

    fn record(&mut self) {
        self.record_at(0);
    }

    fn record_at(&mut self, offset: u64) {
        let record = record();
        self.deliver(Delivery::Record { partition: 0, offset, record, spill: None });
    }

    fn take(&mut self, input: Input) -> Result<(), SinkError> {
        let now = Timestamp::from_unix(1_790_000_000);
        let at = Moment { elapsed: self.now, now, jitter: u16::MAX };
        let mut actions = Vec::new();
        self.machine.take(input, at, &mut actions)?;
        for action in actions {
            match action {
                Action::Begin(job, task) => self.task = Some((job, task)),
                Action::Report(report) => self.reports.push(report),
                _ => {}
            }
        }
        Ok(())
    }

    /// The task that is under way; time passes until there is one.
    fn task(&mut self) -> (Job, Task) {
        while self.task.is_none() {
            self.now = self.machine.wake_at().unwrap();
            self.take(Input::Tick).unwrap();
        }
        self.task.take().unwrap()
    }

    fn answer(&mut self, job: Job, answer: Answer) {
        self.take(Input::Answered(job, answer)).unwrap();
    }

    /// Answers commits, and that nothing was stored before, until there is something else.
    fn commits(&mut self) -> (Job, Task) {
        loop {
            match self.task() {
                (job, Task::AskLedger { .. }) => self.answer(job, Answer::Known(Ok(None))),
                (job, Task::AskIds { before, .. }) => {
                    let recent = Recent { first: before, ids: Ids::default() };
                    self.answer(job, Answer::Ids(Ok(recent)));
                }
                (job, Task::Commit(_)) => self.answer(job, Answer::Committed(Ok(()))),
                other => return other,
            }
        }
    }

    fn inserts(&mut self) -> (Job, Insert) {
        match self.commits() {
            (job, Task::Insert(insert)) => (job, insert),
            (_, task) => panic!("{task:?}"),
        }
    }

    fn reads_back(&mut self, present: &[Position]) -> Target {
        match self.commits() {
            (job, Task::ReadBack { target, .. }) => {
                let present: HashSet<_> = present.iter().copied().collect();
                self.answer(job, Answer::Present(Ok(present)));
                target
            }
            (_, task) => panic!("{task:?}"),
        }
    }

    /// Answers how far the ledger has the partition.
    fn knows_up_to(&mut self, end: u64) {
        match self.task() {
            (job, Task::AskLedger { .. }) => self.answer(job, Answer::Known(Ok(Some(end)))),
            (_, task) => panic!("{task:?}"),
        }
    }

    fn stalled(&self) -> Vec<usize> {
        let stalled = |report: &Report| match report {
            Report::Stalled(count) => Some(*count),
            _ => None,
        };
        self.reports.iter().filter_map(stalled).collect()
    }
}

fn record() -> Bytes {
    wire::encode(&Event {
        id: vec![1; 16],
        site: "demo".to_owned(),
        kind: Kind::Pageview.into(),
        policy_version: vec![0; 16],
        grants: vec![Grant {
            purpose: "statistics".to_owned(),
            basis: Basis::Consent.into(),
            expires_at: 1_850_000_000,
            fields: 0,
        }],
        ..Event::default()
    })
}

const ROW: Position = Position { offset: 0, index: 0 };
const INTENT: &str = r#"{"v":2,"end":0,"repair":0,"deadline_s":30,"stored_at":1790000000}"#;

#[test]
fn a_row_of_the_ledger_is_no_proof_of_rows() {
    let mut driver = Driver::new(Some(INTENT));
    driver.record();
    assert!(matches!(driver.reads_back(&[]), Target::Rows(_)), "rows are looked for first");
    let (_, insert) = driver.inserts();
    assert!(matches!(insert.target, Target::Rows(_)), "{insert:?}");
}

#[test]
fn the_next_token_is_taken_when_nothing_can_come_of_the_last() {
    let mut driver = Driver::new(Some(INTENT));
    driver.record();
    driver.reads_back(&[]);
    let (job, insert) = driver.inserts();
    assert_eq!(insert.attempt.repair, 0);
    driver.answer(job, Answer::Inserted(Ok(())));
    let answered = driver.now;
    driver.reads_back(&[]); // its token was known, and its rows are not there
    driver.reads_back(&[]);
    assert!(driver.now >= answered + Duration::from_secs(30), "{:?}", driver.now);
    match driver.task() {
        (job, Task::Commit(cursor)) => {
            assert!(cursor.metadata.contains(r#""repair":1"#), "first it is written: {cursor:?}");
            driver.answer(job, Answer::Committed(Ok(())));
        }
        (_, task) => panic!("{task:?}"),
    }
    driver.reads_back(&[]);
    let (_, insert) = driver.inserts();
    assert_eq!(insert.attempt.repair, 1);
}

#[test]
fn an_outage_uses_no_token_up_and_alarms_after_a_minute() {
    let mut driver = Driver::new(Some(""));
    driver.record();
    while driver.now < Duration::from_mins(2) {
        let failure = || StoreError::Read(Cause::Network { refused: true });
        match driver.commits() {
            (job, Task::Insert(insert)) => {
                assert_eq!(insert.attempt.repair, 0);
                driver.answer(job, Answer::Inserted(Err(failure())));
            }
            (job, _) => driver.answer(job, Answer::Present(Err(failure()))),
        }
        let is_late = driver.now >= Duration::from_secs(61);
        assert_eq!(driver.stalled(), if is_late { vec![1] } else { vec![] }, "{:?}", driver.now);
    }
    driver.reads_back(&[ROW]);
    driver.reads_back(&[ROW]); // the ledger's
    let (job, task) = driver.task();
    assert!(matches!(task, Task::Commit(_)), "{task:?}");
    driver.answer(job, Answer::Committed(Ok(())));
    assert_eq!(driver.stalled(), [1, 0]);
}

#[test]
fn a_sink_that_slept_does_not_report_a_lost_cursor() {
    let mut slept = Driver::new(None);
    slept.knows_up_to(1);
    let (job, _) = slept.task();
    slept.answer(job, Answer::Committed(Err(CommitError::Fenced)));
    assert!(!slept.machine.is_at_work(), "the partition is another's");

    let mut awake = Driver::new(None);
    awake.knows_up_to(1);
    let (job, _) = awake.task();
    let error = awake.take(Input::Answered(job, Answer::Committed(Ok(())))).unwrap_err();
    assert!(matches!(error, SinkError::CursorLost { .. }), "{error}");
}

#[test]
fn a_cursor_that_was_set_back_is_told_by_its_owner_before_anything_is_stored() {
    let mut slept = Driver::new(Some(""));
    slept.record();
    slept.knows_up_to(1);
    let (job, task) = slept.task();
    assert!(matches!(task, Task::Commit(_)), "{task:?}");
    slept.answer(job, Answer::Committed(Err(CommitError::Fenced)));
    assert!(!slept.machine.is_at_work(), "the partition is another's, and so is the ledger");

    let mut awake = Driver::new(Some(""));
    awake.record();
    awake.knows_up_to(1);
    match awake.task() {
        (job, Task::Commit(cursor)) => {
            assert_eq!(cursor, Cursor { offset: 0, metadata: String::new() }, "it stays");
            let error = awake.take(Input::Answered(job, Answer::Committed(Ok(())))).unwrap_err();
            assert!(matches!(error, SinkError::CursorSetBack { cursor: 0, end: 1, .. }), "{error}");
        }
        (_, task) => panic!("{task:?}"),
    }

    let mut in_doubt = Driver::new(Some(INTENT));
    in_doubt.record();
    in_doubt.reads_back(&[ROW]);
    in_doubt.reads_back(&[ROW]); // the ledger's
    let (job, task) = in_doubt.task();
    assert!(matches!(task, Task::Commit(_)), "{task:?}");
    in_doubt.answer(job, Answer::Committed(Ok(())));
    in_doubt.record_at(1);
    in_doubt.knows_up_to(7);
    let (job, _) = in_doubt.task();
    let error = in_doubt.take(Input::Answered(job, Answer::Committed(Ok(())))).unwrap_err();
    assert!(matches!(error, SinkError::CursorSetBack { cursor: 1, end: 7, .. }), "{error}");

    let mut level = Driver::new(Some(""));
    level.record();
    level.knows_up_to(0);
    let (_, task) = level.task();
    assert!(matches!(task, Task::AskIds { .. }), "it stands where the ledger ends: {task:?}");
}
