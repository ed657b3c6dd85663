//! Any schedule of asks, outages, restarts, policies and clocks.

use std::collections::HashMap;

use candor_event::Site;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{at, seen};
use crate::key::epoch::Epoch;
use crate::key::form::Form;
use crate::key::{
    AHEAD_SECONDS, CLOCK_SECONDS_MAX, KeyFile, KeyPeriod, KeyRing, KeySource, SiteKey,
    TakeOverError, Timestamp,
};

/// Where a ring keeps its key over a restart, if anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memory {
    File,
    None,
}

#[derive(Clone, Debug)]
enum Op {
    Advance(i64),
    Ask(usize),
    KeepTo(usize, u32),
    Restart(usize),
    /// The clock of one is set a little differently.
    Set(usize, i64),
    Tick(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => prop_oneof![1_i64..20, 60_i64..4_000, Just(40_000)].prop_map(Op::Advance),
        6 => (1_usize..3).prop_map(Op::Ask),
        1 => (0_usize..3, prop_oneof![Just(6 * 3_600_u32), Just(u32::MAX)])
            .prop_map(|(who, seconds)| Op::KeepTo(who, seconds)),
        1 => (0_usize..3).prop_map(Op::Restart),
        1 => (0_usize..3, -25_i64..25).prop_map(|(who, offset)| Op::Set(who, offset)),
        3 => (0_usize..3).prop_map(Op::Tick),
    ]
}

struct Member {
    ring: KeyRing,
    memory: Memory,
    offset: i64,
    seconds_max: u32,
}

/// The first is the leader.
struct Fleet {
    members: Vec<Member>,
    dir: TempDir,
    now: i64,
    /// Hashes under each epoch, and when it ends at the latest.
    epochs: HashMap<u64, ([u8; 32], Timestamp)>,
    /// Epochs that the leader had.
    drawn: Vec<u64>,
}

impl Fleet {
    fn new(memories: [Memory; 3]) -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let members = memories.iter().enumerate().map(|(number, memory)| {
            let ring = open(&dir, number, *memory);
            Member { ring, memory: *memory, offset: 0, seconds_max: u32::MAX }
        });
        let members = members.collect();
        Self { members, dir, now: 10_000, epochs: HashMap::new(), drawn: Vec::new() }
    }

    fn now(&self, who: usize) -> Timestamp {
        at(self.now + self.members[who].offset)
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Advance(seconds) => self.now += seconds,
            Op::Ask(who) => {
                let (leader_now, now) = (self.now(0), self.now(who));
                let handed = self.members[0].ring.handover(leader_now).unwrap();
                self.note_drawn();
                // Policies may differ, so that nothing is left to take.
                let taken = self.members[who].ring.take_over(handed.as_ref(), now);
                assert!(matches!(taken, Ok(_) | Err(TakeOverError::Over)), "{taken:?}");
            }
            Op::KeepTo(who, seconds) => {
                self.members[who].seconds_max = seconds;
                self.members[who].ring.keep_to(seconds);
            }
            Op::Restart(who) => {
                let ring = open(&self.dir, who, self.members[who].memory);
                ring.keep_to(self.members[who].seconds_max);
                self.members[who].ring = ring;
            }
            Op::Set(who, offset) => self.members[who].offset = offset,
            Op::Tick(who) => {
                let ticked = self.members[who].ring.tick(self.now(who));
                assert!(who > 0 || ticked.is_ok(), "a leader always has a key");
            }
        }
        self.look();
    }

    /// Of the leader's epochs.
    fn note_drawn(&mut self) {
        let ring = &self.members[0].ring;
        let next = ring.lock().next.as_ref().map(Epoch::id);
        let current = ring.current.load().as_ref().map(|epoch| epoch.id());
        self.drawn.extend(current.into_iter().chain(next));
    }

    fn look(&mut self) {
        let period = KeyPeriod::default();
        for who in 0..self.members.len() {
            let now = self.now(who);
            let Some((name, hash)) = seen(&self.members[who].ring, now) else {
                assert!(who > 0, "a leader always has a key");
                continue;
            };
            if who == 0 {
                self.note_drawn();
            }
            assert!(self.drawn.contains(&name), "a follower has drawn a key");
            let epoch = self.members[who].ring.at(now).unwrap();
            let end = period.end(epoch.from);
            let known = *self.epochs.entry(name).or_insert((hash, end));
            assert_eq!(known, (hash, end), "one name, one key, one end");
            assert!(now < end && epoch.until <= end, "a key outlives its time");
            if let Some(previous) = &epoch.previous {
                let key = SiteKey::derive(&previous.key, &Site::parse("demo").unwrap());
                let hash = *key.hasher("test").finalize().as_bytes();
                let mut former = self.epochs.values().filter(|(known, _)| *known == hash);
                // None where a leader began and ended an epoch that nobody looked at.
                let former = former.next().map(|(_, end)| *end);
                let overlap = i64::from(period.overlap_seconds - AHEAD_SECONDS - CLOCK_SECONDS_MAX);
                assert!(former.is_none_or(|end| previous.until <= end.plus_seconds(overlap)));
            }
        }
        let mut hashes: Vec<_> = self.epochs.values().map(|(hash, _)| *hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), self.epochs.len(), "two names, two keys");
    }
}

fn open(dir: &TempDir, number: usize, memory: Memory) -> KeyRing {
    let source = if number == 0 { KeySource::Leads } else { KeySource::Follows };
    let path = dir.path().join(number.to_string());
    let file = (memory == Memory::File).then(|| KeyFile::open(&path).unwrap());
    KeyRing::of(source, KeyPeriod::default(), file)
}

/// Moments that a leader might tell: near, far, and beyond all calendars.
fn moment() -> impl Strategy<Value = i64> {
    let now = at(0).unix();
    prop_oneof![
        now - 100_000..now + 100_000,
        any::<i64>(),
        prop_oneof![Just(i64::MIN), Just(0), Just(i64::MAX)],
    ]
}

proptest! {
    /// Whatever a leader tells: nothing panics, and no key outlives what this collector allows by itself.
    #[test]
    fn no_leader_makes_a_key_live_longer(
        told_at in prop_oneof![Just(at(0).unix()), moment()],
        epochs in prop::array::uniform2((0_u64..3, moment(), moment())),
        previous_until in moment(),
    ) {
        let epoch = |(id, from, until): (u64, i64, i64)| {
            let times = [from.to_le_bytes(), until.to_le_bytes()].concat();
            [id.to_le_bytes().to_vec(), times, vec![7; 32]].concat()
        };
        let mut bytes = [vec![Form::Handover as u8], told_at.to_le_bytes().to_vec()].concat();
        bytes.extend(epoch(epochs[0]));
        bytes.extend(previous_until.to_le_bytes());
        bytes.extend([9; 32]);
        bytes.extend(epoch(epochs[1]));
        bytes.extend(blake3::hash(&bytes).as_bytes());
        let follower = KeyRing::of(KeySource::Follows, KeyPeriod::default(), None);
        let taken = follower.take_over(&bytes, at(0));
        let is_unreadable = taken == Err(TakeOverError::Unreadable);
        prop_assert_eq!(is_unreadable, epochs[0].0 == 0, "no epoch has the name 0");
        prop_assert_eq!(taken.is_ok(), follower.has_key(at(0)));
        if let Ok(epoch) = follower.at(at(0)) {
            let period = KeyPeriod::default();
            prop_assert!(epoch.until <= period.end(at(i64::from(CLOCK_SECONDS_MAX))));
            let overlap = i64::from(period.overlap_seconds);
            let previous = epoch.previous.as_ref();
            prop_assert!(previous.is_none_or(|previous| previous.until < at(overlap)));
        }
        follower.tick(at(1)).ok();
        follower.tick(at(200_000)).ok();
        prop_assert!(follower.current.load().is_none(), "and all end");
    }

    /// Whatever happens: ids are equal where epochs have the same name, and differ where they do not; a key
    /// ends when it was to, wherever it is; and followers draw none.
    #[test]
    fn epochs_agree_over_any_schedule(
        memories in prop::array::uniform3(prop_oneof![Just(Memory::File), Just(Memory::None)]),
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut fleet = Fleet::new(memories);
        for op in &ops {
            fleet.run(op);
        }
    }

    /// Who asks every ten seconds is never without a key, and never has another than the leader for longer
    /// than their clocks differ.
    #[test]
    fn who_asks_in_time_is_never_without_a_key(
        offsets in (-25_i64..25, -25_i64..25),
        start in 0_i64..86_400,
    ) {
        let mut fleet = Fleet::new([Memory::None; 3]);
        fleet.now = start;
        fleet.members[1].offset = offsets.0;
        fleet.members[2].offset = offsets.1;
        for who in [1, 2] {
            fleet.run(&Op::Ask(who));
        }
        let midnights = [start, 86_400 - 400, 2 * 86_400 - 400];
        for from in midnights {
            fleet.now = fleet.now.max(from);
            for _ in 0..80 {
                fleet.now += 10;
                for who in [1, 2] {
                    fleet.run(&Op::Ask(who));
                    let differ = (fleet.now.rem_euclid(86_400) + 43_200).rem_euclid(86_400) - 43_200;
                    let both = [0, who].map(|who| seen(&fleet.members[who].ring, fleet.now(who)));
                    prop_assert!(both[1].is_some());
                    prop_assert!(both[0] == both[1] || differ.abs() <= 25, "{} {:?}", fleet.now, both);
                }
            }
        }
    }
}
