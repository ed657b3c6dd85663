//! What one purpose may keep, why, and for how long.

use candor_event::{Basis, FieldSet, Kind, Purpose, Signal};

use crate::{KindSet, Language, Period, Retention, Signals, Texts, prose};

/// What one purpose may keep, why, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurposeRule {
    pub(crate) name: Purpose,
    pub(crate) title: Option<Texts>,
    pub(crate) about: Option<Texts>,
    pub(crate) basis: LegalBasis,
    pub(crate) retention: Retention,
    pub(crate) fields: FieldSet,
    pub(crate) kinds: KindSet,
    /// In the order of the contract; only those whose period is another than the purpose's.
    pub(crate) categories: Vec<(Kind, Period)>,
    pub(crate) denied_by: Signals,
    /// By the number of the kind, so that the gate need not search.
    pub(crate) periods: Periods,
}

/// How long an event of each kind is kept.
pub(crate) type Periods = [Period; Kind::ALL.len() + 1];

/// Why a purpose may keep what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegalBasis {
    /// The visitor consented.
    Consent,
    /// A contract with the visitor.
    Contract,
    /// A national exemption, by the name that the profile has for it.
    Exemption(String),
    /// A legitimate interest, with a reference to the assessment that weighed it.
    LegitimateInterest(String),
}

// === impl PurposeRule ===

impl PurposeRule {
    /// The purpose, which is also the name of its table.
    pub fn name(&self) -> &Purpose {
        &self.name
    }

    /// What visitors read as its name: the controller's own words, or those of every notice.
    pub fn title(&self, language: Language) -> &str {
        let own = self.title.as_ref().and_then(|texts| texts.nearest(language));
        let known = || prose::purpose(self.name.as_str(), language).map(|known| &*known.title);
        own.or_else(known).unwrap_or(self.name.as_str())
    }

    /// What visitors read of it: the controller's own words, or those of every notice.
    pub fn about(&self, language: Language) -> &str {
        let own = self.about.as_ref().and_then(|texts| texts.nearest(language));
        let known = || prose::purpose(self.name.as_str(), language).map(|known| &*known.about);
        own.or_else(known).unwrap_or_default()
    }

    /// The legal basis.
    pub fn basis(&self) -> Basis {
        self.basis.basis()
    }

    /// The legal basis, and what it rests on.
    pub fn legal_basis(&self) -> &LegalBasis {
        &self.basis
    }

    /// How it ends what it keeps.
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// How long an event of this kind is kept, from its receipt.
    pub fn period(&self, kind: Kind) -> Period {
        let [first, ..] = self.periods;
        self.periods.get(kind as usize).copied().unwrap_or(first)
    }

    /// Kinds of event that have a period of their own, with it.
    pub fn categories(&self) -> &[(Kind, Period)] {
        &self.categories
    }

    /// The kinds of event that it keeps.
    pub fn kinds(&self) -> KindSet {
        self.kinds
    }

    /// What may be kept.
    pub fn fields(&self) -> FieldSet {
        self.fields
    }

    /// The period of each kind.
    pub(crate) fn periods(retention: &Retention, categories: &[(Kind, Period)]) -> Periods {
        let mut periods = [retention.period(); Kind::ALL.len() + 1];
        for (kind, period) in categories {
            if let Some(slot) = periods.get_mut(*kind as usize) {
                *slot = *period;
            }
        }
        periods
    }

    /// Whether a visitor's `signal` denies it.
    pub fn denied_by(&self, signal: Signal) -> bool {
        self.denied_by.has(signal)
    }
}

// === impl LegalBasis ===

impl LegalBasis {
    /// The basis alone, as rows carry it.
    pub const fn basis(&self) -> Basis {
        match self {
            Self::Consent => Basis::Consent,
            Self::Contract => Basis::Contract,
            Self::Exemption(_) => Basis::Exemption,
            Self::LegitimateInterest(_) => Basis::LegitimateInterest,
        }
    }

    /// What it rests on: the exemption's name, or the reference of the assessment.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Consent | Self::Contract => None,
            Self::Exemption(reference) | Self::LegitimateInterest(reference) => Some(reference),
        }
    }
}
