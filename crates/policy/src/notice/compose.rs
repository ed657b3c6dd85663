//! What a notice says, in order. Each section is a file; each sentence stands in `languages/*.toml`.

mod about;
mod choices;
pub(crate) mod collected;
pub(crate) mod purposes;
pub(crate) mod recipients;
pub(crate) mod retention;
mod rights;
mod summary;
mod treatment;

use candor_event::{Basis, Field, Purpose};

use super::document::{Block, Document, Section};
use crate::prose::Prose;
use crate::prose::say::fill;
use crate::{AddressMode, Language, Policy, PurposeRule, SiteEntry, VisitorMode};

/// What a notice is composed of.
#[derive(Clone, Copy)]
pub(crate) struct Notice<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) site: &'a SiteEntry,
    pub(crate) language: Language,
    pub(crate) prose: &'static Prose,
}

// === impl Notice ===

impl<'a> Notice<'a> {
    /// The whole of it.
    pub(crate) fn document(self) -> Document {
        let frame = &self.prose.frame;
        let values =
            [("site", self.site.name().as_str()), ("controller", self.policy.controller().name())];
        let version = self.policy.version().to_string();
        Document {
            language: self.language,
            title: fill(&frame.title, &values),
            description: fill(&frame.description, &values),
            contents: frame.contents.clone(),
            languages: Vec::new(),
            replaced: None,
            caution: (!self.prose.reviewed).then(|| frame.unreviewed.clone()),
            sections: self.sections(),
            closing: fill(&frame.fingerprint, &[("version", &version)]),
        }
    }

    fn sections(self) -> Vec<Section> {
        vec![
            summary::section(self),
            about::controller(self),
            collected::section(self),
            purposes::section(self),
            retention::section(self),
            treatment::section(self),
            recipients::section(self),
            recipients::place(self),
            choices::section(self),
            rights::section(self),
            about::figures(self),
            about::version(self),
        ]
    }

    /// The sentences that say it in a few words.
    pub(crate) fn summary(self) -> Vec<String> {
        summary::sentences(self)
    }

    /// A sentence with the controller's name, and others.
    fn say(self, sentence: &str, values: &[(&str, &str)]) -> String {
        let mut all = vec![("controller", self.policy.controller().name())];
        all.extend_from_slice(values);
        fill(sentence, &all)
    }

    /// The purposes, as visitors know them: `Statistics and marketing`.
    fn titles<'r>(self, rules: impl IntoIterator<Item = &'r PurposeRule>) -> String {
        let titles: Vec<_> = rules.into_iter().map(|rule| rule.title(self.language)).collect();
        self.prose.list(&titles)
    }

    /// The same, of purposes by name.
    fn named(self, names: &[Purpose]) -> String {
        self.titles(names.iter().filter_map(|name| self.policy.purpose(name)))
    }

    /// Who is responsible, and how to reach them.
    pub(crate) fn controller_facts(self) -> Block {
        about::facts(self)
    }

    /// What a field is called, and what it is, under this policy.
    pub(crate) fn field(self, field: Field) -> (&'static str, &'static str) {
        let variants = &self.prose.variants;
        let variant = match (field, self.policy.address(), self.policy.visitor()) {
            (Field::Address, AddressMode::Hash, _) => Some(&variants.address_hash),
            (Field::Address, AddressMode::Truncate { .. }, _) => Some(&variants.address_truncate),
            (Field::Visitor, _, VisitorMode::Consented) => Some(&variants.visitor_consented),
            (Field::Visitor, _, VisitorMode::Rotating) => Some(&variants.visitor_rotating),
            _ => None,
        };
        match variant {
            Some(variant) => (&variant.name, &variant.about),
            None => (self.prose.field(field), self.prose.describe(field)),
        }
    }

    fn on_consent(self) -> impl Iterator<Item = &'a PurposeRule> {
        self.policy.purposes().iter().filter(|rule| rule.basis() == Basis::Consent)
    }

    fn without_consent(self) -> impl Iterator<Item = &'a PurposeRule> {
        self.policy.purposes().iter().filter(|rule| rule.basis() != Basis::Consent)
    }

    fn keeps(self, field: Field) -> bool {
        self.policy.fields().contains(field)
    }

    /// A sentence about keys.
    pub(crate) fn say_of_keys(self, sentence: &str) -> String {
        let rotation = self.prose.hours(self.policy.rotation());
        let destroyed = self.prose.destroyed(self.policy.rotation());
        self.say(sentence, &[("rotation", &rotation), ("destroyed", &destroyed)])
    }
}
