//! The words of notices, in every language: `languages/*.toml`. What is missing there, or too much, is
//! found by a test; a damaged file yields no notice rather than one with holes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use candor_event::{Field, Kind};
use serde::Deserialize;

use crate::Language;
use crate::nearest::listed;

pub(crate) mod say;

/// What a notice is made of, in one language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prose {
    /// Whether a native speaker has read it.
    pub(crate) reviewed: bool,
    /// Purposes that need no description by the controller.
    pub(crate) purposes: BTreeMap<String, PurposeProse>,
    /// Roles that need none.
    pub(crate) roles: BTreeMap<String, String>,
    pub(crate) fields: BTreeMap<String, FieldProse>,
    pub(crate) variants: Variants,
    pub(crate) kinds: BTreeMap<String, String>,
    pub(crate) tasks: BTreeMap<String, String>,
    pub(crate) words: Words,
    pub(crate) identifiability: IdentifiabilityProse,
    pub(crate) frame: FrameProse,
    pub(crate) summary: SummaryProse,
    pub(crate) controller: ControllerProse,
    pub(crate) collected: CollectedProse,
    pub(crate) purposes_section: PurposesProse,
    pub(crate) retention: RetentionProse,
    pub(crate) treatment: TreatmentProse,
    pub(crate) recipients: RecipientsProse,
    pub(crate) safeguards: SafeguardsProse,
    pub(crate) place: PlaceProse,
    pub(crate) choices: ChoicesProse,
    pub(crate) rights: RightsProse,
    pub(crate) published: PublishedProse,
    pub(crate) version: VersionProse,
    pub(crate) record: RecordProse,
}

/// A purpose, as visitors read of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurposeProse {
    pub(crate) title: String,
    pub(crate) about: String,
}

/// A field, as visitors read of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldProse {
    pub(crate) name: String,
    /// In English the catalogue says it.
    about: Option<String>,
}

/// Fields that are another by the policy's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variants {
    pub(crate) address_truncate: Variant,
    pub(crate) address_hash: Variant,
    pub(crate) visitor_rotating: Variant,
    pub(crate) visitor_consented: Variant,
}

/// A field, as visitors read of it under one setting.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) about: String,
}

/// Words that sentences are put together with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    pub(crate) and: String,
    pub(crate) day: String,
    pub(crate) days: String,
    pub(crate) hour: String,
    /// So many hours and a half.
    pub(crate) half: String,
    pub(crate) hours: String,
    pub(crate) month: String,
    pub(crate) months: String,
    pub(crate) year: String,
    pub(crate) years: String,
    pub(crate) all: String,
    pub(crate) none: String,
    pub(crate) date: String,
    /// The months, as they stand in a date.
    pub(crate) calendar: [String; 12],
}

/// A section of a notice: sentences, of which some have gaps.
macro_rules! section {
    ($name:ident: $($sentence:ident)+) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $(pub(crate) $sentence: String,)+
        }
    };
}

section! { IdentifiabilityProse:
    low some high
}

section! { FrameProse:
    title description contents unreviewed fingerprint
}

section! { SummaryProse:
    heading consent_only consent_partly consent_never address_drop address_truncate
    address_hash visitor_none visitor_rotating visitor_consented longest endless signals_all
    signals_some signals_none
}

section! { ControllerProse:
    heading about covers name contact address country officer
}

section! { CollectedProse:
    heading about field what identifying purposes besides losses keys
}

section! { PurposesProse:
    heading basis events every_event fields no_fields period readers consent contract
    legitimate_interest exemption
}

section! { RetentionProse:
    heading about purpose events other_events period absolute sliding renews early endless
    reason unchanged
}

section! { TreatmentProse:
    heading address_drop address_truncate address_hash geography_none geography_country
    geography_region geography_city network visitor_none visitor_rotating visitor_consented
    removed query_none query_some campaign_only campaign_and patterns referrer_host referrer_origin referrer_path
    hints_no hints_yes
}

section! { RecipientsProse:
    heading nobody_else processors processor task country safeguard within roles role reads
    no_roles by_hand
}

section! { SafeguardsProse:
    adequacy_decision standard_contractual_clauses binding_corporate_rules
}

section! { PlaceProse:
    heading eea eu country eea_but eu_but country_but by_hand
}

section! { ChoicesProse:
    heading consent by_hand other_scripts voluntary contract signals signal denies dnt gpc objection beats
}

section! { RightsProse:
    heading how by_hand access rectification erasure restriction portability objection
    withdrawal unknown rotating consented others complaint authority page
}

section! { PublishedProse:
    heading about by_hand
}

section! { VersionProse:
    heading about name date fingerprint profile profile_checked languages earlier_heading
    earlier_dated replaced in_force
}

section! { RecordProse:
    title description subjects subjects_heading categories_heading activities_heading
    transfers_heading no_transfers erasure_heading measures_heading measure_address
    measure_keys measure_purposes measure_views measure_expiry measure_gate
    measure_redaction
}

/// In the order of [`Language::ALL`].
static PROSE: LazyLock<[Option<Prose>; Language::ALL.len()]> =
    LazyLock::new(|| FILES.map(|file| toml::from_str(file).ok()));

const FILES: [&str; Language::ALL.len()] = [
    include_str!("../languages/en.toml"),
    include_str!("../languages/sv.toml"),
    include_str!("../languages/nb.toml"),
    include_str!("../languages/fi.toml"),
];

/// The words of a language; `None` when its file is damaged, which a test rules out.
pub(crate) fn of(language: Language) -> Option<&'static Prose> {
    PROSE.get(language as usize).and_then(Option::as_ref)
}

/// Whether visitors are told of a purpose of this name without the controller's help.
pub(crate) fn knows_purpose(name: &str) -> bool {
    of(Language::En).is_some_and(|prose| prose.purposes.contains_key(name))
}

/// The purposes that need no description, for messages.
pub(crate) fn known_purposes() -> String {
    known(|prose| prose.purposes.keys().collect())
}

/// Whether visitors are told of a role of this name without the controller's help.
pub(crate) fn knows_role(name: &str) -> bool {
    of(Language::En).is_some_and(|prose| prose.roles.contains_key(name))
}

/// The roles that need no description, for messages.
pub(crate) fn known_roles() -> String {
    known(|prose| prose.roles.keys().collect())
}

/// What a purpose of this name is called, and what it is for, in words that need no controller.
pub(crate) fn purpose(name: &str, language: Language) -> Option<&'static PurposeProse> {
    of(language)?.purposes.get(name)
}

/// What a role of this name is called, in words that need no controller.
pub(crate) fn role(name: &str, language: Language) -> Option<&'static str> {
    of(language)?.roles.get(name).map(String::as_str)
}

// === impl Prose ===

impl Prose {
    /// What a field is called.
    pub(crate) fn field(&self, field: Field) -> &str {
        self.fields.get(field.label()).map_or_else(|| field.label(), |known| &known.name)
    }

    /// What a field is, and where it comes from.
    pub(crate) fn describe(&self, field: Field) -> &str {
        let known = self.fields.get(field.label());
        known.and_then(|known| known.about.as_deref()).unwrap_or_else(|| field.describe())
    }

    /// What events of a kind are called, in the plural.
    pub(crate) fn kind(&self, kind: Kind) -> &str {
        self.kinds.get(kind.label()).map_or_else(|| kind.label(), String::as_str)
    }
}

fn known(names: impl Fn(&'static Prose) -> Vec<&'static String>) -> String {
    let names = of(Language::En).map(names).unwrap_or_default();
    listed(&names.into_iter().map(String::as_str).collect::<Vec<_>>())
}

#[cfg(test)]
#[path = "prose/tests.rs"]
mod tests;
