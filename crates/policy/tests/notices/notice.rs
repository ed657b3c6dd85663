//! A firm's policy, its file, and questions to both.

use candor_event::{Field, FieldSet, Kind, Timestamp};
use candor_policy::{
    Consent, Format, Language, NOTICES, Policy, PurposeRule, Request, Signals, compile,
};

/// A firm's policy, and its file.
pub(crate) struct Notice {
    pub(crate) policy: Policy,
    pub(crate) text: &'static str,
}

impl Notice {
    /// The notice of a firm.
    pub(crate) fn named(name: &str) -> Self {
        let (origin, text) = NOTICES.into_iter().find(|(file, _)| file.starts_with(name)).unwrap();
        Self { policy: compile(origin, text).unwrap_or_else(|p| panic!("{p}")), text }
    }

    pub(crate) fn rule(&self, name: &str) -> &PurposeRule {
        self.policy.purposes().iter().find(|rule| rule.name().as_str() == name).unwrap()
    }

    /// The file with something else in it, refused.
    pub(crate) fn refused(&self, from: &str, to: &str) -> String {
        assert!(self.text.contains(from), "{from}");
        compile("changed.toml", &self.text.replace(from, to)).unwrap_err().to_string()
    }

    pub(crate) fn page(&self, language: Language) -> String {
        let site = self.policy.sites()[0].name();
        self.policy.notice(site, language, Format::Html).unwrap()
    }

    pub(crate) fn keeps(&self, fields: &[Field]) {
        let kept: FieldSet = fields.iter().copied().collect();
        assert_eq!(self.policy.fields(), kept);
    }

    /// The purposes that keep an event, with the days until it must be gone.
    pub(crate) fn kept(&self, kind: Kind, consent: bool, signals: Signals) -> Vec<(String, i64)> {
        let now = Timestamp::from_unix(1_790_000_000);
        let consent = Consent::All(consent);
        let (received_at, asserted_by_operator) = (now, false);
        let request = Request { kind, signals, consent, received_at, now, asserted_by_operator };
        let grants = self.policy.admit(&request).map(|admission| admission.grants().collect());
        let days = |until: Timestamp| (until.unix() - now.unix()) / 86_400;
        let grants: Vec<_> = grants.unwrap_or_default();
        grants.iter().map(|grant| (grant.purpose.to_string(), days(grant.expires_at))).collect()
    }
}
