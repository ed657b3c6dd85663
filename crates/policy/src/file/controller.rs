//! `[controller]`: who answers for the processing.

use super::data::country;
use crate::Controller;
use crate::document::{Table, Value, line, mark, text};
use crate::notice::document::target;
use crate::problem::Problem;

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Controller> {
    let value = root.require("controller", HELP, problems)?;
    let table = Table::open("[controller]", value, &KEYS, problems)?;
    let id = table.require("id", r#"write for example `id = "acme"`"#, problems);
    let name = table.require("name", r#"write for example `name = "Acme Ltd"`"#, problems);
    let contact = table.require(
        "contact",
        r#"write for example `contact = "privacy@acme.example"`"#,
        problems,
    );
    let id = id.and_then(|value| self::id(value, problems));
    let name = name.and_then(|value| line(value, problems));
    let contact = contact.and_then(|value| self::contact(value, problems));
    let address = table.get("address").and_then(|value| line(value, problems));
    let country = table.get("country").and_then(|value| country(value, problems));
    let officer = table.get("data_protection_officer").and_then(|value| mark(value, problems));
    Some(Controller {
        id: id?,
        name: name?,
        contact: contact?,
        address,
        country,
        data_protection_officer: officer,
    })
}

/// Something that a visitor can write to, open or call.
fn contact(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let contact = mark(value, problems)?;
    if target(&contact).is_some() || is_phone_number(&contact) {
        return Some(contact);
    }
    let problem = Problem::at(value.span(), "visitors must be able to reach you")
        .label("is no e-mail address, page or phone number")
        .help("write `privacy@acme.example`, `https://acme.example/privacy` or `+358 9 1234567`");
    problems.push(problem);
    None
}

fn is_phone_number(contact: &str) -> bool {
    let digits = contact.bytes().filter(u8::is_ascii_digit).count();
    let allowed = |c: u8| c.is_ascii_digit() || matches!(c, b' ' | b'-');
    (5..=15).contains(&digits)
        && contact.strip_prefix('+').is_some_and(|rest| rest.bytes().all(allowed))
}

/// The id ends the names of views, whose parts two underscores divide.
fn id(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let id = text(value, problems)?;
    let allowed = |c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let reserved = id.contains("__") || ENDINGS.iter().any(|ending| id.ends_with(ending));
    let ok = (1..=ID_LENGTH_MAX).contains(&id.len()) && id.bytes().all(allowed);
    if ok && !reserved && !id.starts_with('_') {
        return Some(id.to_owned());
    }
    let problem = Problem::at(value.span(), format!("`{id}` cannot be a controller's id"))
        .label("ends the names of views")
        .help(format!(
            "use 1 to {ID_LENGTH_MAX} of a-z, 0-9 and _, beginning with a letter or digit, \
             without `__` and not ending in `_rows`, `_people` or `_sessions`"
        ));
    problems.push(problem);
    None
}

const HELP: &str = "add a table `[controller]` with `id`, `name` and `contact`";
/// How the names of tables and views of purposes end.
const ENDINGS: [&str; 3] = ["_rows", "_people", "_sessions"];
const ID_LENGTH_MAX: usize = 32;
const KEYS: [&str; 6] = ["id", "name", "contact", "address", "country", "data_protection_officer"];
