//! What stands within a purpose, and purposes that came or went.

use candor_event::{Basis, Kind, Signal};

use super::{Change, Effect, Subject};
use crate::{KindSet, Period, Policy, PurposeRule, Retention};

pub(super) fn compare(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    for rule in old.purposes().iter().filter(|rule| new.purpose(rule.name()).is_none()) {
        let subject = Subject::Purpose(rule.name().clone());
        let before = rule.name().to_string();
        changes.push(Change { subject, effect: Effect::Stricter, before, after: String::new() });
    }
    for rule in new.purposes() {
        let Some(before) = old.purpose(rule.name()) else {
            let subject = Subject::Purpose(rule.name().clone());
            let after = rule.name().to_string();
            changes.push(Change { subject, effect: Effect::Looser, before: String::new(), after });
            continue;
        };
        Both { old: before, new: rule }.compare(changes);
    }
}

/// A purpose before and after.
struct Both<'a> {
    old: &'a PurposeRule,
    new: &'a PurposeRule,
}

// === impl Both ===

impl Both<'_> {
    fn compare(&self, changes: &mut Vec<Change>) {
        self.basis(changes);
        self.fields(changes);
        self.kinds(changes);
        self.periods(changes);
        self.cap(changes);
        self.ending(changes);
        self.texts(changes);
        self.signals(changes);
    }

    fn basis(&self, changes: &mut Vec<Change>) {
        let (old, new) = (self.old.legal_basis(), self.new.legal_basis());
        if old == new {
            return;
        }
        let effect = match (old.basis(), new.basis()) {
            (Basis::Consent, _) => Effect::Looser,
            (_, Basis::Consent) => Effect::Stricter,
            _ => Effect::Other,
        };
        let shown = |rule: &PurposeRule| {
            let basis = rule.basis().label();
            let reference = rule.legal_basis().reference();
            reference.map_or_else(|| basis.to_owned(), |on| format!("{basis} ({on})"))
        };
        let subject = Subject::Basis(self.new.name().clone());
        changes.push(Change { subject, effect, before: shown(self.old), after: shown(self.new) });
    }

    fn fields(&self, changes: &mut Vec<Change>) {
        let name = self.new.name();
        for field in self.old.fields().without(self.new.fields()).iter() {
            let subject = Subject::Field(name.clone(), field);
            let before = field.label().to_owned();
            let after = String::new();
            changes.push(Change { subject, effect: Effect::Stricter, before, after });
        }
        for field in self.new.fields().without(self.old.fields()).iter() {
            let subject = Subject::Field(name.clone(), field);
            let after = field.label().to_owned();
            let before = String::new();
            changes.push(Change { subject, effect: Effect::Looser, before, after });
        }
    }

    fn kinds(&self, changes: &mut Vec<Change>) {
        let (old, new) = (self.old.kinds(), self.new.kinds());
        if old == new {
            return;
        }
        let effect = if new.is_within(old) { Effect::Stricter } else { Effect::Looser };
        let subject = Subject::Kinds(self.new.name().clone());
        changes.push(Change { subject, effect, before: kinds(old), after: kinds(new) });
    }

    /// Of the kinds that are kept before and after, those whose period changed: one change for all that
    /// share it.
    fn periods(&self, changes: &mut Vec<Change>) {
        let mut groups: Vec<(Period, Period, KindSet)> = Vec::new();
        for kind in self.new.kinds().iter().filter(|kind| self.old.kinds().contains(*kind)) {
            let (old, new) = (self.old.period(kind), self.new.period(kind));
            if old == new {
                continue;
            }
            match groups.iter_mut().find(|(a, b, _)| (*a, *b) == (old, new)) {
                Some((_, _, kinds)) => *kinds = kinds.iter().chain([kind]).collect(),
                None => groups.push((old, new, [kind].into_iter().collect())),
            }
        }
        for (old, new, kinds) in groups {
            let kinds = if kinds == self.new.kinds() { KindSet::ALL } else { kinds };
            let subject = Subject::Period(self.new.name().clone(), kinds);
            changes.push(lasting(subject, old, new));
        }
    }

    fn cap(&self, changes: &mut Vec<Change>) {
        let (old, new) = (self.old.retention().longest(), self.new.retention().longest());
        let slides = |rule: &PurposeRule| matches!(rule.retention(), Retention::Sliding { .. });
        if old != new && (slides(self.old) || slides(self.new)) {
            changes.push(lasting(Subject::Cap(self.new.name().clone()), old, new));
        }
    }

    /// How a period ends.
    fn ending(&self, changes: &mut Vec<Change>) {
        let way = |rule: &PurposeRule| match rule.retention() {
            Retention::Absolute(_) => "counted from receipt".to_owned(),
            Retention::Sliding { renews, .. } => {
                format!("counted from the latest interaction: {}", kinds(*renews))
            }
            Retention::UntilFurtherNotice { .. } => "kept until further notice".to_owned(),
        };
        let (before, after) = (way(self.old), way(self.new));
        if before == after {
            return;
        }
        // Only what has no end promises less than anything else.
        let is_endless =
            |rule: &PurposeRule| matches!(rule.retention(), Retention::UntilFurtherNotice { .. });
        let effect = match (is_endless(self.old), is_endless(self.new)) {
            (false, true) => Effect::Looser,
            (true, false) => Effect::Stricter,
            _ => Effect::Other,
        };
        changes.push(Change {
            subject: Subject::Said(self.new.name().clone()),
            effect,
            before,
            after,
        });
    }

    /// What visitors read of the purpose.
    fn texts(&self, changes: &mut Vec<Change>) {
        let texts = |rule: &PurposeRule| {
            let reason = match rule.retention() {
                Retention::UntilFurtherNotice { reason } => Some(reason.clone()),
                Retention::Absolute(_) | Retention::Sliding { .. } => None,
            };
            [rule.title.clone(), rule.about.clone(), reason]
        };
        if texts(self.old) != texts(self.new) {
            changes.push(Change {
                subject: Subject::Said(self.new.name().clone()),
                effect: Effect::Other,
                before: "its texts".to_owned(),
                after: "other texts".to_owned(),
            });
        }
    }

    fn signals(&self, changes: &mut Vec<Change>) {
        for signal in Signal::ALL {
            let (old, new) = (self.old.denied_by(signal), self.new.denied_by(signal));
            let name = self.new.name();
            let subject = Subject::Signal(name.clone(), signal);
            let denies = format!("denies {name}");
            match (old, new) {
                (false, true) => changes.push(Change {
                    subject,
                    effect: Effect::Stricter,
                    before: String::new(),
                    after: denies,
                }),
                (true, false) => changes.push(Change {
                    subject,
                    effect: Effect::Looser,
                    before: denies,
                    after: String::new(),
                }),
                _ => {}
            }
        }
    }
}

/// A period that is another now. Of `30 days` and `1 month` neither is surely the shorter.
fn lasting(subject: Subject, old: Period, new: Period) -> Change {
    let effect = if new.is_within(old) { Effect::Stricter } else { Effect::Looser };
    Change { subject, effect, before: old.to_string(), after: new.to_string() }
}

fn kinds(kinds: KindSet) -> String {
    kinds.iter().map(Kind::label).collect::<Vec<_>>().join(", ")
}
