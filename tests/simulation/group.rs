//! The group's coordinator: who owns which partition, and whose commits count.

use std::collections::BTreeMap;

use candor_transport::{CommitError, Cursor};

use crate::house::Violation;

/// A member: the sink, and which of its lives.
pub type Member = (usize, u64);

#[derive(Debug, Default)]
pub struct Group {
    pub slots: Vec<Slot>,
    /// Members, and until when they count as alive although nothing is heard of them.
    pub members: BTreeMap<Member, Option<u64>>,
}

#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// Grows with every change of owner: what an earlier one sends is refused.
    pub epoch: u64,
    pub owner: Option<Member>,
    pub cursor: Option<Cursor>,
    /// The owner was told to let go, and is thrown out at this time.
    pub leaves_by: Option<u64>,
    /// The owner has let go; commits of its are still on their way.
    pub is_released: bool,
    /// Commits on their way.
    pub commits: u64,
}

impl Group {
    pub fn new(partitions: usize) -> Self {
        Self { slots: vec![Slot::default(); partitions], members: BTreeMap::new() }
    }

    /// A commit arrives.
    pub fn commit(
        &mut self,
        partition: u32,
        epoch: u64,
        cursor: &Cursor,
        is_fenced: bool,
    ) -> Result<Result<Option<Cursor>, CommitError>, Violation> {
        let Some(slot) = self.slots.get_mut(partition as usize) else {
            return Ok(Err(CommitError::Fenced));
        };
        if slot.epoch == epoch {
            slot.commits = slot.commits.saturating_sub(1);
        } else if is_fenced {
            return Ok(Err(CommitError::Fenced));
        }
        let before = slot.cursor.replace(cursor.clone());
        if before.as_ref().is_some_and(|before| before.offset > cursor.offset) {
            return Err(format!("the cursor of {partition} moved back: {before:?} to {cursor:?}"));
        }
        Ok(Ok(before))
    }

    /// The owner is none any more.
    pub fn vacate(&mut self, partition: u32) {
        if let Some(slot) = self.slots.get_mut(partition as usize) {
            slot.epoch += 1;
            slot.owner = None;
            slot.leaves_by = None;
            slot.is_released = false;
            slot.commits = 0;
        }
    }

    /// The partitions of a member.
    pub fn owned_by(&self, member: Member) -> Vec<u32> {
        let slots = (0..).zip(&self.slots);
        slots.filter(|(_, slot)| slot.owner == Some(member)).map(|(number, _)| number).collect()
    }
}
