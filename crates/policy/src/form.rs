//! The canonical form: a policy as JSON, every default spelt out, every list in order. It has the keys
//! of a policy file, and [`compile_json`](crate::compile_json) makes the same policy of it.

use std::collections::BTreeMap;

use candor_event::{Field, Kind, Purpose, Signal};
use serde::Serialize;

use crate::{
    AddressMode, Country, KindSet, Language, LegalBasis, PathPattern, Policy, Processor,
    PurposeRule, Retention, Role, Safeguard, SiteEntry, Texts, VisitorMode,
};

type Words<'a> = Vec<&'a str>;
type TextForm<'a> = BTreeMap<&'static str, &'a str>;

/// A policy, borrowed for writing.
#[derive(Serialize)]
pub(crate) struct Form<'a> {
    policy: HeadForm<'a>,
    controller: ControllerForm<'a>,
    sites: Vec<SiteForm<'a>>,
    data: DataForm<'a>,
    address: AddressForm,
    visitor: VisitorForm,
    page: PageForm<'a>,
    referrer: ReferrerForm,
    client_hints: HintsForm,
    signals: BTreeMap<&'static str, DeniedForm<'a>>,
    publish: PublishForm,
    roles: BTreeMap<&'a str, RoleForm<'a>>,
    purposes: BTreeMap<&'a str, PurposeForm<'a>>,
}

#[derive(Serialize)]
struct HeadForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    profile: &'static str,
    languages: Words<'static>,
}

#[derive(Serialize)]
struct ControllerForm<'a> {
    id: &'a str,
    name: &'a str,
    contact: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_protection_officer: Option<&'a str>,
}

#[derive(Serialize)]
struct SiteForm<'a> {
    name: &'a str,
    hosts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    /// Without a foreign id there is nothing that it could mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    scripts: Option<&'static str>,
}

#[derive(Serialize)]
struct DataForm<'a> {
    region: &'static str,
    log: String,
    processors: Vec<ProcessorForm<'a>>,
}

#[derive(Serialize)]
struct ProcessorForm<'a> {
    name: &'a str,
    task: &'static str,
    country: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    safeguard: Option<&'static str>,
}

#[derive(Serialize)]
struct AddressForm {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    v4: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    v6: Option<u8>,
    geography: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<String>,
}

#[derive(Serialize)]
struct VisitorForm {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<String>,
}

#[derive(Serialize)]
struct PageForm<'a> {
    keep_query: Words<'a>,
    replace_path: Words<'a>,
}

#[derive(Serialize)]
struct ReferrerForm {
    keep: &'static str,
}

#[derive(Serialize)]
struct HintsForm {
    high_entropy: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum DeniedForm<'a> {
    All(&'static str),
    These(Words<'a>),
}

#[derive(Serialize)]
struct PublishForm {
    smallest_cell: u8,
}

#[derive(Serialize)]
struct RoleForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<TextForm<'a>>,
    reads: Words<'a>,
}

#[derive(Serialize)]
struct PurposeForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<TextForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<TextForm<'a>>,
    basis: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    assessment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exemption: Option<&'a str>,
    retention: RetentionForm,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<TextForm<'a>>,
    fields: Words<'static>,
    kinds: Words<'static>,
    categories: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RetentionForm {
    Period(String),
    Sliding { period: String, from: &'static str, renews: Words<'static>, at_most: String },
}

// === impl Policy ===

impl Policy {
    /// The canonical form, which compiles to the same policy: see
    /// [`compile_json`](crate::compile_json).
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&Form::of(self)).unwrap_or_default()
    }
}

// === impl Form ===

impl<'a> Form<'a> {
    /// The form of a policy.
    pub(crate) fn of(policy: &'a Policy) -> Self {
        let purposes = policy.purposes.iter();
        let roles = policy.roles.iter();
        let signals = Signal::ALL.into_iter();
        Self {
            policy: HeadForm {
                version: policy.edition.version(),
                date: policy.edition.date().map(|date| date.to_string()),
                profile: policy.profile.name(),
                languages: policy.languages.iter().map(|language| language.label()).collect(),
            },
            controller: ControllerForm::of(policy),
            sites: policy.sites.iter().map(SiteForm::of).collect(),
            data: DataForm {
                region: policy.data.region.label(),
                log: policy.data.log.to_string(),
                processors: policy.data.processors.iter().map(ProcessorForm::of).collect(),
            },
            address: AddressForm::of(policy),
            visitor: VisitorForm::of(policy),
            page: PageForm {
                keep_query: policy.page.keep_query.iter().map(String::as_str).collect(),
                replace_path: policy.page.replace_path.iter().map(PathPattern::as_str).collect(),
            },
            referrer: ReferrerForm { keep: policy.referrer.label() },
            client_hints: HintsForm { high_entropy: policy.high_entropy },
            signals: signals.map(|s| (s.label(), DeniedForm::of(policy, s))).collect(),
            publish: PublishForm { smallest_cell: policy.smallest_cell },
            roles: roles.map(|role| (role.name(), RoleForm::of(role))).collect(),
            purposes: purposes.map(|rule| (rule.name.as_str(), PurposeForm::of(rule))).collect(),
        }
    }
}

impl<'a> ControllerForm<'a> {
    fn of(policy: &'a Policy) -> Self {
        let controller = &policy.controller;
        Self {
            id: controller.id(),
            name: controller.name(),
            contact: controller.contact(),
            address: controller.address(),
            country: controller.country().map(Country::code),
            data_protection_officer: controller.data_protection_officer(),
        }
    }
}

impl<'a> SiteForm<'a> {
    fn of(site: &'a SiteEntry) -> Self {
        let hosts = site.hosts.iter().map(ToString::to_string).collect();
        Self {
            name: site.name.as_str(),
            hosts,
            also: site.also.iter().map(ToString::to_string).collect(),
            scripts: (!site.also.is_empty()).then(|| site.scripts.label()),
        }
    }
}

impl<'a> ProcessorForm<'a> {
    fn of(processor: &'a Processor) -> Self {
        Self {
            name: processor.name(),
            task: processor.task.label(),
            country: processor.country.code(),
            safeguard: processor.safeguard.map(Safeguard::label),
        }
    }
}

impl AddressForm {
    fn of(policy: &Policy) -> Self {
        let (v4, v6) = match policy.address {
            AddressMode::Truncate { v4, v6 } => (Some(v4), Some(v6)),
            AddressMode::Drop | AddressMode::Hash => (None, None),
        };
        let is_keyed = policy.address == AddressMode::Hash;
        Self {
            mode: policy.address.label(),
            v4,
            v6,
            geography: policy.geography.label(),
            rotation: is_keyed.then(|| policy.rotation.to_string()),
        }
    }
}

impl VisitorForm {
    fn of(policy: &Policy) -> Self {
        let is_keyed = policy.visitor == VisitorMode::Rotating;
        Self {
            mode: policy.visitor.label(),
            rotation: is_keyed.then(|| policy.rotation.to_string()),
        }
    }
}

impl<'a> DeniedForm<'a> {
    fn of(policy: &'a Policy, signal: Signal) -> Self {
        let purposes = policy.purposes.iter();
        let denied: Vec<_> =
            purposes.filter(|rule| rule.denied_by(signal)).map(|rule| rule.name.as_str()).collect();
        if denied.len() == policy.purposes.len() { Self::All("all") } else { Self::These(denied) }
    }
}

impl<'a> RoleForm<'a> {
    fn of(role: &'a Role) -> Self {
        Self {
            title: role.title.as_ref().map(texts),
            reads: role.reads.iter().map(Purpose::as_str).collect(),
        }
    }
}

impl<'a> PurposeForm<'a> {
    fn of(rule: &'a PurposeRule) -> Self {
        let (assessment, exemption) = match &rule.basis {
            LegalBasis::Consent | LegalBasis::Contract => (None, None),
            LegalBasis::Exemption(name) => (None, Some(name.as_str())),
            LegalBasis::LegitimateInterest(reference) => (Some(reference.as_str()), None),
        };
        let categories = rule.categories.iter();
        Self {
            title: rule.title.as_ref().map(texts),
            about: rule.about.as_ref().map(texts),
            basis: rule.basis().label(),
            assessment,
            exemption,
            retention: RetentionForm::of(&rule.retention),
            reason: match &rule.retention {
                Retention::UntilFurtherNotice { reason } => Some(texts(reason)),
                Retention::Absolute(_) | Retention::Sliding { .. } => None,
            },
            fields: rule.fields.iter().map(Field::label).collect(),
            kinds: words(rule.kinds),
            categories: categories
                .map(|(kind, period)| (kind.label(), period.to_string()))
                .collect(),
        }
    }
}

impl RetentionForm {
    fn of(retention: &Retention) -> Self {
        match retention {
            Retention::Absolute(period) => Self::Period(period.to_string()),
            Retention::Sliding { period, renews, at_most } => Self::Sliding {
                period: period.to_string(),
                from: "latest-interaction",
                renews: words(*renews),
                at_most: at_most.to_string(),
            },
            Retention::UntilFurtherNotice { .. } => Self::Period("until further notice".to_owned()),
        }
    }
}

fn words(kinds: KindSet) -> Words<'static> {
    kinds.iter().map(Kind::label).collect()
}

fn texts(texts: &Texts) -> TextForm<'_> {
    texts.iter().map(|(language, text): (Language, _)| (language.label(), text)).collect()
}
