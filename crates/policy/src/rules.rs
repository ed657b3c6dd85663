//! What no notice may promise: words that are each allowed, and contradict or betray each other.

use candor_event::{Basis, Field};

use crate::file::{Denied, File, PurposeTable, Setting};
use crate::nearest::suggest;
use crate::problem::Problem;
use crate::{AddressMode, VisitorMode};

/// Checks the tables of a file beside each other.
pub(crate) fn check(file: &File, problems: &mut Vec<Problem>) {
    check_address(file, problems);
    check_visitor(file, problems);
    check_query(file, problems);
    check_guessing(file, problems);
    for denied in [&file.signals.dnt, &file.signals.gpc] {
        check_denied(denied, &file.purposes, problems);
    }
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
        refuse_unkept(file, Field::Address, mode, problems);
    }
}

/// A visitor id is kept when there is one, and a consented one for purposes on consent only.
fn check_visitor(file: &File, problems: &mut Vec<Problem>) {
    let Some(mode) = &file.visitor else { return };
    match mode.value {
        VisitorMode::None => refuse_kept(file, Field::Visitor, mode, problems),
        VisitorMode::Rotating => refuse_unkept(file, Field::Visitor, mode, problems),
        VisitorMode::Consented => {
            refuse_unkept(file, Field::Visitor, mode, problems);
            for purpose in &file.purposes {
                problems.extend(consented_without_consent(purpose, mode));
            }
        }
    }
}

fn consented_without_consent(
    purpose: &PurposeTable,
    mode: &Setting<VisitorMode>,
) -> Option<Problem> {
    let span = purpose.span_of(Field::Visitor)?;
    let basis = purpose.basis.as_ref()?;
    if *basis.get_ref() == Basis::Consent {
        return None;
    }
    let title = format!("`{}` keeps a consented id without consent", purpose.word);
    Some(
        Problem::at(span, title)
            .label("only purposes on consent may keep it")
            .related(Some(basis.span()), "not `consent`")
            .related(mode.span.clone(), "the id rests on consent")
            .help("take `visitor` out of the list, or base the purpose on `consent`"),
    )
}

/// Parameters are listed if and only if some purpose keeps them.
fn check_query(file: &File, problems: &mut Vec<Problem>) {
    let Some(keep) = &file.query else { return };
    if keep.value.is_empty() {
        refuse_kept(file, Field::Query, keep, problems);
    } else {
        refuse_unkept(file, Field::Query, keep, problems);
    }
}

/// A rotating id is made of the whole address, of which a /24 leaves 256 candidates, and a shorter
/// prefix only some more: whoever gets at the key finds the address by trying them.
fn check_guessing(file: &File, problems: &mut Vec<Problem>) {
    let (Some(address), Some(visitor)) = (&file.address, &file.visitor) else {
        return;
    };
    let truncated = matches!(address.value, AddressMode::Truncate { .. });
    if !truncated || visitor.value != VisitorMode::Rotating {
        return;
    }
    let first = |field| file.purposes.iter().find_map(|purpose| purpose.span_of(field));
    if let (Some(address), Some(visitor)) = (first(Field::Address), first(Field::Visitor)) {
        let problem = Problem::at(visitor, "a truncated address beside a rotating visitor id")
            .label("the id is made of the address")
            .related(Some(address), "leaves few guesses at the whole address")
            .help(
                "take `address` or `visitor` out of every purpose, or write `mode = \"hash\"` \
                 for the address",
            );
        problems.push(problem);
    }
}

fn check_denied(denied: &Denied, purposes: &[PurposeTable], problems: &mut Vec<Problem>) {
    let Denied::These(names) = denied else { return };
    if purposes.is_empty() {
        return;
    }
    let known: Vec<_> = purposes.iter().map(|purpose| purpose.word.as_str()).collect();
    for name in names {
        let word = name.get_ref().as_str();
        if !known.contains(&word) {
            let problem = Problem::at(name.span(), format!("unknown purpose `{word}`"))
                .label("no purpose of this policy")
                .help(suggest(word, &known));
            problems.push(problem);
        }
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

/// `setting` asks for `field`, though no purpose keeps it.
fn refuse_unkept<T>(file: &File, field: Field, setting: &Setting<T>, problems: &mut Vec<Problem>) {
    let Some(span) = setting.span.clone() else {
        return;
    };
    // A field that is misspelt may be the one.
    if file.keeps(field) || !file.purposes.iter().all(|purpose| purpose.is_understood) {
        return;
    }
    let (table, _) = pair(field);
    let label = field.label();
    let problem = Problem::at(span, format!("no purpose keeps the field `{label}`"))
        .label(format!("{table} asks for what nobody keeps"))
        .help(format!("take the {table} table away, or add `{label}` to the fields of a purpose"));
    problems.push(problem);
}

/// The table that belongs to a field, and what it could say.
fn pair(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Address => ("[address]", "`mode = \"truncate\"` or `\"hash\"` in [address]"),
        Field::Visitor => ("[visitor]", "`mode = \"rotating\"` or `\"consented\"` in [visitor]"),
        _ => ("[query]", "`keep = [\"page\"]` in [query]"),
    }
}
