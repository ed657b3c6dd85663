//! How long: a row for each purpose, and for each kind of event that has a period of its own.

use candor_event::Kind;

use super::{Notice, purposes};
use crate::notice::document::{Block, Section};
use crate::{KindSet, PurposeRule, Retention};

pub(super) fn section(notice: Notice<'_>) -> Section {
    let prose = &notice.prose.retention;
    let head = [prose.purpose.as_str(), &prose.events, &prose.period];
    let rules = notice.policy.purposes();
    let log = notice.prose.hours(notice.policy.data().log());
    let mut blocks = vec![
        Block::says(notice.say(&prose.about, &[("log", &log)])),
        Block::table(&head, rules.iter().flat_map(|rule| rows(notice, rule)).collect()),
    ];
    blocks.extend(rules.iter().filter_map(|rule| renewal(notice, rule)).map(Block::Paragraph));
    blocks.extend(rules.iter().filter_map(|rule| reason(notice, rule)).map(Block::Warning));
    blocks.push(Block::says(notice.say(&prose.unchanged, &[])));
    Section::new("retention", &prose.heading, blocks)
}

/// The same in one sentence.
pub(super) fn sentence(notice: Notice<'_>, rule: &PurposeRule) -> String {
    let categories = rule.categories().iter().map(|(kind, period)| {
        let kept = kept(notice, &Retention::Absolute(*period));
        format!("{}: {kept}", notice.prose.kind(*kind))
    });
    let rest = has_rest(rule).then(|| {
        let kept = kept(notice, rule.retention());
        if rule.categories().is_empty() {
            return kept;
        }
        format!("{}: {kept}", others(notice, rule))
    });
    categories.chain(rest).collect::<Vec<_>>().join("; ")
}

/// Why a purpose has no period, when it has none.
pub(super) fn reason(notice: Notice<'_>, rule: &PurposeRule) -> Option<String> {
    let Retention::UntilFurtherNotice { reason } = rule.retention() else {
        return None;
    };
    let reason = reason.nearest(notice.language).unwrap_or_default();
    let values = [("purpose", rule.title(notice.language)), ("reason", reason)];
    Some(notice.say(&notice.prose.retention.reason, &values))
}

/// Purpose, events, period.
pub(crate) fn rows(notice: Notice<'_>, rule: &PurposeRule) -> Vec<Vec<String>> {
    let title = || rule.title(notice.language).to_owned();
    let categories = rule.categories().iter().map(|(kind, period)| {
        let events = notice.prose.kind(*kind).to_owned();
        vec![title(), events, kept(notice, &Retention::Absolute(*period))]
    });
    let rest =
        has_rest(rule).then(|| vec![title(), others(notice, rule), kept(notice, rule.retention())]);
    categories.chain(rest).collect()
}

/// Whether some events have the purpose's own period.
fn has_rest(rule: &PurposeRule) -> bool {
    rest(rule).iter().next().is_some()
}

/// The events that have the purpose's own period, as a table calls them.
fn others(notice: Notice<'_>, rule: &PurposeRule) -> String {
    let rest = rest(rule);
    if rule.categories().is_empty() {
        return purposes::kinds(notice, rest);
    }
    match rest.iter().count() {
        0..=FEW => purposes::named(notice, rest),
        _ => notice.prose.retention.other_events.clone(),
    }
}

fn rest(rule: &PurposeRule) -> KindSet {
    let is_category = |kind: Kind| rule.categories().iter().any(|(own, _)| *own == kind);
    rule.kinds().iter().filter(|kind| !is_category(*kind)).collect()
}

fn kept(notice: Notice<'_>, retention: &Retention) -> String {
    let prose = &notice.prose.retention;
    let period = notice.prose.period(retention.period());
    let at_most = notice.prose.period(retention.longest());
    let sentence = match retention {
        Retention::Absolute(_) => &prose.absolute,
        Retention::Sliding { .. } => &prose.sliding,
        Retention::UntilFurtherNotice { .. } => &prose.endless,
    };
    notice.say(sentence, &[("period", &period), ("at_most", &at_most)])
}

/// What renews a period, and that nothing does yet.
fn renewal(notice: Notice<'_>, rule: &PurposeRule) -> Option<String> {
    let Retention::Sliding { renews, .. } = rule.retention() else {
        return None;
    };
    let prose = &notice.prose.retention;
    let kinds = purposes::named(notice, *renews);
    let renewed = notice.say(&prose.renews, &[("kinds", &kinds)]);
    Some(format!("{}: {renewed} {}", rule.title(notice.language), prose.early))
}

/// Events that are rather named than called the others.
const FEW: usize = 3;
