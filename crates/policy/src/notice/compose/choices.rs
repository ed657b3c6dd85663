//! What a visitor can choose: consent, and what the browser says for them.

use candor_event::{Basis, Signal};

use super::Notice;
use crate::notice::document::{Block, Section};
use crate::{PurposeRule, Scripts};

pub(super) fn section(notice: Notice<'_>) -> Section {
    let prose = &notice.prose.choices;
    let purposes = notice.titles(notice.on_consent());
    let mut blocks = Vec::new();
    if !purposes.is_empty() {
        blocks.push(Block::says(notice.say(&prose.consent, &[("purposes", &purposes)])));
        blocks.push(Block::says(notice.say(&prose.by_hand, &[])));
        let sites = loads_other_scripts(notice);
        if !sites.is_empty() {
            blocks.push(Block::says(notice.say(&prose.other_scripts, &[("sites", &sites)])));
        }
    }
    let rules = notice.policy.purposes();
    let on_contract = rules.iter().filter(|rule| rule.basis() == Basis::Contract);
    let on_contract = notice.titles(on_contract);
    blocks.push(match on_contract.as_str() {
        "" => Block::says(prose.voluntary.clone()),
        purposes => Block::says(notice.say(&prose.contract, &[("purposes", purposes)])),
    });
    // Signals that deny nothing are not offered.
    if rules.iter().any(|rule| Signal::ALL.into_iter().any(|signal| rule.denied_by(signal))) {
        blocks.push(Block::says(notice.say(&prose.signals, &[])));
        let head = [prose.signal.as_str(), &prose.denies];
        blocks.push(Block::table(&head, Signal::ALL.map(|signal| row(notice, signal)).into()));
        blocks.push(Block::says(notice.say(&prose.beats, &[])));
    }
    Section::new("choices", &prose.heading, blocks)
}

/// The sites on which other products' scripts vouch for the visitor's consent.
fn loads_other_scripts(notice: Notice<'_>) -> String {
    let sites = notice.policy.sites().iter();
    let sites = sites.filter(|site| site.scripts() == Scripts::AfterConsent);
    sites.map(|site| site.name().as_str()).collect::<Vec<_>>().join(", ")
}

fn row(notice: Notice<'_>, signal: Signal) -> Vec<String> {
    let prose = &notice.prose.choices;
    let name = match signal {
        Signal::Dnt => &prose.dnt,
        Signal::Gpc => &prose.gpc,
        Signal::Objection => &prose.objection,
    };
    vec![name.clone(), denied(notice, signal)]
}

/// What a signal denies.
fn denied(notice: Notice<'_>, signal: Signal) -> String {
    let rules = notice.policy.purposes();
    let is_denied = |rule: &&PurposeRule| rule.denied_by(signal);
    match rules.iter().filter(is_denied).count() {
        0 => notice.prose.words.none.clone(),
        count if count == rules.len() => notice.prose.words.all.clone(),
        _ => notice.titles(rules.iter().filter(is_denied)),
    }
}
