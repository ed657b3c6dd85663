//! The parts of a batch, each into a table of its own.

use std::collections::HashSet;

use candor_event::Purpose;
use candor_store::{Batch, Position};

/// Where a part of a batch goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The rows of a purpose.
    Rows(Purpose),
    /// What cannot be stored.
    Quarantine,
    /// The range's row of the ledger.
    Ledger,
}

impl Target {
    /// The parts of a batch. The ledger comes last: when its row is there, everything else was answered.
    pub(super) fn of(batch: &Batch) -> Vec<Self> {
        let mut targets: Vec<_> = batch.purposes().into_iter().map(Self::Rows).collect();
        targets.extend([Self::Quarantine, Self::Ledger]);
        targets
    }

    /// The positions of a batch that belong there. The row of the ledger counts as the range's first.
    pub fn positions<'a>(&'a self, batch: &'a Batch) -> Box<dyn Iterator<Item = Position> + 'a> {
        match self {
            Self::Rows(purpose) => {
                let events = batch.events.iter().filter(|event| event.is_for(purpose));
                Box::new(events.map(|event| event.position))
            }
            Self::Quarantine => Box::new(batch.quarantined.iter().map(|it| it.position)),
            Self::Ledger => {
                Box::new(std::iter::once(Position { offset: batch.range.first, index: 0 }))
            }
        }
    }

    /// Whether everything that belongs there is there.
    pub(super) fn is_complete(&self, batch: &Batch, present: &HashSet<Position>) -> bool {
        self.positions(batch).all(|position| present.contains(&position))
    }
}
