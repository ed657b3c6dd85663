//! What is not kept: what becomes of address, visitor, page and browser before anything is stored.

use candor_event::Field;

use super::Notice;
use crate::notice::document::{Block, Section};
use crate::{AddressMode, Geography, ReferrerMode, VisitorMode};

pub(super) fn section(notice: Notice<'_>) -> Section {
    let paragraphs = [address(notice), visitor(notice), page(notice), browser(notice)];
    let blocks = paragraphs.map(|sentences| Block::says(sentences.join(" ")));
    Section::new("treatment", &notice.prose.treatment.heading, blocks.into())
}

/// The address, and what is looked up by it.
pub(crate) fn address(notice: Notice<'_>) -> Vec<String> {
    let prose = &notice.prose.treatment;
    let first = match notice.policy.address() {
        AddressMode::Drop => prose.address_drop.clone(),
        AddressMode::Hash => notice.say_of_keys(&prose.address_hash),
        AddressMode::Truncate { v4, v6 } => {
            let (v4, v6) = (v4.to_string(), v6.to_string());
            notice.say(&prose.address_truncate, &[("v4", &v4), ("v6", &v6)])
        }
    };
    let place = match notice.policy.geography() {
        Geography::City => &prose.geography_city,
        Geography::Country => &prose.geography_country,
        Geography::None => &prose.geography_none,
        Geography::Region => &prose.geography_region,
    };
    let network = notice.keeps(Field::Network).then(|| prose.network.clone());
    [first, place.clone()].into_iter().chain(network).collect()
}

/// How visitors are told apart.
pub(crate) fn visitor(notice: Notice<'_>) -> Vec<String> {
    let prose = &notice.prose.treatment;
    let sentence = match notice.policy.visitor() {
        VisitorMode::Consented => &prose.visitor_consented,
        VisitorMode::None => &prose.visitor_none,
        VisitorMode::Rotating => &prose.visitor_rotating,
    };
    vec![notice.say_of_keys(sentence)]
}

/// What is left of the address of a page.
fn page(notice: Notice<'_>) -> Vec<String> {
    let prose = &notice.prose.treatment;
    let sentence = match (notice.policy.query(), notice.keeps(Field::Campaign)) {
        ([], false) => &prose.query_none,
        ([], true) => &prose.campaign_only,
        (_, false) => &prose.query_some,
        (_, true) => &prose.campaign_and,
    };
    let parameters = notice.prose.list(notice.policy.query());
    let parameters = notice.say(sentence, &[("parameters", &parameters)]);
    let patterns: Vec<_> = notice.policy.path_patterns().iter().map(ToString::to_string).collect();
    let patterns = (!patterns.is_empty()).then(|| {
        let patterns = notice.prose.list(&patterns);
        notice.say(&prose.patterns, &[("patterns", &patterns)])
    });
    [prose.removed.clone(), parameters].into_iter().chain(patterns).collect()
}

/// What is left of the way here, and what the browser is asked.
fn browser(notice: Notice<'_>) -> Vec<String> {
    let prose = &notice.prose.treatment;
    let referrer = match notice.policy.referrer() {
        ReferrerMode::Host => &prose.referrer_host,
        ReferrerMode::Origin => &prose.referrer_origin,
        ReferrerMode::Path => &prose.referrer_path,
    };
    let kept = notice.keeps(Field::ReferrerHost) || notice.keeps(Field::ReferrerPath);
    let hints = if notice.policy.asks_for_hints() { &prose.hints_yes } else { &prose.hints_no };
    kept.then_some(referrer).into_iter().chain([hints]).cloned().collect()
}
