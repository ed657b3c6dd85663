//! What is collected: a row for each field that some purpose keeps.

use candor_event::{Field, Identifiability};

use super::Notice;
use crate::notice::document::{Block, Section};

pub(super) fn section(notice: Notice<'_>) -> Section {
    let prose = &notice.prose.collected;
    let head = [prose.field.as_str(), &prose.what, &prose.identifying, &prose.purposes];
    let rows: Vec<_> = notice.policy.fields().iter().map(|field| row(notice, field)).collect();
    let mut blocks = vec![Block::says(notice.say(&prose.about, &[]))];
    if !rows.is_empty() {
        blocks.push(Block::table(&head, rows));
    }
    blocks.push(Block::says(besides(notice)));
    Section::new("data", &prose.heading, blocks)
}

/// What every row holds besides the fields.
pub(crate) fn besides(notice: Notice<'_>) -> String {
    let prose = &notice.prose.collected;
    let keys = notice.policy.uses_keys().then_some(&prose.keys);
    let sentences = [&prose.besides, &prose.losses].into_iter().chain(keys);
    sentences.map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn row(notice: Notice<'_>, field: Field) -> Vec<String> {
    let prose = &notice.prose.identifiability;
    let identifying = match field.identifiability() {
        Identifiability::High => &prose.high,
        Identifiability::Low => &prose.low,
        Identifiability::Some => &prose.some,
    };
    let rules = notice.policy.purposes().iter().filter(|rule| rule.fields().contains(field));
    let (name, about) = notice.field(field);
    vec![name.to_owned(), about.to_owned(), identifying.clone(), notice.titles(rules)]
}
