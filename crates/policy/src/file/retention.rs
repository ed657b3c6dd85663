//! `retention`: a period, a table that says what it is counted from, or the admission that there is none.

use candor_event::Kind;
use toml::Spanned;
use toml::de::DeValue;

use super::purpose::kinds;
use super::texts;
use crate::document::{Table, Value, choice, text, wrong_type};
use crate::problem::Problem;
use crate::{Language, Period, PeriodError, Retention};

/// What ends what a purpose keeps.
#[derive(Default)]
pub(super) struct RetentionTable {
    pub(super) retention: Option<Spanned<Retention>>,
    pub(super) renews: Vec<Spanned<Kind>>,
}

/// What a period is counted from.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Receipt,
    LatestInteraction,
}

const FROM: [(&str, From); 2] =
    [("receipt", From::Receipt), ("latest-interaction", From::LatestInteraction)];
const UNTIL_FURTHER_NOTICE: &str = "until further notice";

/// Reads the retention of a purpose, and the reason beside it.
pub(super) fn read(
    purpose: &Table<'_>,
    languages: &[Language],
    problems: &mut Vec<Problem>,
) -> RetentionTable {
    let help = r#"write for example `retention = "24 months"`"#;
    let Some(value) = purpose.require("retention", help, problems) else {
        return RetentionTable::default();
    };
    let reason = purpose.get("reason");
    if value.get_ref().as_str() == Some(UNTIL_FURTHER_NOTICE) {
        let retention = until_further_notice(value, reason, languages, problems);
        return RetentionTable { retention, renews: Vec::new() };
    }
    if let Some(reason) = reason {
        let problem = Problem::at(reason.span(), "a reason without need")
            .label("a period needs none")
            .related(Some(value.span()), "is a period")
            .help(format!("take it away; it belongs to `retention = \"{UNTIL_FURTHER_NOTICE}\"`"));
        problems.push(problem);
    }
    match value.get_ref() {
        DeValue::Table(_) => table(value, problems),
        DeValue::String(_) => {
            let retention = period(value, problems).map(Retention::Absolute);
            let retention = retention.map(|retention| Spanned::new(value.span(), retention));
            RetentionTable { retention, renews: Vec::new() }
        }
        _ => {
            problems.push(wrong_type(value, "a text in quotes"));
            RetentionTable::default()
        }
    }
}

fn until_further_notice(
    value: &Value<'_>,
    reason: Option<&Value<'_>>,
    languages: &[Language],
    problems: &mut Vec<Problem>,
) -> Option<Spanned<Retention>> {
    let Some(reason) = reason else {
        let problem =
            Problem::at(value.span(), "the retention has no end").label("promises nothing").help(
                "write a period, as in `24 months`; if you really cannot, say why in \
                 `reason = \"…\"`, which the notice will show",
            );
        problems.push(problem);
        return None;
    };
    let reason = texts::read("reason", reason, languages, problems)?;
    Some(Spanned::new(value.span(), Retention::UntilFurtherNotice { reason }))
}

/// `{ period = "24 months", from = "latest-interaction", renews = ["form"], at_most = "36 months" }`.
fn table(value: &Value<'_>, problems: &mut Vec<Problem>) -> RetentionTable {
    let keys = ["period", "from", "renews", "at_most"];
    let Some(table) = Table::open("the retention", value, &keys, problems) else {
        return RetentionTable::default();
    };
    let help = r#"write for example `period = "24 months"`"#;
    let period_value = table.require("period", help, problems);
    let counted = period_value.and_then(|value| period(value, problems));
    let from = match table.get("from") {
        Some(value) => choice("beginning", value, &FROM, problems),
        None => (!table.misspells("from")).then_some(From::Receipt),
    };
    let span = period_value.map_or_else(|| table.span(), Spanned::span);
    let said = |retention| Some(Spanned::new(span.clone(), retention));
    match from {
        None => RetentionTable::default(),
        Some(From::Receipt) => {
            refuse_renewal(&table, problems);
            let retention = counted.and_then(|period| said(Retention::Absolute(period)));
            RetentionTable { retention, renews: Vec::new() }
        }
        Some(From::LatestInteraction) => {
            let (renews, at_most) = renewal(&table, counted, problems);
            let retention = counted.zip(at_most).and_then(|(period, at_most)| {
                let renews = renews.iter().map(|kind| *kind.get_ref()).collect();
                said(Retention::Sliding { period, renews, at_most })
            });
            RetentionTable { retention, renews }
        }
    }
}

/// What renews a period, and what it ends at however often it is renewed.
fn renewal(
    table: &Table<'_>,
    period: Option<Period>,
    problems: &mut Vec<Problem>,
) -> (Vec<Spanned<Kind>>, Option<Period>) {
    let help = r#"name the events that count, as in `renews = ["download", "form"]`"#;
    let renews = table.require("renews", help, problems);
    let renews = renews.map(|value| kinds(value, problems)).unwrap_or_default();
    let help = "a visitor who comes every week would never be forgotten: write for example \
                `at_most = \"36 months\"`";
    let value = table.require("at_most", help, problems);
    let at_most = value.and_then(|value| self::period(value, problems));
    if let (Some(value), Some(at_most), Some(period)) = (value, at_most, period)
        && !period.is_within(at_most)
    {
        let problem = Problem::at(value.span(), "the cap is shorter than the period")
            .label(format!("less than `{period}`"))
            .help("write the longest that a row may be kept, however often it is renewed");
        problems.push(problem);
    }
    (renews, at_most)
}

fn refuse_renewal(table: &Table<'_>, problems: &mut Vec<Problem>) {
    for span in ["renews", "at_most"].into_iter().filter_map(|key| table.span_of(key)) {
        let problem = Problem::at(span, "a period that nothing renews")
            .label("has no meaning here")
            .help("take it away, or write `from = \"latest-interaction\"`");
        problems.push(problem);
    }
}

/// What is wrong with a period that has a figure and a unit, of a kind.
fn slip(period: &str) -> Option<(String, String)> {
    let spaced = period.replace(['\u{a0}', '\u{2009}', '\u{202f}'], " ");
    if spaced != period {
        let help = format!("write an ordinary space: `{spaced}`");
        return Some(("holds a space of another kind".to_owned(), help));
    }
    let (count, unit) = period.split_once(' ')?;
    let count: u16 = count.parse().ok()?;
    if matches!(unit.to_lowercase().as_str(), "week" | "weeks") {
        let help = format!("write `{} days`", count.checked_mul(7)?);
        return Some(("weeks are not known".to_owned(), help));
    }
    let small = unit.to_lowercase();
    Period::parse(&format!("{count} {small}")).ok()?;
    let help = format!("write `{small}` in small letters");
    Some(("has a unit in capitals".to_owned(), help))
}

/// A period, and what is wrong with it.
pub(super) fn period(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Period> {
    let period = text(value, problems)?;
    let error = match Period::parse(period) {
        Ok(period) => return Some(period),
        Err(error) => error,
    };
    let (label, help) = match error {
        PeriodError::Grammar => slip(period).unwrap_or_else(|| {
            let help = "give a figure: `N days`, `N months` or `N years`, as in `24 months`";
            ("has no figure and unit".to_owned(), help.to_owned())
        }),
        PeriodError::TooLong => ("promises nothing".to_owned(), "write at most `10 years`".into()),
        PeriodError::TooShort => (
            "cannot be kept".to_owned(),
            "the log keeps an event for up to 24 hours: write at least `1 day`".to_owned(),
        ),
    };
    let problem = Problem::at(value.span(), format!("the retention `{period}` {error}"))
        .label(label)
        .help(help);
    problems.push(problem);
    None
}
