//! Which rights a visitor has, and how to use them.

use candor_event::Field;

use super::Notice;
use crate::notice::document::{Block, Section};
use crate::{Country, VisitorMode};

pub(super) fn section(notice: Notice<'_>) -> Section {
    let prose = &notice.prose.rights;
    let has_consent = notice.on_consent().next().is_some();
    let rights = [
        &prose.access,
        &prose.rectification,
        &prose.erasure,
        &prose.restriction,
        &prose.portability,
        &prose.objection,
    ];
    let withdrawal = has_consent.then_some(&prose.withdrawal);
    let contact = notice.policy.controller().contact();
    let how = [
        notice.say(&prose.how, &[("contact", contact)]),
        notice.say(&prose.by_hand, &[]),
        recognised(notice),
    ];
    let mut blocks = vec![
        Block::List(rights.into_iter().chain(withdrawal).cloned().collect()),
        Block::says(how.join(" ")),
        Block::says(prose.complaint.clone()),
    ];
    blocks.extend(authority(notice));
    Section::new("rights", &prose.heading, blocks)
}

/// By what we can find a visitor's data, and where we cannot.
fn recognised(notice: Notice<'_>) -> String {
    let prose = &notice.prose.rights;
    match notice.policy.visitor() {
        VisitorMode::Consented => {}
        _ if notice.policy.uses_keys() => return prose.rotating.clone(),
        VisitorMode::None | VisitorMode::Rotating => return prose.unknown.clone(),
    }
    let (by_code, others): (Vec<_>, Vec<_>) =
        notice.policy.purposes().iter().partition(|rule| rule.fields().contains(Field::Visitor));
    let say = |sentence, rules: Vec<_>| {
        let purposes = notice.titles(rules);
        (!purposes.is_empty()).then(|| notice.say(sentence, &[("purposes", &purposes)]))
    };
    let sentences = [say(&prose.consented, by_code), say(&prose.others, others)];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Who watches over the controller, where it is known.
fn authority(notice: Notice<'_>) -> Option<Block> {
    let prose = &notice.prose.rights;
    let authority = notice.policy.controller().country().and_then(Country::authority)?;
    Some(Block::facts([
        (prose.authority.as_str(), Some(authority.name().to_owned())),
        (&prose.page, Some(authority.page().to_owned())),
    ]))
}
