//! `[roles.NAME]`: who may read which purposes. Without any, nobody is told apart.

use toml::Spanned;
use toml::de::DeValue;

use super::{RoleTable, texts};
use crate::document::{Table, Value, in_order, refuse_repeats, wrong_type};
use crate::problem::Problem;
use crate::{Language, prose};

pub(super) fn read(
    root: &Table<'_>,
    languages: &[Language],
    problems: &mut Vec<Problem>,
) -> Vec<RoleTable> {
    let Some(value) = root.get("roles") else {
        return Vec::new();
    };
    let DeValue::Table(entries) = value.get_ref() else {
        problems.push(wrong_type(value, "the tables [roles.NAME]"));
        return Vec::new();
    };
    let mut roles = Vec::new();
    for (key, value) in in_order(entries) {
        let word: &str = key.get_ref();
        let name = Spanned::new(key.span(), word);
        roles.extend(role(&name, value, languages, problems));
    }
    roles
}

fn role(
    word: &Spanned<&str>,
    value: &Value<'_>,
    languages: &[Language],
    problems: &mut Vec<Problem>,
) -> Option<RoleTable> {
    let name = *word.get_ref();
    let table = Table::open(format!("[roles.{name}]"), value, &["reads", "title"], problems)?;
    let reads = table.require("reads", r#"write for example `reads = ["statistics"]`"#, problems);
    let reads = reads.and_then(|value| crate::document::texts(value, problems));
    let reads = reads.unwrap_or_default();
    refuse_repeats("purpose", &reads, |name| name, problems);
    let title = table.get("title").map(|value| texts::read("title", value, languages, problems));
    let is_told = title.is_some() || table.misspells("title") || prose::knows_role(name);
    let name = self::name(word, problems);
    if let Some(name) = name.as_ref().filter(|_| !is_told) {
        let problem = Problem::at(word.span(), format!("visitors do not know who `{name}` is"))
            .label("has no `title`")
            .help(format!(
                "write who it is, as in `title = \"The people who answer letters\"`, or use {}",
                prose::known_roles()
            ));
        problems.push(problem);
    }
    Some(RoleTable {
        name,
        title: title.flatten(),
        reads: reads
            .into_iter()
            .map(|name| Spanned::new(name.span(), (*name.get_ref()).to_owned()))
            .collect(),
    })
}

fn name(word: &Spanned<&str>, problems: &mut Vec<Problem>) -> Option<String> {
    let name = *word.get_ref();
    let allowed = |c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let begins_well = name.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
    if begins_well && name.len() <= NAME_LENGTH_MAX && name.bytes().all(allowed) {
        return Some(name.to_owned());
    }
    let problem = Problem::at(word.span(), format!("`{name}` cannot be a role's name"))
        .label("names a role of the database")
        .help(format!("use 1 to {NAME_LENGTH_MAX} of a-z, 0-9 and _, beginning with a letter"));
    problems.push(problem);
    None
}

const NAME_LENGTH_MAX: usize = 32;
