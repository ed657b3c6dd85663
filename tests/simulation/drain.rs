//! Spills that are given away: the records of one follow each other, and when the collector dies before its
//! cursor has moved, what it was about to give away is sent once more, from the first.

use bytes::Bytes;
use candor_event::Event;
use candor_transport::{LogId, SpillMark};

use crate::faults::Faults;
use crate::log::{self, Entry, Partition};
use crate::random::Random;

/// A record that came by a spill.
#[derive(Clone, Debug)]
pub struct Spilled {
    pub record: Bytes,
    /// None when it cannot be read.
    pub events: Option<Vec<Event>>,
    pub mark: SpillMark,
    /// Where it was before, the first time.
    pub before: Option<u64>,
}

/// What one spill has for one partition.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    /// What is given away until the cursor moves, in the order of its sequences.
    under_way: Vec<Spilled>,
    /// How many of these the log has by now.
    sent: usize,
    sequence: u64,
}

/// The next record of one of the spills.
pub fn append(partition: &mut Partition, random: &mut Random, faults: &Faults, unique: &mut u64) {
    let number = random.below(partition.drains.len() as u64);
    let offset = partition.high;
    let Some(drain) = partition.drains.get_mut(usize::try_from(number).unwrap_or(0)) else {
        return;
    };
    if drain.under_way.is_empty() {
        let id = LogId::from_bytes([u8::try_from(number).unwrap_or(0) + 1; 16]);
        for _ in 0..random.between(1, 3) {
            drain.sequence += random.between(1, 3);
            let mark = SpillMark { id, sequence: drain.sequence };
            let spilled = if random.chance(faults.garbage) {
                let record = Bytes::from_static(b"this is no record");
                Spilled { record, events: None, mark, before: None }
            } else {
                let (record, events) = log::record(random, faults, unique);
                Spilled { record, events: Some(events), mark, before: None }
            };
            drain.under_way.push(spilled);
        }
    }
    let Some(spilled) = drain.under_way.get_mut(drain.sent) else {
        return;
    };
    let entry = Entry::Spilled(spilled.clone());
    spilled.before.get_or_insert(offset);
    drain.sent += 1;
    if random.chance(faults.sent_again) {
        drain.sent = 0;
    } else if drain.sent == drain.under_way.len() {
        (drain.under_way, drain.sent) = (Vec::new(), 0);
    }
    partition.push(entry);
}
