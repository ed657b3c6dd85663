//! `[signals]`: what a visitor's wish denies. Without the table, or a key, it denies every purpose.

use candor_event::Signal;
use toml::Spanned;
use toml::de::DeValue;

use super::{Denied, SignalsTable};
use crate::document::{Refused, Table, Value, refuse_repeats, texts, wrong_type};
use crate::problem::Problem;

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> SignalsTable {
    let keys = Signal::ALL.map(Signal::label);
    let table = root
        .get("signals")
        .and_then(|value| Table::open_with("[signals]", value, &keys, &RESERVED, problems));
    SignalsTable(Signal::ALL.map(|signal| {
        match table.as_ref().and_then(|table| table.get(signal.label())) {
            Some(value) => denied(value, problems),
            None => Denied::All,
        }
    }))
}

fn denied(value: &Value<'_>, problems: &mut Vec<Problem>) -> Denied {
    match value.get_ref() {
        DeValue::String(word) if word == "all" => Denied::All,
        DeValue::Array(_) => {
            let names = texts(value, problems).unwrap_or_default();
            refuse_repeats("purpose", &names, |name| name, problems);
            let owned =
                |name: Spanned<&str>| Spanned::new(name.span(), (*name.get_ref()).to_owned());
            Denied::These(Spanned::new(value.span(), names.into_iter().map(owned).collect()))
        }
        _ => {
            problems.push(wrong_type(value, "`\"all\"` or a list of purposes"));
            Denied::All
        }
    }
}

/// Words for what needs a ledger of rights, so that nobody gives them another meaning before.
const RESERVED: [Refused; 4] =
    [reserved("ban"), reserved("restriction"), reserved("withdrawal"), reserved("erasure")];

const fn reserved(key: &'static str) -> Refused {
    Refused {
        key,
        title: "a reserved word",
        label: "needs a ledger of visitors' rights, which there is not yet",
        help: "take it away: until then you answer such wishes by hand, and the notice says so",
    }
}
