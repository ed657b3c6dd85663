//! The record of processing activities that the law asks of a controller (GDPR, article 30(1)), made from
//! the policy: what stands there is what is done.

use serde::Serialize;

use crate::notice::compose::{Notice, collected, purposes, recipients, retention};
use crate::notice::document::{Block, Document, Section};
use crate::notice::{Format, NoticeError, html, markdown};
use crate::prose::say::fill;
use crate::{Language, Policy, Processor, PurposeRule};

// === impl Policy ===

impl Policy {
    /// The record of processing activities, in one of the policy's languages.
    ///
    /// # Errors
    /// [`NoticeError`]: the policy does not have the language.
    pub fn record(&self, language: Language, format: Format) -> Result<String, NoticeError> {
        // A policy without sites does not compile.
        let site = self.sites.first().ok_or(NoticeError::UnknownSite)?;
        let notice = self.composed(site, language)?;
        Ok(match format {
            Format::Html => html::page(&document(notice)),
            Format::Json => serde_json::to_string_pretty(&Record::of(notice)).unwrap_or_default(),
            Format::Markdown => markdown::text(&document(notice)),
        })
    }
}

// === as a text ===

fn document(notice: Notice<'_>) -> Document {
    let prose = &notice.prose.record;
    let controller = [("controller", notice.policy.controller().name())];
    let frame = &notice.prose.frame;
    let version = notice.policy.version().to_string();
    Document {
        language: notice.language,
        title: fill(&prose.title, &controller),
        description: fill(&prose.description, &controller),
        contents: frame.contents.clone(),
        languages: Vec::new(),
        replaced: None,
        caution: (!notice.prose.reviewed).then(|| frame.unreviewed.clone()),
        sections: sections(notice),
        closing: fill(&frame.fingerprint, &[("version", &version)]),
    }
}

fn sections(notice: Notice<'_>) -> Vec<Section> {
    let prose = &notice.prose.record;
    let rules = notice.policy.purposes();
    let parts = rules.iter().map(|rule| purposes::part(notice, rule)).collect();
    let retention_prose = &notice.prose.retention;
    let head = [retention_prose.purpose.as_str(), &retention_prose.events, &retention_prose.period];
    let erasure = rules.iter().flat_map(|rule| retention::rows(notice, rule)).collect();
    let controller = &notice.prose.controller;
    let section = |id: &str, heading: &str, blocks| Section::new(id, heading, blocks);
    vec![
        section("controller", &controller.heading, vec![notice.controller_facts()]),
        section("subjects", &prose.subjects_heading, vec![Block::says(subjects(notice))]),
        section(
            "categories",
            &prose.categories_heading,
            vec![categories(notice), Block::says(collected::besides(notice))],
        ),
        section("purposes", &prose.activities_heading, Vec::new()).with(parts),
        section("recipients", &notice.prose.recipients.heading, recipients::processors(notice)),
        section("transfers", &prose.transfers_heading, vec![transfers(notice)]),
        section("erasure", &prose.erasure_heading, vec![Block::table(&head, erasure)]),
        section("measures", &prose.measures_heading, vec![Block::List(measures(notice))]),
    ]
}

fn subjects(notice: Notice<'_>) -> String {
    let sites = notice.policy.sites().iter().map(|site| site.name().as_str());
    let sites = notice.prose.list(&sites.collect::<Vec<_>>());
    fill(&notice.prose.record.subjects, &[("sites", &sites)])
}

fn categories(notice: Notice<'_>) -> Block {
    let fields = notice.policy.fields();
    Block::List(fields.iter().map(|field| notice.field(field).0.to_owned()).collect())
}

fn transfers(notice: Notice<'_>) -> Block {
    let transfers: Vec<_> = recipients::outside(notice).map(|one| transfer(notice, one)).collect();
    match transfers.as_slice() {
        [] => Block::says(notice.prose.record.no_transfers.clone()),
        _ => Block::List(transfers.iter().map(Transfer::said).collect()),
    }
}

/// What protects the data, as far as this system does it.
fn measures(notice: Notice<'_>) -> Vec<String> {
    let prose = &notice.prose.record;
    let keys = notice.say_of_keys(&prose.measure_keys);
    let always = [
        &prose.measure_address,
        &prose.measure_purposes,
        &prose.measure_views,
        &prose.measure_expiry,
        &prose.measure_gate,
        &prose.measure_redaction,
    ];
    let keys = notice.policy.uses_keys().then_some(keys);
    always.into_iter().cloned().chain(keys).collect()
}

// === as data ===

#[derive(Serialize)]
struct Record<'a> {
    article: &'static str,
    language: &'static str,
    version: String,
    controller: RecordController<'a>,
    subjects: String,
    /// What every row holds.
    besides: String,
    activities: Vec<Activity<'a>>,
    measures: Vec<String>,
}

#[derive(Serialize)]
struct RecordController<'a> {
    name: &'a str,
    contact: &'a str,
    address: Option<&'a str>,
    country: Option<&'static str>,
    data_protection_officer: Option<&'a str>,
}

/// What is done for one purpose.
#[derive(Serialize)]
struct Activity<'a> {
    purpose: &'a str,
    title: &'a str,
    about: &'a str,
    basis: &'static str,
    reference: Option<&'a str>,
    categories: Vec<&'a str>,
    readers: Vec<&'a str>,
    processors: Vec<&'a str>,
    transfers: Vec<Transfer<'a>>,
    erasure: Vec<Erasure>,
}

#[derive(Serialize)]
struct Transfer<'a> {
    processor: &'a str,
    country: &'static str,
    safeguard: String,
}

#[derive(Serialize)]
struct Erasure {
    events: String,
    period: String,
}

impl<'a> Record<'a> {
    fn of(notice: Notice<'a>) -> Self {
        let controller = notice.policy.controller();
        Self {
            article: "GDPR 30(1)",
            language: notice.language.label(),
            version: notice.policy.version().to_string(),
            controller: RecordController {
                name: controller.name(),
                contact: controller.contact(),
                address: controller.address(),
                country: controller.country().map(|country| country.name(notice.language)),
                data_protection_officer: controller.data_protection_officer(),
            },
            subjects: subjects(notice),
            besides: collected::besides(notice),
            activities: notice.policy.purposes().iter().map(|r| Activity::of(notice, r)).collect(),
            measures: measures(notice),
        }
    }
}

impl<'a> Activity<'a> {
    fn of(notice: Notice<'a>, rule: &'a PurposeRule) -> Self {
        let policy = notice.policy;
        let reads = policy.roles().iter().filter(|role| role.reads().contains(rule.name()));
        let erasure = retention::rows(notice, rule).into_iter().filter_map(|row| {
            let [_, events, period] = row.try_into().ok()?;
            Some(Erasure { events, period })
        });
        Self {
            purpose: rule.name().as_str(),
            title: rule.title(notice.language),
            about: rule.about(notice.language),
            basis: rule.basis().label(),
            reference: rule.legal_basis().reference(),
            categories: rule.fields().iter().map(|field| notice.field(field).0).collect(),
            readers: reads.map(|role| role.title(notice.language)).collect(),
            processors: policy.data().processors().iter().map(Processor::name).collect(),
            transfers: recipients::outside(notice).map(|one| transfer(notice, one)).collect(),
            erasure: erasure.collect(),
        }
    }
}

impl Transfer<'_> {
    fn said(&self) -> String {
        format!("{}, {}: {}", self.processor, self.country, self.safeguard)
    }
}

fn transfer<'a>(notice: Notice<'a>, processor: &'a Processor) -> Transfer<'a> {
    Transfer {
        processor: processor.name(),
        country: processor.country().name(notice.language),
        safeguard: recipients::safeguard(notice, processor).to_owned(),
    }
}
