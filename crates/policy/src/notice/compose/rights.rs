//! Which rights a visitor has, and how to use them.

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
    let recognised = match notice.policy.visitor() {
        VisitorMode::Consented => &prose.consented,
        _ if notice.policy.uses_keys() => &prose.rotating,
        VisitorMode::None | VisitorMode::Rotating => &prose.unknown,
    };
    let how = [
        notice.say(&prose.how, &[("contact", contact)]),
        notice.say(&prose.by_hand, &[]),
        recognised.clone(),
    ];
    let mut blocks = vec![
        Block::List(rights.into_iter().chain(withdrawal).cloned().collect()),
        Block::says(how.join(" ")),
        Block::says(prose.complaint.clone()),
    ];
    blocks.extend(authority(notice));
    Section::new("rights", &prose.heading, blocks)
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
