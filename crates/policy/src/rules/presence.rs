//! What is kept must be left to keep, and what is asked for must be kept by some purpose.

use candor_event::Field;

use crate::file::{File, Setting};
use crate::problem::Problem;
use crate::{AddressMode, Geography, ReferrerMode, VisitorMode};

pub(super) fn check(file: &File, problems: &mut Vec<Problem>) {
    check_address(file, problems);
    check_geography(file, problems);
    check_visitor(file, problems);
    check_query(file, problems);
    check_referrer(file, problems);
    check_hints(file, problems);
}

/// An address that is kept must be treated somehow, and one that is treated must be kept, unless its
/// prefix bounds what geography can be told from it.
fn check_address(file: &File, problems: &mut Vec<Problem>) {
    let Some(mode) = &file.address else { return };
    if mode.value == AddressMode::Drop {
        refuse_kept(file, Field::Address, mode, problems);
        return;
    }
    let places = [Field::Country, Field::Region, Field::City, Field::Network];
    let is_looked_up =
        mode.value != AddressMode::Hash && places.iter().any(|field| file.keeps(*field));
    if !is_looked_up {
        refuse_unkept(file, &[Field::Address], mode, problems);
    }
}

/// Places are kept as fine as they may be told, and told as fine as they are kept.
fn check_geography(file: &File, problems: &mut Vec<Problem>) {
    let Some(geography) = &file.geography else { return };
    let places = [
        (Geography::Country, Field::Country),
        (Geography::Region, Field::Region),
        (Geography::City, Field::City),
    ];
    for (place, field) in places {
        if place > geography.value {
            refuse_kept(file, field, geography, problems);
        } else if place == geography.value {
            refuse_unkept(file, &[field], geography, problems);
        }
    }
}

/// A visitor id is kept when there is one.
fn check_visitor(file: &File, problems: &mut Vec<Problem>) {
    let Some(mode) = &file.visitor else { return };
    match mode.value {
        VisitorMode::None => refuse_kept(file, Field::Visitor, mode, problems),
        VisitorMode::Consented | VisitorMode::Rotating => {
            refuse_unkept(file, &[Field::Visitor], mode, problems);
        }
    }
}

/// Parameters are listed if and only if some purpose keeps them.
fn check_query(file: &File, problems: &mut Vec<Problem>) {
    let Some(keep) = &file.keep_query else { return };
    if keep.value.is_empty() {
        refuse_kept(file, Field::Query, keep, problems);
    } else {
        refuse_unkept(file, &[Field::Query], keep, problems);
    }
}

/// More than the referring host is told when some purpose keeps it. The host is the least.
fn check_referrer(file: &File, problems: &mut Vec<Problem>) {
    let Some(keep) = &file.referrer else { return };
    if keep.value != ReferrerMode::Path {
        refuse_kept(file, Field::ReferrerPath, keep, problems);
    }
    match keep.value {
        ReferrerMode::Host => {}
        ReferrerMode::Origin => refuse_unkept(file, &[Field::ReferrerHost], keep, problems),
        ReferrerMode::Path => refuse_unkept(file, &[Field::ReferrerPath], keep, problems),
    }
}

/// Browsers are asked for no more than is kept.
fn check_hints(file: &File, problems: &mut Vec<Problem>) {
    let Some(hints) = &file.high_entropy else { return };
    if hints.value {
        refuse_unkept(file, &[Field::BrowserVersion, Field::OsVersion], hints, problems);
    }
}

/// `field` is kept, though `setting` leaves nothing of it.
fn refuse_kept<T>(file: &File, field: Field, setting: &Setting<T>, problems: &mut Vec<Problem>) {
    let (table, right) = pair(field);
    for purpose in &file.purposes {
        if let Some(span) = purpose.span_of(field) {
            let title = format!("`{}` keeps a field that is always empty", purpose.word);
            let problem = Problem::at(span, title)
                .label(format!("{table} leaves nothing to keep"))
                .related(setting.span.clone(), "because of this")
                .help(format!("take `{}` out of the list, or write {right}", field.label()));
            problems.push(problem);
        }
    }
}

/// `setting` asks for one of `fields`, though no purpose keeps any.
fn refuse_unkept<T>(
    file: &File,
    fields: &[Field],
    setting: &Setting<T>,
    problems: &mut Vec<Problem>,
) {
    let (Some(span), Some(field)) = (setting.span.clone(), fields.first().copied()) else {
        return;
    };
    // A field that is misspelt may be the one.
    let is_kept = fields.iter().any(|field| file.keeps(*field));
    if is_kept || !file.purposes.iter().all(|purpose| purpose.is_understood) {
        return;
    }
    let (table, _) = pair(field);
    let label = field.label();
    let problem = Problem::at(span, format!("no purpose keeps the field `{label}`"))
        .label(format!("{table} asks for what nobody keeps"))
        .help(format!("take this out of {table}, or add `{label}` to the fields of a purpose"));
    problems.push(problem);
}

/// The table that belongs to a field, and what it could say.
fn pair(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Address => ("[address]", "`mode = \"truncate\"` or `\"hash\"` in [address]"),
        Field::Country => ("[address]", "`geography = \"country\"` in [address]"),
        Field::Region => ("[address]", "`geography = \"region\"` in [address]"),
        Field::City => ("[address]", "`geography = \"city\"` in [address]"),
        Field::Visitor => ("[visitor]", "`mode = \"rotating\"` or `\"consented\"` in [visitor]"),
        Field::ReferrerHost | Field::ReferrerPath => {
            ("[referrer]", "`keep = \"path\"` in [referrer]")
        }
        Field::BrowserVersion => ("[client_hints]", "`high_entropy = true` in [client_hints]"),
        _ => ("[page]", "`keep_query = [\"page\"]` in [page]"),
    }
}
