//! `[signals]`: what a browser's wish denies. Without the table, or a key, it denies every purpose.

use candor_event::Signal;
use toml::Spanned;
use toml::de::DeValue;

use super::{Denied, SignalsTable};
use crate::document::{Table, Value, refuse_repeats, texts, wrong_type};
use crate::problem::Problem;

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> SignalsTable {
    let keys = Signal::ALL.map(Signal::label);
    let table =
        root.get("signals").and_then(|value| Table::open("[signals]", value, &keys, problems));
    let mut of = |signal: Signal| match table.as_ref().and_then(|table| table.get(signal.label())) {
        Some(value) => denied(value, problems),
        None => Denied::All,
    };
    SignalsTable { dnt: of(Signal::Dnt), gpc: of(Signal::Gpc) }
}

fn denied(value: &Value<'_>, problems: &mut Vec<Problem>) -> Denied {
    match value.get_ref() {
        DeValue::String(word) if word == "all" => Denied::All,
        DeValue::Array(_) => {
            let names = texts(value, problems).unwrap_or_default();
            refuse_repeats("purpose", &names, |name| name, problems);
            let owned =
                |name: Spanned<&str>| Spanned::new(name.span(), (*name.get_ref()).to_owned());
            Denied::These(names.into_iter().map(owned).collect())
        }
        _ => {
            problems.push(wrong_type(value, "`\"all\"` or a list of purposes"));
            Denied::All
        }
    }
}
