//! Until when: the ways in which a purpose ends what it keeps.
//!
//! Whatever the way, the gate writes a moment into the row that no promise lies before: see
//! [`Retention::period`].

use crate::{KindSet, Period, Texts};

/// How a purpose ends what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retention {
    /// So long after the event was received.
    Absolute(Period),
    /// So long after the visitor's latest interaction.
    Sliding {
        /// How long after it.
        period: Period,
        /// The events that count as one.
        renews: KindSet,
        /// How long after the event was received at the very most.
        at_most: Period,
    },
    /// Without a promise, and with the reason why the controller gives none. Flagged wherever it shows.
    UntilFurtherNotice {
        /// What the controller wrote.
        reason: Texts,
    },
}

// === impl Retention ===

impl Retention {
    /// How long after it was received a row is kept now. Of a sliding period, that is the period without
    /// any renewal: until something exists that knows a visitor's latest interaction, a row rather goes
    /// too early than too late. Without a promise, it is the longest period that there is.
    pub const fn period(&self) -> Period {
        match self {
            Self::Absolute(period) | Self::Sliding { period, .. } => *period,
            Self::UntilFurtherNotice { .. } => Period::LONGEST,
        }
    }

    /// How long after it was received a row may be kept, once everything promised is done.
    pub const fn longest(&self) -> Period {
        match self {
            Self::Absolute(period) => *period,
            Self::Sliding { at_most, .. } => *at_most,
            Self::UntilFurtherNotice { .. } => Period::LONGEST,
        }
    }
}
