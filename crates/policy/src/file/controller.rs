//! `[controller]`: who answers for the processing.

use crate::Controller;
use crate::document::{Table, Value, text};
use crate::problem::Problem;

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Controller> {
    let value = root.require("controller", HELP, problems)?;
    let table = Table::open("[controller]", value, &["id", "name", "contact"], problems)?;
    let id = table.require("id", r#"write for example `id = "acme"`"#, problems);
    let name = table.require("name", r#"write for example `name = "Acme Ltd"`"#, problems);
    let contact = table.require(
        "contact",
        r#"write for example `contact = "privacy@acme.example"`"#,
        problems,
    );
    let id = id.and_then(|value| self::id(value, problems));
    let name = name.and_then(|value| line(value, problems));
    let contact = contact.and_then(|value| line(value, problems));
    Some(Controller { id: id?, name: name?, contact: contact? })
}

/// The id ends the names of views, whose parts two underscores divide.
fn id(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let id = text(value, problems)?;
    let allowed = |c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let reserved = id.contains("__") || id.ends_with("_rows") || id.ends_with("_people");
    let ok = (1..=ID_LENGTH_MAX).contains(&id.len()) && id.bytes().all(allowed);
    if ok && !reserved && !id.starts_with('_') {
        return Some(id.to_owned());
    }
    let problem = Problem::at(value.span(), format!("`{id}` cannot be a controller's id"))
        .label("ends the names of views")
        .help(format!(
            "use 1 to {ID_LENGTH_MAX} of a-z, 0-9 and _, beginning with a letter or digit, \
             without `__` and not ending in `_rows` or `_people`"
        ));
    problems.push(problem);
    None
}

/// A line that visitors will read.
fn line(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let line = text(value, problems)?;
    let fits = line.chars().count() <= LINE_LENGTH_MAX && !line.chars().any(char::is_control);
    if fits && !line.trim().is_empty() {
        return Some(line.to_owned());
    }
    let problem = Problem::at(value.span(), "visitors cannot read this")
        .label("empty, too long or more than a line")
        .help(format!("write one line of at most {LINE_LENGTH_MAX} characters"));
    problems.push(problem);
    None
}

const HELP: &str = "add a table `[controller]` with `id`, `name` and `contact`";
const ID_LENGTH_MAX: usize = 32;
const LINE_LENGTH_MAX: usize = 200;
