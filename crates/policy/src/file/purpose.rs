//! `[purposes.NAME]`: what is kept, why, and for how long.

use candor_event::{Basis, Field, Purpose};
use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::PurposeTable;
use crate::document::{Table, Value, choice, refuse_repeats, text, texts, wrong_type};
use crate::nearest::{listed, suggest};
use crate::problem::Problem;
use crate::{Policy, Retention, RetentionError};

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> Vec<PurposeTable> {
    let Some(value) = root.require("purposes", HELP, problems) else {
        return Vec::new();
    };
    let DeValue::Table(entries) = value.get_ref() else {
        problems.push(wrong_type(value, "the tables [purposes.NAME]"));
        return Vec::new();
    };
    if entries.is_empty() {
        let problem = Problem::at(value.span(), "the policy has no purpose")
            .label("nothing could be kept")
            .help(HELP);
        problems.push(problem);
    }
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    if let Some((key, _)) = entries.get(Policy::PURPOSES_MAX) {
        let problem = Problem::at(key.span(), "the policy has too many purposes")
            .label(format!("one more than {}", Policy::PURPOSES_MAX))
            .help("put purposes together that share basis, fields and retention");
        problems.push(problem);
    }
    let purposes = entries.into_iter();
    purposes.filter_map(|(key, value)| purpose(key, value, problems)).collect()
}

fn purpose(
    key: &Spanned<DeString<'_>>,
    value: &Value<'_>,
    problems: &mut Vec<Problem>,
) -> Option<PurposeTable> {
    let word: &str = key.get_ref();
    let table = Table::open(
        format!("[purposes.{word}]"),
        value,
        &["basis", "retention", "fields"],
        problems,
    )?;
    let basis = table.require("basis", r#"write for example `basis = "consent"`"#, problems);
    let retention =
        table.require("retention", r#"write for example `retention = "24 months"`"#, problems);
    let fields =
        table.require("fields", r#"write for example `fields = ["path", "browser"]`"#, problems);
    let before = problems.len();
    let fields = fields.map(|value| self::fields(value, problems));
    let is_understood = fields.is_some() && problems.len() == before;
    Some(PurposeTable {
        word: word.to_owned(),
        name: name(key, problems),
        basis: basis.and_then(|value| self::basis(value, problems)),
        retention: retention.and_then(|value| self::retention(value, problems)),
        fields: fields.unwrap_or_default(),
        is_understood,
    })
}

fn name(key: &Spanned<DeString<'_>>, problems: &mut Vec<Problem>) -> Option<Purpose> {
    match Purpose::parse(key.get_ref()) {
        Ok(name) => Some(name),
        Err(error) => {
            let title = format!("`{}` cannot be a purpose's name", key.get_ref());
            let problem = Problem::at(key.span(), title).label(error.to_string()).help(format!(
                "use 1 to 32 of a-z, 0-9 and _, beginning with a letter, without `__`, not \
                     ending in `_rows` or `_people`, and none of {}",
                listed(&Purpose::RESERVED)
            ));
            problems.push(problem);
            None
        }
    }
}

fn basis(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Spanned<Basis>> {
    if value.get_ref().as_str() == Some(Basis::OperatorAsserted.label()) {
        let problem = Problem::at(value.span(), "no notice can rest on an operator's assertion")
            .label("is recorded for imports, and cannot be written")
            .help("write `consent`: an import may assert it for the lines of a log");
        problems.push(problem);
        return None;
    }
    let bases = [Basis::Consent, Basis::LegitimateInterest, Basis::Contract, Basis::Exemption];
    let words = bases.map(|basis| (basis.label(), basis));
    let chosen = choice("basis", value, &words, problems)?;
    Some(Spanned::new(value.span(), chosen))
}

fn retention(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Retention> {
    let period = text(value, problems)?;
    let error = match Retention::parse(period) {
        Ok(retention) => return Some(retention),
        Err(error) => error,
    };
    let (label, help) = match error {
        RetentionError::Grammar => (
            "has no figure and unit",
            "give a figure: `N days`, `N months` or `N years`, as in `24 months`",
        ),
        RetentionError::TooLong => ("promises nothing", "write at most `10 years`"),
        RetentionError::TooShort => {
            ("cannot be kept", "the log keeps an event for up to 24 hours: write at least `1 day`")
        }
    };
    let problem = Problem::at(value.span(), format!("the retention `{period}` {error}"))
        .label(label)
        .help(help);
    problems.push(problem);
    None
}

fn fields(value: &Value<'_>, problems: &mut Vec<Problem>) -> Vec<Spanned<Field>> {
    let words = texts(value, problems).unwrap_or_default();
    refuse_repeats("field", &words, |word| word, problems);
    let mut fields = Vec::new();
    for word in words {
        match Field::parse(word.get_ref()) {
            Some(Field::ConsentRecord) => problems.push(
                Problem::at(word.span(), "the field `consent_record` is reserved")
                    .label("cannot be kept yet")
                    .help("take it out of the list"),
            ),
            Some(field) => fields.push(Spanned::new(word.span(), field)),
            None => problems.push(unknown_field(&word)),
        }
    }
    fields
}

fn unknown_field(word: &Spanned<&str>) -> Problem {
    let fields = Field::ALL.into_iter();
    let known: Vec<_> =
        fields.filter(|field| *field != Field::ConsentRecord).map(Field::label).collect();
    Problem::at(word.span(), format!("unknown field `{}`", word.get_ref()))
        .label("not in the catalogue of fields")
        .help(suggest(word.get_ref(), &known))
}

const HELP: &str = "add a table `[purposes.statistics]` with `basis`, `retention` and `fields`";
