//! Why something is kept, and on what basis: a part for each purpose.

use super::{Notice, recipients, retention};
use crate::notice::document::{Block, Section};
use crate::{KindSet, LegalBasis, PurposeRule};

pub(super) fn section(notice: Notice<'_>) -> Section {
    let parts = notice.policy.purposes().iter().map(|rule| part(notice, rule)).collect();
    Section::new("purposes", &notice.prose.purposes_section.heading, Vec::new()).with(parts)
}

/// One purpose.
pub(crate) fn part(notice: Notice<'_>, rule: &PurposeRule) -> Section {
    let prose = &notice.prose.purposes_section;
    let facts = Block::facts([
        (prose.basis.as_str(), Some(basis(notice, rule))),
        (&prose.events, Some(kinds(notice, rule.kinds()))),
        (&prose.fields, Some(fields(notice, rule))),
        (&prose.period, Some(retention::sentence(notice, rule))),
        (&prose.readers, recipients::readers(notice, rule)),
    ]);
    let mut blocks = vec![Block::says(rule.about(notice.language)), facts];
    blocks.extend(retention::reason(notice, rule).map(Block::Warning));
    Section::new(format!("purpose-{}", rule.name()), rule.title(notice.language), blocks)
}

/// What it rests on.
pub(crate) fn basis(notice: Notice<'_>, rule: &PurposeRule) -> String {
    let prose = &notice.prose.purposes_section;
    let basis = rule.legal_basis();
    let (sentence, reference) = match basis {
        LegalBasis::Consent => (&prose.consent, ""),
        LegalBasis::Contract => (&prose.contract, ""),
        LegalBasis::Exemption(name) => {
            (&prose.exemption, notice.policy.profile().exemption(name).unwrap_or(name))
        }
        LegalBasis::LegitimateInterest(assessment) => {
            (&prose.legitimate_interest, assessment.as_str())
        }
    };
    notice.say(sentence, &[("reference", reference)])
}

/// Which events.
pub(super) fn kinds(notice: Notice<'_>, kinds: KindSet) -> String {
    if kinds == KindSet::ALL {
        return notice.prose.purposes_section.every_event.clone();
    }
    named(notice, kinds)
}

/// The events by name, all of them too.
pub(super) fn named(notice: Notice<'_>, kinds: KindSet) -> String {
    let names: Vec<_> = kinds.iter().map(|kind| notice.prose.kind(kind)).collect();
    notice.prose.list(&names)
}

/// Which fields.
pub(crate) fn fields(notice: Notice<'_>, rule: &PurposeRule) -> String {
    let names: Vec<_> = rule.fields().iter().map(|field| notice.field(field).0).collect();
    match names.as_slice() {
        [] => notice.prose.purposes_section.no_fields.clone(),
        names => names.join("; "),
    }
}
