//! `[purposes.NAME]`: what is kept, why, and for how long.

use candor_event::{Basis, Field, Kind, Purpose};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::{PurposeTable, retention, texts};
use crate::document::{Table, Value, choice, in_order, mark, refuse_repeats, wrong_type};
use crate::nearest::{either, listed, nearest, suggest};
use crate::problem::Problem;
use crate::{KindSet, Language, LegalBasis, Period, Policy, Texts, prose};

pub(super) fn read(
    root: &Table<'_>,
    languages: &[Language],
    problems: &mut Vec<Problem>,
) -> Vec<PurposeTable> {
    let Some(value) = root.require("purposes", HELP, problems) else {
        return Vec::new();
    };
    let DeValue::Table(entries) = value.get_ref() else {
        let problem = wrong_type(value, "the tables [purposes.NAME]");
        problems.push(problem.help("give each a name: `[purposes.statistics]`"));
        return Vec::new();
    };
    if let Some(key) = nameless(entries) {
        let problem = Problem::at(key.span(), format!("`{}` is of no purpose", key.get_ref()))
            .label("stands in [purposes] itself")
            .help("give the purpose a name: write `[purposes.statistics]` instead of `[purposes]`");
        problems.push(problem);
        return Vec::new();
    }
    if entries.is_empty() {
        let problem = Problem::at(value.span(), "the policy has no purpose")
            .label("nothing could be kept")
            .help(HELP);
        problems.push(problem);
    }
    let entries = in_order(entries);
    if let Some((key, _)) = entries.get(Policy::PURPOSES_MAX) {
        let problem = Problem::at(key.span(), "the policy has too many purposes")
            .label(format!("one more than {}", Policy::PURPOSES_MAX))
            .help("put purposes together that share basis, fields and retention");
        problems.push(problem);
    }
    let purposes = entries.into_iter();
    purposes.filter_map(|(key, value)| purpose(key, value, languages, problems)).collect()
}

/// A key of a purpose where the name of one should stand.
fn nameless<'a>(entries: &'a DeTable<'a>) -> Option<&'a Spanned<DeString<'a>>> {
    let is_key = |(key, value): &(&'a Spanned<DeString<'a>>, &'a Value<'a>)| {
        KEYS.contains(&&**key.get_ref()) && !value.get_ref().is_table()
    };
    in_order(entries).into_iter().find(is_key).map(|(key, _)| key)
}

fn purpose(
    key: &Spanned<DeString<'_>>,
    value: &Value<'_>,
    languages: &[Language],
    problems: &mut Vec<Problem>,
) -> Option<PurposeTable> {
    let word: &str = key.get_ref();
    let table = Table::open(format!("[purposes.{word}]"), value, &KEYS, problems)?;
    let basis = basis(&table, problems);
    let retention = retention::read(&table, languages, problems);
    let help = r#"write for example `fields = ["path", "browser"]`"#;
    let fields = table.require("fields", help, problems);
    let before = problems.len();
    let fields = fields.map(|value| self::fields(value, problems));
    let is_understood = fields.is_some() && problems.len() == before;
    let kinds = table.get("kinds").map(|value| {
        let kinds = kinds(value, problems);
        Spanned::new(value.span(), kinds.iter().map(|kind| *kind.get_ref()).collect::<KindSet>())
    });
    let categories = table.get("categories").map(|value| categories(word, value, problems));
    let [title, about] = told(word, key, &table, languages, problems);
    Some(PurposeTable {
        word: word.to_owned(),
        name: name(key, basis.as_ref(), problems),
        title,
        about,
        retold: ["title", "about"].into_iter().filter_map(|key| table.span_of(key)).collect(),
        basis,
        retention: retention.retention,
        renews: retention.renews,
        kinds,
        categories: categories.unwrap_or_default(),
        fields: fields.unwrap_or_default(),
        is_understood,
    })
}

fn name(
    key: &Spanned<DeString<'_>>,
    basis: Option<&Spanned<LegalBasis>>,
    problems: &mut Vec<Problem>,
) -> Option<Purpose> {
    let word: &str = key.get_ref();
    let name = match Purpose::parse(word) {
        Ok(name) => name,
        Err(error) => {
            let title = format!("`{word}` cannot be a purpose's name");
            let problem = Problem::at(key.span(), title).label(error.to_string()).help(format!(
                "use 1 to 32 of a-z, 0-9 and _, beginning with a letter, without `__`, not \
                     ending in `_`, `_rows`, `_people` or `_sessions`, and none of {}",
                listed(&Purpose::RESERVED)
            ));
            problems.push(problem);
            return None;
        }
    };
    // A pixel says `consent=true`, or names purposes.
    if matches!(word, "true" | "false")
        && basis.is_some_and(|b| *b.get_ref() == LegalBasis::Consent)
    {
        let problem = Problem::at(key.span(), format!("no beacon could consent to `{word}`"))
            .label("means all purposes, or none, when a beacon says it")
            .help("give the purpose another name");
        problems.push(problem);
    }
    Some(name)
}

/// Title and description. Those of usual purposes are known in every language.
fn told(
    word: &str,
    key: &Spanned<DeString<'_>>,
    table: &Table<'_>,
    languages: &[Language],
    problems: &mut Vec<Problem>,
) -> [Option<Texts>; 2] {
    const WANTED: [&str; 2] = ["title", "about"];
    let is_missing = |wanted: &&str| table.get(wanted).is_none() && !table.misspells(wanted);
    let missing: Vec<_> = WANTED.into_iter().filter(is_missing).collect();
    if !missing.is_empty() && !prose::knows_purpose(word) && Purpose::parse(word).is_ok() {
        let problem = Problem::at(key.span(), format!("visitors do not know what `{word}` is for"))
            .label(format!("has no {}", either(&missing)))
            .help(format!(
                "write `title = \"…\"` and a sentence `about = \"We …\"`, or use a purpose that \
                     every notice explains: {}",
                prose::known_purposes()
            ));
        problems.push(problem);
    }
    WANTED.map(|wanted| texts::read(wanted, table.get(wanted)?, languages, problems))
}

fn basis(table: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Spanned<LegalBasis>> {
    let value = table.require("basis", r#"write for example `basis = "consent"`"#, problems)?;
    if value.get_ref().as_str() == Some(Basis::OperatorAsserted.label()) {
        let problem = Problem::at(value.span(), "no notice can rest on an operator's assertion")
            .label("is recorded for imports, and cannot be written")
            .help("write `consent`: an import may assert it for the lines of a log");
        problems.push(problem);
        return None;
    }
    let words = [Basis::Consent, Basis::LegitimateInterest, Basis::Contract, Basis::Exemption]
        .map(|basis| (basis.label(), basis));
    let chosen = choice("basis", value, &words, problems)?;
    let (key, help) = match chosen {
        Basis::LegitimateInterest => {
            ("assessment", "name the assessment that weighed it: `assessment = \"LIA 2026-03\"`")
        }
        Basis::Exemption => ("exemption", "name it: `exemption = \"page-counting\"`"),
        _ => ("", ""),
    };
    for (other, wanted) in
        [("assessment", Basis::LegitimateInterest), ("exemption", Basis::Exemption)]
    {
        if let Some(span) = table.span_of(other).filter(|_| other != key) {
            let problem = Problem::at(span, format!("`{other}` beside another basis"))
                .label("has no meaning here")
                .related(Some(value.span()), &format!("not `{}`", wanted.label()))
                .help(format!("take it away, or write `basis = \"{}\"`", wanted.label()));
            problems.push(problem);
        }
    }
    let mut reference =
        || table.require(key, help, problems).and_then(|value| mark(value, problems));
    let basis = match chosen {
        Basis::LegitimateInterest => LegalBasis::LegitimateInterest(reference()?),
        Basis::Exemption => LegalBasis::Exemption(reference()?),
        Basis::Contract => LegalBasis::Contract,
        _ => LegalBasis::Consent,
    };
    Some(Spanned::new(value.span(), basis))
}

/// Kinds of event, each with its place.
pub(super) fn kinds(value: &Value<'_>, problems: &mut Vec<Problem>) -> Vec<Spanned<Kind>> {
    let Some(words) = crate::document::texts(value, problems) else {
        return Vec::new();
    };
    if words.is_empty() {
        let problem = Problem::at(value.span(), "no kind of event")
            .label("an empty list")
            .help("name at least one, as in `[\"pageview\"]`, or take the key away");
        problems.push(problem);
    }
    refuse_repeats("kind", &words, |word| word, problems);
    words.iter().filter_map(|word| kind(word.get_ref(), word.span(), problems)).collect()
}

fn kind(
    word: &str,
    span: std::ops::Range<usize>,
    problems: &mut Vec<Problem>,
) -> Option<Spanned<Kind>> {
    let kind = Kind::parse(word);
    if kind.is_none() {
        let known = Kind::ALL.map(Kind::label);
        let problem = Problem::at(span.clone(), format!("unknown kind of event `{word}`"))
            .label("no beacon says it")
            .help(suggest(word, &known));
        problems.push(problem);
    }
    Some(Spanned::new(span, kind?))
}

/// `[purposes.NAME.categories]`.
fn categories(
    purpose: &str,
    value: &Value<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<(Spanned<Kind>, Spanned<Period>)> {
    let DeValue::Table(entries) = value.get_ref() else {
        problems.push(wrong_type(value, &format!("the table [purposes.{purpose}.categories]")));
        return Vec::new();
    };
    let mut categories = Vec::new();
    for (key, value) in in_order(entries) {
        let kind = kind(key.get_ref(), key.span(), problems);
        let period = retention::period(value, problems);
        let period = period.map(|period| Spanned::new(value.span(), period));
        categories.extend(kind.zip(period));
    }
    categories
}

fn fields(value: &Value<'_>, problems: &mut Vec<Problem>) -> Vec<Spanned<Field>> {
    let words = crate::document::texts(value, problems).unwrap_or_default();
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

/// The nearest field, with what the catalogue says of it.
fn unknown_field(word: &Spanned<&str>) -> Problem {
    let fields = Field::ALL.into_iter();
    let known: Vec<_> =
        fields.filter(|field| *field != Field::ConsentRecord).map(Field::label).collect();
    let near = nearest(word.get_ref(), &known).and_then(Field::parse);
    Problem::at(word.span(), format!("unknown field `{}`", word.get_ref()))
        .label("not in the catalogue of fields")
        .help(match near {
            Some(field) => format!("did you mean `{}`? {}", field.label(), field.describe()),
            None => format!("known: {}", listed(&known)),
        })
}

const HELP: &str = "add a table `[purposes.statistics]` with `basis`, `retention` and `fields`";
const KEYS: [&str; 10] = [
    "title",
    "about",
    "basis",
    "assessment",
    "exemption",
    "retention",
    "reason",
    "fields",
    "kinds",
    "categories",
];
