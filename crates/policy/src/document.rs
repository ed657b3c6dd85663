//! Reading a TOML document whose every value knows its place, without stopping at what is wrong.
//!
//! Each reader notes the problem and returns what could be read; that nothing is compiled from a file
//! with problems is the compiler's affair.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::Date;
use crate::nearest::{listed, nearest, suggestion};
use crate::problem::Problem;

/// A value and its place.
pub(crate) type Value<'a> = Spanned<DeValue<'a>>;

/// A key that a table cannot have, and that is known all the same.
pub(crate) struct Refused {
    pub(crate) key: &'static str,
    pub(crate) title: &'static str,
    pub(crate) label: &'static str,
    pub(crate) help: &'static str,
}

/// A table of the file that may hold certain keys only.
pub(crate) struct Table<'a> {
    /// As the file writes it: `[address]`.
    name: String,
    span: Range<usize>,
    entries: &'a DeTable<'a>,
    /// Keys that somebody seems to have misspelt: they are not reported as missing too.
    misspelt: Vec<&'static str>,
}

// === impl Table ===

impl<'a> Table<'a> {
    /// Opens a table, and notes every key that is not known.
    pub(crate) fn open(
        name: impl Into<String>,
        value: &'a Value<'a>,
        keys: &[&'static str],
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        Self::open_with(name, value, keys, &[], problems)
    }

    /// The same, where some keys are refused with a message of their own.
    pub(crate) fn open_with(
        name: impl Into<String>,
        value: &'a Value<'a>,
        keys: &[&'static str],
        refused: &[Refused],
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let name = name.into();
        let DeValue::Table(entries) = value.get_ref() else {
            problems.push(wrong_type(value, &format!("the table {name}")));
            return None;
        };
        Some(Self::of_entries(name, value.span(), entries, (keys, refused), problems))
    }

    /// The same for the entries of a table, which the whole file is too.
    pub(crate) fn of_entries(
        name: String,
        span: Range<usize>,
        entries: &'a DeTable<'a>,
        (keys, refused): (&[&'static str], &[Refused]),
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut misspelt = Vec::new();
        for (key, _) in entries {
            let word: &str = key.get_ref();
            if keys.contains(&word) {
                continue;
            }
            if let Some(refused) = refused.iter().find(|refused| refused.key == word) {
                let problem = Problem::at(key.span(), refused.title).label(refused.label);
                problems.push(problem.help(refused.help));
                continue;
            }
            let near = nearest(word, keys);
            misspelt.extend(near);
            let problem = Problem::at(key.span(), format!("unknown key `{word}`"))
                .label(format!("not a key of {name}"))
                .help(suggestion(near, keys));
            problems.push(problem);
        }
        Self { name, span, entries, misspelt }
    }

    /// The value of a key that may be absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value<'a>> {
        self.entries.get(key)
    }

    /// The place of the table.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The place of a key that may be absent.
    pub(crate) fn span_of(&self, key: &str) -> Option<Range<usize>> {
        self.entries.get_key_value(key).map(|(key, _)| key.span())
    }

    /// Whether there is a key that is not known, and that somebody seems to have meant for `key`.
    pub(crate) fn misspells(&self, key: &str) -> bool {
        self.misspelt.contains(&key)
    }

    /// The value of a key that must be there. The help says what to add when it is not.
    pub(crate) fn require(
        &self,
        key: &str,
        help: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<&'a Value<'a>> {
        let value = self.get(key);
        if value.is_none() && !self.misspells(key) {
            let problem = Problem::at(self.span.clone(), format!("{} has no `{key}`", self.name))
                .label(format!("`{key}` is missing"))
                .help(help);
            problems.push(problem);
        }
        value
    }
}

/// The entries of a table whose keys are the file's own, in its order.
pub(crate) fn in_order<'a>(
    table: &'a DeTable<'a>,
) -> Vec<(&'a Spanned<DeString<'a>>, &'a Value<'a>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// A text.
pub(crate) fn text<'a>(value: &'a Value<'a>, problems: &mut Vec<Problem>) -> Option<&'a str> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        problems.push(wrong_type(value, "a text in quotes"));
    }
    text
}

/// A whole number, which may be out of every range.
pub(crate) fn number(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<i64> {
    let Some(integer) = value.get_ref().as_integer() else {
        problems.push(wrong_type(value, "a whole number"));
        return None;
    };
    let number = i64::from_str_radix(integer.as_str(), integer.radix());
    Some(number.unwrap_or(i64::MAX))
}

/// A line that visitors will read.
pub(crate) fn line(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    worded(value, LINE_LENGTH_MAX, problems)
}

/// The same, which may be figures alone: a version, a reference, a number to call.
pub(crate) fn mark(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let said = readable(value, LINE_LENGTH_MAX, problems)?;
    let has = said.chars().any(char::is_alphanumeric);
    refuse_unless(has, value, "has no letter and no figure", problems).then_some(said)
}

/// Sentences that visitors will read, without a break.
pub(crate) fn sentences(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    worded(value, SENTENCES_LENGTH_MAX, problems)
}

fn worded(value: &Value<'_>, max: usize, problems: &mut Vec<Problem>) -> Option<String> {
    let said = readable(value, max, problems)?;
    let has = said.chars().any(char::is_alphabetic);
    refuse_unless(has, value, "has no letter", problems).then_some(said)
}

fn refuse_unless(
    is_right: bool,
    value: &Value<'_>,
    label: &str,
    problems: &mut Vec<Problem>,
) -> bool {
    if !is_right {
        let problem = Problem::at(value.span(), "visitors cannot read this").label(label);
        problems.push(problem.help("write it in words"));
    }
    is_right
}

fn readable(value: &Value<'_>, max: usize, problems: &mut Vec<Problem>) -> Option<String> {
    let line = text(value, problems)?;
    if let Some(unseen) = line.chars().find(|c| is_unseen(*c)) {
        let problem = Problem::at(value.span(), "visitors cannot see all of this")
            .label(format!("holds the invisible character U+{:04X}", u32::from(unseen)))
            .help("write it anew, without characters that are not seen or turn the direction");
        problems.push(problem);
        return None;
    }
    let fits = line.chars().count() <= max && !line.chars().any(char::is_control);
    if fits && !line.trim().is_empty() {
        return Some(line.to_owned());
    }
    let problem = Problem::at(value.span(), "visitors cannot read this")
        .label("empty, too long or more than a line")
        .help(format!("write one line of at most {max} characters"));
    problems.push(problem);
    None
}

/// Whether a character is not seen, or changes the direction in which others are read.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Yes or no.
pub(crate) fn boolean(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<bool> {
    let boolean = value.get_ref().as_bool();
    if boolean.is_none() {
        problems.push(wrong_type(value, "true or false, without quotes"));
    }
    boolean
}

/// A day.
pub(crate) fn day(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Date> {
    let day = match value.get_ref() {
        DeValue::Datetime(datetime) => Date::of(datetime),
        // JSON has no dates.
        DeValue::String(text) => Date::parse(text),
        _ => None,
    };
    if day.is_none() {
        let problem = Problem::at(value.span(), "not a day")
            .label("expected year, month and day")
            .help("write for example `date = 2026-11-20`, without quotes and without a time");
        problems.push(problem);
    }
    day
}

/// A list of texts, each with its place.
pub(crate) fn texts<'a>(
    value: &'a Value<'a>,
    problems: &mut Vec<Problem>,
) -> Option<Vec<Spanned<&'a str>>> {
    let Some(array) = value.get_ref().as_array() else {
        problems.push(wrong_type(value, "a list of texts in brackets"));
        return None;
    };
    let items = array.iter();
    Some(items.filter_map(|item| Some(Spanned::new(item.span(), text(item, problems)?))).collect())
}

/// One of some words, by what it stands for. `what` names the choice: "address mode".
pub(crate) fn choice<T: Copy>(
    what: &str,
    value: &Value<'_>,
    words: &[(&'static str, T)],
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let word = text(value, problems)?;
    let found = words.iter().find(|(known, _)| *known == word);
    if found.is_none() {
        let known: Vec<_> = words.iter().map(|(known, _)| *known).collect();
        let problem = Problem::at(value.span(), format!("unknown {what} `{word}`"))
            .label(format!("must be one of {}", listed(&known)));
        problems.push(match nearest(word, &known) {
            Some(known) => problem.help(format!("did you mean `{known}`?")),
            None => problem,
        });
    }
    found.map(|(_, meaning)| *meaning)
}

/// Notes everything that stands in a list a second time. `what` names an item: "field".
pub(crate) fn refuse_repeats<T: Ord>(
    what: &str,
    items: &[Spanned<T>],
    show: impl Fn(&T) -> &str,
    problems: &mut Vec<Problem>,
) {
    let mut first = BTreeMap::new();
    for item in items {
        let word = show(item.get_ref());
        let before = *first.entry(item.get_ref()).or_insert(item);
        if !std::ptr::eq(before, item) {
            let problem = Problem::at(item.span(), format!("the {what} `{word}` is named twice"))
                .label("named again")
                .related(Some(before.span()), "first named here")
                .help("name it once");
            problems.push(problem);
        }
    }
}

/// `value` is not what it should be.
pub(crate) fn wrong_type(value: &Value<'_>, wanted: &str) -> Problem {
    let found = match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Problem::at(value.span(), "a value of the wrong kind")
        .label(format!("expected {wanted}, found {found}"))
}

/// The most characters.
const LINE_LENGTH_MAX: usize = 200;
const SENTENCES_LENGTH_MAX: usize = 600;
