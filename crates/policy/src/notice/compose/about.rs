//! Who is responsible, what is published, and what the notice is itself.

use super::Notice;
use crate::notice::document::{Block, Section};

pub(super) fn controller(notice: Notice<'_>) -> Section {
    let prose = &notice.prose.controller;
    let hosts: Vec<_> = notice.site.hosts().iter().map(ToString::to_string).collect();
    let hosts = notice.prose.list(&hosts);
    let covers = [("site", notice.site.name().as_str()), ("hosts", &hosts)];
    let blocks = vec![
        Block::says(notice.say(&prose.about, &[])),
        facts(notice),
        Block::says(notice.say(&prose.covers, &covers)),
    ];
    Section::new("controller", &prose.heading, blocks)
}

/// Who it is, and how to reach them.
pub(super) fn facts(notice: Notice<'_>) -> Block {
    let prose = &notice.prose.controller;
    let controller = notice.policy.controller();
    let text = |text: Option<&str>| text.map(str::to_owned);
    let country = controller.country().map(|country| country.name(notice.language).to_owned());
    Block::facts([
        (prose.name.as_str(), text(Some(controller.name()))),
        (&prose.contact, text(Some(controller.contact()))),
        (&prose.address, text(controller.address())),
        (&prose.country, country),
        (&prose.officer, text(controller.data_protection_officer())),
    ])
}

pub(super) fn figures(notice: Notice<'_>) -> Section {
    let prose = &notice.prose.published;
    let cell = notice.policy.smallest_cell().to_string();
    let blocks = vec![
        Block::says(notice.say(&prose.about, &[("cell", &cell)])),
        Block::says(notice.say(&prose.by_hand, &[])),
    ];
    Section::new("figures", &prose.heading, blocks)
}

pub(super) fn version(notice: Notice<'_>) -> Section {
    let prose = &notice.prose.version;
    let (policy, profile) = (notice.policy, notice.policy.profile());
    let checked = notice.prose.date(profile.checked_on());
    let checked = [("profile", profile.name()), ("date", &checked)];
    let languages: Vec<_> = policy.languages().iter().map(|language| language.name()).collect();
    let facts = Block::facts([
        (prose.name.as_str(), policy.edition().version().map(str::to_owned)),
        (&prose.date, policy.edition().date().map(|date| notice.prose.date(date))),
        (&prose.fingerprint, Some(policy.version().to_string())),
        (&prose.profile, Some(notice.say(&prose.profile_checked, &checked))),
        (&prose.languages, Some(languages.join(", "))),
    ]);
    let about = Block::says(notice.say(&prose.about, &[]));
    Section::new("version", &prose.heading, vec![about, facts])
}
