//! In short: what a visitor wants to know first.

use candor_event::Signal;

use super::Notice;
use crate::notice::document::{Block, Section};
use crate::{AddressMode, Period, PurposeRule, Retention, VisitorMode};

pub(super) fn section(notice: Notice<'_>) -> Section {
    let mut blocks = vec![Block::List(sentences(notice))];
    blocks.extend(endless(notice).map(Block::Warning));
    Section::new("summary", &notice.prose.summary.heading, blocks)
}

pub(super) fn sentences(notice: Notice<'_>) -> Vec<String> {
    let prose = &notice.prose.summary;
    let address = match notice.policy.address() {
        AddressMode::Drop => &prose.address_drop,
        AddressMode::Hash => &prose.address_hash,
        AddressMode::Truncate { .. } => &prose.address_truncate,
    };
    let visitor = match notice.policy.visitor() {
        VisitorMode::Consented => &prose.visitor_consented,
        VisitorMode::None => &prose.visitor_none,
        VisitorMode::Rotating => &prose.visitor_rotating,
    };
    vec![
        consent(notice),
        notice.say_of_keys(address),
        notice.say_of_keys(visitor),
        longest(notice),
        signals(notice),
    ]
}

fn consent(notice: Notice<'_>) -> String {
    let prose = &notice.prose.summary;
    let purposes = notice.titles(notice.without_consent());
    let sentence = match (notice.on_consent().count(), notice.without_consent().count()) {
        (_, 0) => &prose.consent_only,
        (0, _) => &prose.consent_never,
        _ => &prose.consent_partly,
    };
    notice.say(sentence, &[("purposes", &purposes)])
}

/// When the last of it is gone.
fn longest(notice: Notice<'_>) -> String {
    let rules = notice.policy.purposes().iter();
    let periods = rules.flat_map(|rule| {
        let categories = rule.categories().iter().map(|(_, period)| *period);
        categories.chain([rule.retention().longest()])
    });
    let longest = periods.max_by_key(|period| period.most_days()).unwrap_or(Period::LONGEST);
    let period = notice.prose.period(longest);
    notice.say(&notice.prose.summary.longest, &[("period", &period)])
}

/// A warning of purposes that have no period.
fn endless(notice: Notice<'_>) -> Option<String> {
    let is_endless =
        |rule: &&PurposeRule| matches!(rule.retention(), Retention::UntilFurtherNotice { .. });
    let rules: Vec<_> = notice.policy.purposes().iter().filter(is_endless).collect();
    let purposes = notice.titles(rules.iter().copied());
    let warning = || notice.say(&notice.prose.summary.endless, &[("purposes", &purposes)]);
    (!rules.is_empty()).then(warning)
}

/// What the signals of browsers do.
fn signals(notice: Notice<'_>) -> String {
    let prose = &notice.prose.summary;
    let of_rule = |rule: &PurposeRule| [Signal::Dnt, Signal::Gpc].map(|s| rule.denied_by(s));
    let denials: Vec<_> = notice.policy.purposes().iter().flat_map(of_rule).collect();
    let sentence = match (denials.contains(&true), denials.contains(&false)) {
        (true, true) => &prose.signals_some,
        (true, false) => &prose.signals_all,
        (false, _) => &prose.signals_none,
    };
    sentence.clone()
}
