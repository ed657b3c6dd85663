//! Periods that are counted from the latest interaction, and periods by kind of event.

use candor_event::{Field, Kind};
use toml::Spanned;

use crate::file::{File, PurposeTable};
use crate::problem::Problem;
use crate::{Retention, VisitorMode};

pub(super) fn check(file: &File, problems: &mut Vec<Problem>) {
    for purpose in &file.purposes {
        problems.extend(within_log(file, purpose));
        problems.extend(without_id(file, purpose));
        let named = purpose.renews.iter().map(|kind| (kind, "a period is renewed by an event"));
        let categories = purpose.categories.iter();
        let named = named.chain(categories.map(|(kind, _)| (kind, "a period for an event")));
        problems.extend(named.filter_map(|(kind, what)| unkept(purpose, kind, what)));
    }
}

/// Only who is recognised can have a latest interaction.
fn without_id(file: &File, purpose: &PurposeTable) -> Option<Problem> {
    let retention = purpose.retention.as_ref()?;
    let mode = file.visitor.as_ref()?;
    if !matches!(retention.get_ref(), Retention::Sliding { .. }) {
        return None;
    }
    let problem = Problem::at(retention.span(), "nobody knows whose latest interaction it is")
        .label("is counted from the latest interaction");
    if mode.value != VisitorMode::Consented {
        let why = match mode.value {
            VisitorMode::Rotating => "the id changes with the key",
            _ => "visitors are not told apart",
        };
        let help = "write `mode = \"consented\"` in [visitor], or count the period from the \
                    receipt: `retention = \"24 months\"`";
        return Some(problem.related(mode.span.clone(), why).help(help));
    }
    if purpose.span_of(Field::Visitor).is_some() || !purpose.is_understood {
        return None;
    }
    Some(problem.help(format!("add `visitor` to the fields of `{}`", purpose.word)))
}

/// What is gone from its table must not lie in the log still.
fn within_log(file: &File, purpose: &PurposeTable) -> Option<Problem> {
    let log = file.data.log.as_ref()?;
    let retention = purpose.retention.iter().map(|said| (said.span(), said.get_ref().period()));
    let categories = purpose.categories.iter();
    let categories = categories.map(|(_, period)| (period.span(), *period.get_ref()));
    let mut periods = retention.chain(categories);
    let (span, period) = periods.find(|(_, period)| period.fewest_hours() < log.value.hours())?;
    let title =
        format!("`{}` ends after {period}, and the log only after {}", purpose.word, log.value);
    Some(
        Problem::at(span, title)
            .label("may be over before the log forgets")
            .related(log.span.clone(), "says how long the log keeps events")
            .help("write a longer period here, or a shorter `log` in [data]"),
    )
}

/// What a purpose does not keep neither renews a period nor has one.
fn unkept(purpose: &PurposeTable, kind: &Spanned<Kind>, what: &str) -> Option<Problem> {
    let kinds = purpose.kinds.as_ref()?;
    if kinds.get_ref().contains(*kind.get_ref()) {
        return None;
    }
    let word = kind.get_ref().label();
    Some(
        Problem::at(kind.span(), format!("{what} that `{}` does not keep", purpose.word))
            .label("is not among its kinds")
            .related(Some(kinds.span()), "keeps these only")
            .help(format!("take `{word}` away here, or add it to `kinds`")),
    )
}
