//! The gate: which purposes may keep an event, on which basis and until when.
//!
//! A purpose keeps an event when it keeps events of the kind, its basis holds (its own, or the visitor's
//! consent), the kind's period has not run out, and no signal denies it. Signals beat consent. Nothing is
//! allocated on the way, and no purpose is searched for.

use std::fmt;

use candor_event::{Basis, FieldSet, Kind, Outcome, Purpose, Signal, Timestamp};

use crate::civil::Moment;
use crate::{Policy, PurposeRule};

/// What the gate needs to know of one event.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What happened.
    pub kind: Kind,
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
    /// The visitor's objection to this site.
    pub objection: bool,
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
    /// Of each purpose that is granted.
    expires_at: [Timestamp; Policy::PURPOSES_MAX],
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
    /// No purpose keeps events of the kind.
    #[error("no purpose keeps events of this kind")]
    Kind,
    /// The visitor's objection denied what would have been granted, whatever other signals said.
    #[error("the visitor's objection denies every purpose")]
    Objection,
}

// === impl Policy ===

impl Policy {
    /// Decides which purposes may keep an event.
    ///
    /// # Errors
    /// [`Denial`]: none may. Of several reasons the one is named that came nearest to a grant: a
    /// signal (the objection before `Sec-GPC` before `DNT`), then the period, the consent, the kind.
    pub fn admit(&self, request: &Request<'_>) -> Result<Admission<'_>, Denial> {
        let received = Moment::at(request.received_at.unix());
        let mut expires_at = [Timestamp::default(); Self::PURPOSES_MAX];
        let (mut granted, mut denial) = (0, Denial::Kind);
        for ((bit, rule), slot) in self.purposes.iter().enumerate().zip(&mut expires_at) {
            match rule.decide(request, &received) {
                Ok(expires_at) => {
                    granted |= 1 << bit;
                    *slot = expires_at;
                }
                Err(reason) if reason.rank() > denial.rank() => denial = reason,
                Err(_) => {}
            }
        }
        if granted == 0 {
            return Err(denial);
        }
        let asserted_by_operator = request.asserted_by_operator;
        Ok(Admission { policy: self, granted, expires_at, asserted_by_operator })
    }
}

// === impl PurposeRule ===

impl PurposeRule {
    /// Until when it keeps an event. A signal is named only when everything else would have let the
    /// event in.
    fn decide(&self, request: &Request<'_>, received: &Moment) -> Result<Timestamp, Denial> {
        if !self.kinds.contains(request.kind) {
            return Err(Denial::Kind);
        }
        if self.basis() == Basis::Consent && !request.consent.covers(&self.name) {
            return Err(Denial::Consent);
        }
        let expires_at = self.period(request.kind).expires_after(received);
        if expires_at <= request.now {
            return Err(Denial::Expired);
        }
        if request.signals.objection && self.denied_by(Signal::Objection) {
            return Err(Denial::Objection);
        }
        if request.signals.gpc && self.denied_by(Signal::Gpc) {
            return Err(Denial::Gpc);
        }
        if request.signals.dnt && self.denied_by(Signal::Dnt) {
            return Err(Denial::Dnt);
        }
        Ok(expires_at)
    }
}

// === impl Admission ===

impl<'p> Admission<'p> {
    /// What each purpose may keep; never empty.
    pub fn grants(&self) -> impl Iterator<Item = GrantRef<'p>> + Clone + use<'p> {
        let Self { expires_at, asserted_by_operator, .. } = *self;
        self.rules().map(move |(bit, rule)| GrantRef {
            purpose: &rule.name,
            basis: match rule.basis() {
                Basis::Consent if asserted_by_operator => Basis::OperatorAsserted,
                basis => basis,
            },
            fields: rule.fields,
            expires_at: expires_at.get(bit).copied().unwrap_or_default(),
        })
    }

    /// Every field that some grant covers.
    pub fn fields(&self) -> FieldSet {
        self.rules().fold(FieldSet::EMPTY, |all, (_, rule)| all.union(rule.fields))
    }

    /// The policy that admitted the event.
    pub fn policy(&self) -> &'p Policy {
        self.policy
    }

    fn rules(&self) -> impl Iterator<Item = (usize, &'p PurposeRule)> + Clone + use<'p> {
        let granted = self.granted;
        let numbered = self.policy.purposes.iter().enumerate();
        numbered.filter(move |(bit, _)| granted & (1 << bit) != 0)
    }
}

// === impl Signals ===

impl Signals {
    /// Whether a signal is among them.
    pub const fn has(self, signal: Signal) -> bool {
        match signal {
            Signal::Dnt => self.dnt,
            Signal::Gpc => self.gpc,
            Signal::Objection => self.objection,
        }
    }

    /// Puts a signal in, or takes it out.
    pub const fn set(&mut self, signal: Signal, is_sent: bool) {
        match signal {
            Signal::Dnt => self.dnt = is_sent,
            Signal::Gpc => self.gpc = is_sent,
            Signal::Objection => self.objection = is_sent,
        }
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
            Self::Kind => Outcome::KindDenied,
            Self::Objection => Outcome::DeniedByObjection,
        }
    }

    /// How near to a grant it came.
    const fn rank(self) -> u8 {
        match self {
            Self::Kind => 0,
            Self::Consent => 1,
            Self::Expired => 2,
            Self::Dnt => 3,
            Self::Gpc => 4,
            Self::Objection => 5,
        }
    }
}

#[cfg(test)]
#[path = "gate/tests.rs"]
mod tests;
