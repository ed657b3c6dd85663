//! `[data]`: where data may lie, and who processes it for the controller. Without the table it stays in
//! the European Economic Area, with the controller.

use toml::Spanned;
use toml::de::DeValue;

use super::Setting;
use crate::document::{Table, Value, choice, line, refuse_repeats, text, wrong_type};
use crate::problem::Problem;
use crate::{Country, Hours, Processor, Region, Safeguard, Task};

/// `[data]`.
#[derive(Debug, Default)]
pub(crate) struct DataTable {
    pub(crate) region: Option<Setting<Region>>,
    pub(crate) log: Option<Setting<Hours>>,
    pub(crate) processors: Vec<Spanned<Processor>>,
}

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> DataTable {
    let Some(value) = root.get("data") else {
        let region = Setting::absent("data", Region::Eea, root);
        let log = Setting::absent("data", Hours::DEFAULT, root);
        return DataTable { region, log, processors: Vec::new() };
    };
    let Some(table) = Table::open("[data]", value, &["region", "log", "processors"], problems)
    else {
        return DataTable::default();
    };
    let region = match table.get("region") {
        Some(value) => region(value, problems),
        None => Setting::absent("region", Region::Eea, &table),
    };
    let log = match table.get("log") {
        Some(value) => log(value, problems),
        None => Setting::absent("log", Hours::DEFAULT, &table),
    };
    let processors = table.get("processors").map(|value| processors(value, problems));
    DataTable { region, log, processors: processors.unwrap_or_default() }
}

/// How long events may lie in the log before they reach their tables, stored or not.
fn log(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Setting<Hours>> {
    let word = text(value, problems)?;
    let hours = Hours::parse(word);
    if hours.is_none() {
        let problem =
            Problem::at(value.span(), format!("the log's period `{word}` is out of range"))
                .label("must lie between 1 hour and 7 days")
                .help("write for example `log = \"24 hours\"`");
        problems.push(problem);
    }
    Some(Setting::said(hours?, value.span()))
}

fn region(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Setting<Region>> {
    let word = text(value, problems)?;
    let region = Region::parse(word);
    if region.is_none() {
        let problem = Problem::at(value.span(), format!("unknown region `{word}`"))
            .label("must be `EEA`, `EU` or a country's code")
            .help(meant(word));
        problems.push(problem);
    }
    Some(Setting::said(region?, value.span()))
}

fn processors(value: &Value<'_>, problems: &mut Vec<Problem>) -> Vec<Spanned<Processor>> {
    let DeValue::Array(array) = value.get_ref() else {
        problems.push(wrong_type(value, "the tables [[data.processors]]"));
        return Vec::new();
    };
    let mut names = Vec::new();
    let mut processors = Vec::new();
    for value in array {
        processors.extend(processor(value, &mut names, problems));
    }
    refuse_repeats("processor", &names, String::as_str, problems);
    processors
}

fn processor(
    value: &Value<'_>,
    names: &mut Vec<Spanned<String>>,
    problems: &mut Vec<Problem>,
) -> Option<Spanned<Processor>> {
    let keys = ["name", "task", "country", "safeguard"];
    let table = Table::open("[[data.processors]]", value, &keys, problems)?;
    let name = table.require("name", r#"write for example `name = "Hosting Ltd"`"#, problems);
    let task = table.require("task", r#"write for example `task = "hosting"`"#, problems);
    let place = table.require("country", r#"write for example `country = "FI"`"#, problems);
    let name_span = name.map(Spanned::span);
    let name = name.and_then(|value| line(value, problems));
    names.extend(name.clone().zip(name_span).map(|(name, span)| Spanned::new(span, name)));
    let task = task.and_then(|value| choice("task", value, Task::WORDS, problems));
    let safeguard =
        table.get("safeguard").map(|value| choice("safeguard", value, Safeguard::WORDS, problems));
    let span = place.map_or_else(|| table.span(), Spanned::span);
    let country = place.and_then(|value| country(value, problems));
    let processor = Processor {
        name: name?,
        task: task?,
        country: country?,
        // One that is not understood has been noted.
        safeguard: match safeguard {
            Some(safeguard) => Some(safeguard?),
            None => None,
        },
    };
    Some(Spanned::new(span, processor))
}

/// What somebody may have meant by what is no country's code.
fn meant(code: &str) -> String {
    match code {
        "EL" => "did you mean `GR`?".to_owned(),
        "UK" => "did you mean `GB`?".to_owned(),
        _ => "write the country's two letters in capitals: `FI`, `NO`, `SE`".to_owned(),
    }
}

/// A country's code.
pub(super) fn country(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Country> {
    let code = text(value, problems)?;
    let country = Country::parse(code);
    if country.is_none() {
        let problem = Problem::at(value.span(), format!("`{code}` is no country's code"))
            .label("not in ISO 3166-1")
            .help(meant(code));
        problems.push(problem);
    }
    country
}
