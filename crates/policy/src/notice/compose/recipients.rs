//! Who sees it, and where it lies.

use super::Notice;
use crate::notice::document::{Block, Section};
use crate::{Processor, PurposeRule, Region, Role, Safeguard};

pub(super) fn section(notice: Notice<'_>) -> Section {
    let prose = &notice.prose.recipients;
    let mut blocks = Vec::new();
    match notice.policy.roles() {
        [] => blocks.push(Block::says(notice.say(&prose.no_roles, &[]))),
        roles => {
            blocks.push(Block::says(notice.say(&prose.roles, &[])));
            let head = [prose.role.as_str(), &prose.reads];
            blocks.push(Block::table(&head, roles.iter().map(|r| role(notice, r)).collect()));
        }
    }
    blocks.push(Block::says(notice.say(&prose.by_hand, &[])));
    blocks.extend(processors(notice));
    Section::new("recipients", &prose.heading, blocks)
}

pub(super) fn place(notice: Notice<'_>) -> Section {
    let prose = &notice.prose.place;
    let data = notice.policy.data();
    let outside: Vec<_> = outside(notice).map(Processor::name).collect();
    let sentence = match (data.region(), outside.is_empty()) {
        (Region::Country(_), true) => &prose.country,
        (Region::Country(_), false) => &prose.country_but,
        (Region::Eea, true) => &prose.eea,
        (Region::Eea, false) => &prose.eea_but,
        (Region::Eu, true) => &prose.eu,
        (Region::Eu, false) => &prose.eu_but,
    };
    let country = match data.region() {
        Region::Country(country) => country.name(notice.language),
        Region::Eea | Region::Eu => "",
    };
    let processors = notice.prose.list(&outside);
    let values = [("country", country), ("processors", &processors)];
    Section::new("place", &prose.heading, vec![by_hand(notice, sentence, &values)])
}

/// Who processes it, in a table; or that nobody does.
pub(crate) fn processors(notice: Notice<'_>) -> Vec<Block> {
    let prose = &notice.prose.recipients;
    let processors = notice.policy.data().processors();
    if processors.is_empty() {
        return vec![by_hand(notice, &prose.nobody_else, &[])];
    }
    let head = [prose.processor.as_str(), &prose.task, &prose.country, &prose.safeguard];
    let rows = processors.iter().map(|processor| row(notice, processor)).collect();
    vec![Block::says(notice.say(&prose.processors, &[])), Block::table(&head, rows)]
}

/// A sentence that the system does not see to.
fn by_hand(notice: Notice<'_>, sentence: &str, values: &[(&str, &str)]) -> Block {
    let by_hand = notice.say(&notice.prose.place.by_hand, &[]);
    Block::says(format!("{} {by_hand}", notice.say(sentence, values)))
}

/// The processors whose data leaves the region.
pub(crate) fn outside(notice: Notice<'_>) -> impl Iterator<Item = &Processor> {
    let processors = notice.policy.data().processors().iter();
    processors.filter(|processor| processor.safeguard().is_some())
}

/// Who reads what a purpose keeps.
pub(super) fn readers(notice: Notice<'_>, rule: &PurposeRule) -> Option<String> {
    let roles = notice.policy.roles().iter().filter(|role| role.reads().contains(rule.name()));
    let titles: Vec<_> = roles.map(|role| role.title(notice.language)).collect();
    (!titles.is_empty()).then(|| notice.prose.list(&titles))
}

fn role(notice: Notice<'_>, role: &Role) -> Vec<String> {
    let reads = match role.reads() {
        [] => notice.prose.words.none.clone(),
        names => notice.named(names),
    };
    vec![role.title(notice.language).to_owned(), reads]
}

/// What protects the data that a processor has.
pub(crate) fn safeguard(notice: Notice<'_>, processor: &Processor) -> &'static str {
    let prose = &notice.prose.safeguards;
    match processor.safeguard() {
        None => &notice.prose.recipients.within,
        Some(Safeguard::AdequacyDecision) => &prose.adequacy_decision,
        Some(Safeguard::BindingCorporateRules) => &prose.binding_corporate_rules,
        Some(Safeguard::StandardContractualClauses) => &prose.standard_contractual_clauses,
    }
}

fn row(notice: Notice<'_>, processor: &Processor) -> Vec<String> {
    let task = notice.prose.tasks.get(processor.task().label()).cloned();
    vec![
        processor.name().to_owned(),
        task.unwrap_or_default(),
        processor.country().name(notice.language).to_owned(),
        safeguard(notice, processor).to_owned(),
    ]
}
