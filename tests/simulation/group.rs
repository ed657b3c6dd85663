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
    /// Whether somebody ever set a cursor back.
    pub was_set_back: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// Grows with every change of owner: what an earlier one sends is refused.
    pub epoch: u64,
    pub owner: Option<Member>,
    pub cursor: Option<Cursor>,
    /// Where it stood before somebody set it back.
    pub set_back_from: Option<Cursor>,
    /// The owner was told to let go, and is thrown out at this time.
    pub leaves_by: Option<u64>,
    /// The owner has let go; commits of its are still on their way.
    pub is_released: bool,
    /// Commits on their way.
    pub commits: u64,
}

impl Slot {
    /// Where the cursor stands, or stood before it was set back.
    pub fn stands(&self) -> Option<Cursor> {
        self.set_back_from.clone().or_else(|| self.cursor.clone())
    }
}

impl Group {
    pub fn new(partitions: usize) -> Self {
        Self { slots: vec![Slot::default(); partitions], ..Self::default() }
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
        slot.set_back_from.take_if(|from| from.offset <= cursor.offset);
        if before.as_ref().is_some_and(|before| before.offset > cursor.offset) {
            return Err(format!("the cursor of {partition} moved back: {before:?} to {cursor:?}"));
        }
        Ok(Ok(before))
    }

    /// There is another log now.
    pub fn forget_cursors(&mut self) {
        for slot in &mut self.slots {
            slot.cursor = None;
            slot.set_back_from = None;
        }
    }

    /// Sets a cursor, as an operator does when no member is left.
    pub fn set_cursor(&mut self, partition: u32, offset: u64) {
        if let Some(slot) = self.slots.get_mut(partition as usize) {
            let stood = slot.cursor.replace(Cursor { offset, metadata: String::new() });
            let set_back_from = slot.set_back_from.take().or(stood);
            slot.set_back_from = set_back_from.filter(|from| from.offset > offset);
            self.was_set_back |= slot.set_back_from.is_some();
        }
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
