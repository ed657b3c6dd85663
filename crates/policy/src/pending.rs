//! What a policy promises that this version does not do by itself yet. The notice says of each that the
//! controller sees to it, or counts the period so that nothing is kept longer than promised.

use candor_event::Basis;
use serde::Serialize;

use crate::words::words;
use crate::{Policy, PurposeRule, Retention};

words! {
    /// Something that is to come, by the word that lists of promises have for it.
    pub enum Capability {
        /// A record of every consent: which text, when, what for.
        ConsentLedger = "consent-ledger",
        /// The domain of a visitor's provider.
        DomainDatabase = "domain-database",
        /// Access, rectification, erasure, restriction, objection, portability, withdrawal.
        Rights = "rights",
        /// Named people who may read this and not that.
        Roles = "roles",
        /// Figures in which nobody can be found.
        SealedStatistics = "sealed-statistics",
        /// Periods that an interaction renews.
        SlidingReaper = "sliding-reaper",
    }
}

/// A promise that waits for a capability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// What it waits for.
    #[serde(serialize_with = "label")]
    pub needs: Capability,
    /// What is done until then.
    pub until_then: &'static str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn label<S: serde::Serializer>(needs: &Capability, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(needs.label())
}

// === impl Policy ===

impl Policy {
    /// What it promises that this version does not do by itself yet.
    pub fn pending(&self) -> Vec<Pending> {
        let any = |is: fn(&PurposeRule) -> bool| self.purposes.iter().any(is);
        let slides = any(|rule| matches!(rule.retention(), Retention::Sliding { .. }));
        let asks = any(|rule| rule.basis() == Basis::Consent);
        let waits = [
            (true, Capability::Rights, "the controller answers each request by hand"),
            (asks, Capability::ConsentLedger, "the site keeps its own record of consents"),
            (
                !self.roles.is_empty(),
                Capability::Roles,
                "the controller grants views of the database by hand",
            ),
            (
                true,
                Capability::SealedStatistics,
                "the controller publishes no figure about fewer visitors",
            ),
            (
                slides,
                Capability::SlidingReaper,
                "the period counts from receipt, so that rows go too early rather than too late",
            ),
        ];
        let waits = waits.into_iter().filter(|(is_promised, ..)| *is_promised);
        waits.map(|(_, needs, until_then)| Pending { needs, until_then }).collect()
    }
}
