//! A part of a batch on its way into its table: under which token its rows go, and which are tried.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use candor_store::{Attempt, Batch, Position, Refusal, Refused, Slice};

use super::sift::Sift;
use super::target::Target;

#[derive(Debug)]
pub(super) struct Part {
    pub(super) target: Target,
    /// The token that missing rows go under.
    pub(super) repair: u32,
    /// The token is known, and rows that are missing at this time will not come.
    pub(super) settled_at: Option<Duration>,
    sifting: Option<Sifting>,
}

/// Rows are at fault. From then on all owners insert the same slices, under the same tokens.
#[derive(Debug)]
struct Sifting {
    /// All rows of the range, before any was set aside.
    rows: Vec<Position>,
    sift: Sift,
    refused: Vec<Refused>,
}

impl Part {
    pub(super) const fn new(target: Target) -> Self {
        Self { target, repair: 0, settled_at: None, sifting: None }
    }

    /// A part of which rows were refused before.
    pub(super) fn sifted(target: Target, batch: &Batch) -> Self {
        let mut part = Self::new(target);
        part.begin_sifting(batch);
        part
    }

    fn begin_sifting(&mut self, batch: &Batch) {
        let rows: Vec<_> = self.target.positions(batch).collect();
        let sift = Sift::new(rows.len());
        self.sifting = Some(Sifting { rows, sift, refused: Vec::new() });
    }

    pub(super) fn attempt(&self) -> Attempt {
        let slice = self.sifting.as_ref().and_then(|sifting| sifting.sift.slice());
        Attempt { repair: self.repair, slice, held: None }
    }

    /// Whether all rows that are tried now are there.
    pub(super) fn is_stored(&self, batch: &Batch, present: &HashSet<Position>) -> bool {
        let tried = self.sifting.as_ref().map(Sifting::tried);
        let is_tried = |row: &Position| tried.as_ref().is_none_or(|tried| tried.contains(row));
        self.target.positions(batch).filter(is_tried).all(|row| present.contains(&row))
    }

    /// The rows that are tried now are there; whether others are to be tried.
    pub(super) fn goes_on(&mut self) -> bool {
        self.repair = 0;
        self.settled_at = None;
        let Some(Sifting { rows, sift, .. }) = &mut self.sifting else {
            return false;
        };
        sift.stored();
        if sift.slice().is_some() {
            return true;
        }
        // Should anything be missing yet, it goes the same way.
        *sift = Sift::new(rows.len());
        false
    }

    /// The rows that are tried now are refused.
    pub(super) fn is_refused(&mut self, batch: &Batch, refusal: Refusal) {
        self.repair = 0;
        self.settled_at = None;
        let Some(Sifting { rows, sift, refused }) = &mut self.sifting else {
            return self.begin_sifting(batch);
        };
        let position = sift.refused().and_then(|row| rows.get(row)).copied();
        if let (Target::Rows(purpose), Some(position)) = (&self.target, position) {
            refused.push(Refused { purpose: purpose.clone(), position, refusal });
        }
    }

    /// How many rows were found to be at fault, and not yet set aside.
    pub(super) fn refused(&self) -> usize {
        self.sifting.as_ref().map_or(0, |sifting| sifting.refused.len())
    }

    pub(super) fn take_refused(&mut self) -> Vec<Refused> {
        self.sifting.as_mut().map(|it| std::mem::take(&mut it.refused)).unwrap_or_default()
    }

    /// What an insert leaves out: what is there, and what is not tried now.
    pub(super) fn left_out(
        &self,
        batch: &Batch,
        present: &Arc<HashSet<Position>>,
    ) -> Arc<HashSet<Position>> {
        let Some(sifting) = &self.sifting else {
            return Arc::clone(present);
        };
        let tried = sifting.tried();
        let others = self.target.positions(batch).filter(|row| !tried.contains(row));
        Arc::new(present.iter().copied().chain(others).collect())
    }
}

impl Sifting {
    fn tried(&self) -> HashSet<Position> {
        match self.sift.slice() {
            Some(Slice { first, last }) => {
                self.rows.get(first..=last).unwrap_or_default().iter().copied().collect()
            }
            None => HashSet::new(),
        }
    }
}
