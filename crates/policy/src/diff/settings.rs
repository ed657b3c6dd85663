//! What stands outside of the purposes.

use std::fmt::Display;

use super::{Change, Effect, Subject};
use crate::{AddressMode, Policy, Role, Scripts, VisitorMode};

pub(super) fn compare(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    named(old, new, changes);
    address(old, new, changes);
    browser(old, new, changes);
    place(old, new, changes);
    roles(old, new, changes);
}

/// Names, texts, and whose pages send beacons.
fn named(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    let edition = |policy: &Policy| {
        let (version, date) = (policy.edition.version(), policy.edition.date());
        [version.map(str::to_owned), date.map(|date| date.to_string())]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    };
    let languages = |policy: &Policy| {
        let labels: Vec<_> = policy.languages.iter().map(|language| language.label()).collect();
        labels.join(", ")
    };
    let controller = |policy: &Policy| {
        let controller = &policy.controller;
        let country = controller.country().map(crate::Country::code);
        let more = [controller.address(), country, controller.data_protection_officer()];
        let known = [Some(controller.id()), Some(controller.name()), Some(controller.contact())];
        known.into_iter().chain(more).flatten().collect::<Vec<_>>().join(", ")
    };
    let texts = [
        ("policy.version", edition(old), edition(new)),
        ("policy.languages", languages(old), languages(new)),
        ("policy.profile", old.profile.name().to_owned(), new.profile.name().to_owned()),
        ("controller", controller(old), controller(new)),
    ];
    for (place, before, after) in texts {
        if before != after {
            changes.push(change(place, Effect::Other, before, after));
        }
    }
    let sites = |policy: &Policy| -> Vec<String> {
        let hosts = policy
            .sites
            .iter()
            .flat_map(|site| site.hosts().iter().map(|host| format!("{} on {host}", site.name())));
        hosts.collect()
    };
    lists("sites", &sites(old), &sites(new), [Effect::Other; 2], changes);
    foreign(old, new, changes);
}

/// What other protocols call the sites, and what is taken for consent there.
fn foreign(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    let also = |policy: &Policy| -> Vec<String> {
        let also = policy
            .sites
            .iter()
            .flat_map(|site| site.also().iter().map(|id| format!("{} as {id}", site.name())));
        also.collect()
    };
    let after_consent = |policy: &Policy| -> Vec<String> {
        let sites = policy.sites.iter().filter(|site| site.scripts() == Scripts::AfterConsent);
        sites.map(|site| format!("{} after consent", site.name())).collect()
    };
    let added = [Effect::Looser, Effect::Stricter];
    lists("sites.also", &also(old), &also(new), added, changes);
    lists("sites.scripts", &after_consent(old), &after_consent(new), added, changes);
}

fn address(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    let shown = |mode: AddressMode| match mode {
        AddressMode::Truncate { v4, v6 } => format!("truncate to {v4} and {v6} bits"),
        AddressMode::Drop | AddressMode::Hash => mode.to_string(),
    };
    let is_stricter = match (old.address, new.address) {
        (_, AddressMode::Drop) => true,
        (AddressMode::Truncate { v4, v6 }, AddressMode::Truncate { v4: new4, v6: new6 }) => {
            new4 <= v4 && new6 <= v6
        }
        _ => false,
    };
    if old.address != new.address {
        let effect = effect(is_stricter);
        changes.push(change("address.mode", effect, shown(old.address), shown(new.address)));
    }
    ordered("address.geography", old.geography, new.geography, changes);
    if old.visitor != new.visitor {
        let effect = effect(new.visitor == VisitorMode::None);
        changes.push(change("visitor.mode", effect, old.visitor, new.visitor));
    }
    if old.uses_keys() && new.uses_keys() {
        ordered("rotation", old.rotation, new.rotation, changes);
    }
}

/// What is left of pages, and what browsers are asked.
fn browser(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    let added = [Effect::Looser, Effect::Stricter];
    lists("page.keep_query", old.query(), new.query(), added, changes);
    let patterns = |policy: &Policy| -> Vec<String> {
        policy.path_patterns().iter().map(ToString::to_string).collect()
    };
    let replaced = [Effect::Stricter, Effect::Looser];
    lists("page.replace_path", &patterns(old), &patterns(new), replaced, changes);
    ordered("referrer.keep", old.referrer, new.referrer, changes);
    ordered("client_hints.high_entropy", old.high_entropy, new.high_entropy, changes);
    if old.smallest_cell != new.smallest_cell {
        let effect = effect(new.smallest_cell > old.smallest_cell);
        changes.push(change("publish.smallest_cell", effect, old.smallest_cell, new.smallest_cell));
    }
}

/// Where data lies, and with whom.
fn place(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    let (before, after) = (old.data.region(), new.data.region());
    if before != after {
        changes.push(change("data.region", effect(after.is_within(before)), before, after));
    }
    ordered("data.log", old.data.log(), new.data.log(), changes);
    let processors = |policy: &Policy| -> Vec<String> {
        let processors = policy.data.processors().iter();
        let shown = processors.map(|processor| {
            let safeguard = processor.safeguard().map(|by| format!(" under {by}"));
            let (name, task, country) = (processor.name(), processor.task(), processor.country());
            format!("{name} for {task} in {country}{}", safeguard.unwrap_or_default())
        });
        shown.collect()
    };
    let added = [Effect::Looser, Effect::Stricter];
    lists("data.processors", &processors(old), &processors(new), added, changes);
}

fn roles(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    let of_role = |role: &Role| -> Vec<String> {
        let name = role.name();
        match role.reads() {
            [] => vec![format!("{name} reads nothing")],
            reads => reads.iter().map(|purpose| format!("{name} reads {purpose}")).collect(),
        }
    };
    let reads = |policy: &Policy| policy.roles.iter().flat_map(of_role).collect::<Vec<_>>();
    // Where nobody was told apart before, or nobody is now, all that is known is that it is otherwise.
    let told = !old.roles.is_empty() && !new.roles.is_empty();
    let effects = if told { [Effect::Looser, Effect::Stricter] } else { [Effect::Other; 2] };
    lists("roles", &reads(old), &reads(new), effects, changes);
    for role in &new.roles {
        let before = old.roles.iter().find(|before| before.name() == role.name());
        if before.is_some_and(|before| before.title != role.title) {
            let place = format!("roles.{}", role.name());
            changes.push(change(&place, Effect::Other, "its title", "another title"));
        }
    }
}

// === helpers ===

/// A setting whose lesser values keep less.
fn ordered<T: PartialOrd + Display>(place: &str, old: T, new: T, changes: &mut Vec<Change>) {
    if old != new {
        changes.push(change(place, effect(new < old), old, new));
    }
}

/// What came to a list, and what went from it.
fn lists(
    place: &str,
    old: &[String],
    new: &[String],
    [added, removed]: [Effect; 2],
    changes: &mut Vec<Change>,
) {
    for gone in old.iter().filter(|item| !new.contains(item)) {
        changes.push(change(place, removed, gone, ""));
    }
    for come in new.iter().filter(|item| !old.contains(item)) {
        changes.push(change(place, added, "", come));
    }
}

fn change(place: &str, effect: Effect, before: impl Display, after: impl Display) -> Change {
    Change {
        subject: Subject::Setting(place.to_owned()),
        effect,
        before: before.to_string(),
        after: after.to_string(),
    }
}

const fn effect(is_stricter: bool) -> Effect {
    if is_stricter { Effect::Stricter } else { Effect::Looser }
}
