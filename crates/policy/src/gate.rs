//! The gate: which purposes may keep an event, on which basis and until when.
//!
//! A purpose keeps an event when its basis holds (its own, or the visitor's consent), its period has
//! not run out, and no signal denies it. Signals beat consent. Nothing is allocated on the way.

use std::fmt;

use candor_event::{Basis, FieldSet, Outcome, Purpose, Signal, Timestamp};

use crate::civil::Moment;
use crate::{Policy, PurposeRule};

/// What the gate needs to know of one event.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The wishes that the browser sent along.
    pub signals: Signals,
    /// What the visitor consented to.
    pub consent: Consent<'a>,
    /// When the event was received; imports date it back.
    pub received_at: Timestamp,
    /// The present moment.
    pub now: Timestamp,
    /// Whether the operator asserts the consent, for an imported log.
    pub asserted_by_operator: bool,
}

/// A set of signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// Do Not Track.
    pub dnt: bool,
    /// Global Privacy Control.
    pub gpc: bool,
}

/// What the visitor consented to.
#[derive(Clone, Copy, Default)]
pub enum Consent<'a> {
    /// Nothing was said, so nothing was consented to.
    #[default]
    Absent,
    /// Yes or no to every purpose that needs consent.
    All(bool),
    /// An answer for each purpose by name. A purpose without an answer has no consent.
    PerPurpose(&'a dyn Fn(&str) -> Option<bool>),
}

/// Leave to keep an event: at least one purpose may.
#[derive(Clone, Copy, Debug)]
pub struct Admission<'p> {
    policy: &'p Policy,
    /// A bit for each of the policy's purposes.
    granted: u16,
    received: Moment,
    asserted_by_operator: bool,
}

/// What one purpose may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantRef<'p> {
    /// The purpose.
    pub purpose: &'p Purpose,
    /// The basis on which it keeps the event.
    pub basis: Basis,
    /// What it may keep.
    pub fields: FieldSet,
    /// When that must be gone.
    pub expires_at: Timestamp,
}

/// Why no purpose may keep an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Every purpose needs a consent that was not given.
    #[error("no purpose has the consent that it needs")]
    Consent,
    /// `DNT` denied what would have been granted.
    #[error("DNT denies every purpose")]
    Dnt,
    /// Every period that would have been granted has run out.
    #[error("the event is older than every period that is granted")]
    Expired,
    /// `Sec-GPC` denied what would have been granted, whatever `DNT` said.
    #[error("Sec-GPC denies every purpose")]
    Gpc,
}

// === impl Policy ===

impl Policy {
    /// Decides which purposes may keep an event.
    ///
    /// # Errors
    /// [`Denial`]: none may. Of several reasons the one is named that came nearest to a grant: a
    /// signal (`Sec-GPC` before `DNT`), then the period, then the consent.
    pub fn admit(&self, request: &Request<'_>) -> Result<Admission<'_>, Denial> {
        let received = Moment::at(request.received_at.unix());
        let (mut granted, mut denial) = (0, Denial::Consent);
        for (bit, rule) in self.purposes.iter().enumerate() {
            match rule.decide(request, &received) {
                Ok(()) => granted |= 1 << bit,
                Err(reason) if reason.rank() > denial.rank() => denial = reason,
                Err(_) => {}
            }
        }
        if granted == 0 {
            return Err(denial);
        }
        Ok(Admission {
            policy: self,
            granted,
            received,
            asserted_by_operator: request.asserted_by_operator,
        })
    }
}

// === impl PurposeRule ===

impl PurposeRule {
    /// A signal is named only when everything else would have let the event in.
    fn decide(&self, request: &Request<'_>, received: &Moment) -> Result<(), Denial> {
        if self.basis == Basis::Consent && !request.consent.covers(&self.name) {
            return Err(Denial::Consent);
        }
        if self.retention.expires_after(received) <= request.now {
            return Err(Denial::Expired);
        }
        if request.signals.gpc && self.denied_by(Signal::Gpc) {
            return Err(Denial::Gpc);
        }
        if request.signals.dnt && self.denied_by(Signal::Dnt) {
            return Err(Denial::Dnt);
        }
        Ok(())
    }
}

// === impl Admission ===

impl<'p> Admission<'p> {
    /// What each purpose may keep; never empty.
    pub fn grants(&self) -> impl Iterator<Item = GrantRef<'p>> + use<'p> {
        let Self { received, asserted_by_operator, .. } = *self;
        self.rules().map(move |rule| GrantRef {
            purpose: &rule.name,
            basis: match rule.basis {
                Basis::Consent if asserted_by_operator => Basis::OperatorAsserted,
                basis => basis,
            },
            fields: rule.fields,
            expires_at: rule.retention.expires_after(&received),
        })
    }

    /// Every field that some grant covers.
    pub fn fields(&self) -> FieldSet {
        self.rules().fold(FieldSet::EMPTY, |all, rule| all.union(rule.fields))
    }

    /// The policy that admitted the event.
    pub fn policy(&self) -> &'p Policy {
        self.policy
    }

    fn rules(&self) -> impl Iterator<Item = &'p PurposeRule> + use<'p> {
        let granted = self.granted;
        let numbered = self.policy.purposes.iter().enumerate();
        numbered.filter_map(move |(bit, rule)| (granted & (1 << bit) != 0).then_some(rule))
    }
}

// === impl Consent ===

impl Consent<'_> {
    fn covers(&self, purpose: &Purpose) -> bool {
        match self {
            Self::Absent => false,
            Self::All(answer) => *answer,
            Self::PerPurpose(answer) => answer(purpose.as_str()).unwrap_or(false),
        }
    }
}

impl fmt::Debug for Consent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::All(answer) => f.debug_tuple("All").field(answer).finish(),
            Self::PerPurpose(_) => f.write_str("PerPurpose(..)"),
        }
    }
}

// === impl Denial ===

impl Denial {
    /// The fate of a beacon that is denied so.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Consent => Outcome::ConsentDenied,
            Self::Dnt => Outcome::DeniedByDnt,
            Self::Expired => Outcome::Expired,
            Self::Gpc => Outcome::DeniedByGpc,
        }
    }

    /// How near to a grant it came.
    const fn rank(self) -> u8 {
        match self {
            Self::Consent => 0,
            Self::Expired => 1,
            Self::Dnt => 2,
            Self::Gpc => 3,
        }
    }
}

#[cfg(test)]
#[path = "gate/tests.rs"]
mod tests;
