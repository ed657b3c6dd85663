//! `users.sql` and what `grants.sql` prints, taken apart; and the same rights and limits as XML, the form in
//! which an engine without `CREATE USER` takes them for its one user.

use std::fmt::Write;

use crate::read;

/// The statements of `users.sql`.
pub(crate) fn users() -> Vec<String> {
    statements(&read("docker/clickhouse/users.sql"))
}

/// The statements of a file, without comments.
pub(crate) fn statements(text: &str) -> Vec<String> {
    let code = |line: &&str| !line.trim_start().starts_with("--");
    let text = text.lines().filter(code).collect::<Vec<_>>().join("\n");
    let statements = text.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.map(str::to_owned).collect()
}

/// What a user or role is given, and what is taken back, without whom it is for.
pub(crate) fn rights_of(whom: &str, statements: &[String]) -> Vec<String> {
    let whose = |statement: &String| {
        let to = if statement.starts_with("REVOKE") { "FROM" } else { "TO" };
        let is_right = statement.starts_with("GRANT") || to == "FROM";
        // Who may hand a right on has it all the same.
        let statement = statement.trim_end_matches(" WITH GRANT OPTION");
        let right = statement.strip_suffix(&format!(" {to} {whom}"));
        right.filter(|_| is_right).map(str::to_owned)
    };
    statements.iter().filter_map(whose).collect()
}

/// What is granted or revoked on what: the columns if there are any, and the database and table.
pub(crate) fn target(statement: &str) -> Option<(Vec<&str>, &str)> {
    if !statement.starts_with("GRANT") && !statement.starts_with("REVOKE") {
        return None;
    }
    let (rights, rest) = statement.split_once(" ON ")?;
    let columns = rights.split_once('(').map(|(_, rest)| rest.trim_end_matches(')'));
    let columns = columns.map(|columns| columns.split(", ").collect()).unwrap_or_default();
    Some((columns, rest.split(' ').next()?))
}

/// Rights and limits for the engine's one user; and `candor_migrator`, in whose name views run, with all
/// the rights that the statements give to it.
pub(crate) fn as_xml(rights: &[String], profile: &[Limit], statements: &[String]) -> String {
    let queries = |rights: &[String]| {
        rights.iter().fold(String::new(), |mut text, right| {
            write!(text, "<query>{right}</query>").unwrap();
            text
        })
    };
    let mut settings = String::new();
    let mut constraints = String::new();
    for Limit { name, value, bounds } in profile {
        write!(settings, "<{name}>{value}</{name}>").unwrap();
        write!(constraints, "<{name}>{bounds}</{name}>").unwrap();
    }
    format!(
        "<clickhouse><profiles><default>{settings}<constraints>{constraints}</constraints></default>\
         </profiles><users>\
         <candor_migrator><no_password/><networks><ip>::1</ip></networks><profile>default</profile>\
         <quota>default</quota><grants>{}</grants></candor_migrator>\
         <default><grants replace=\"replace\">{}</grants></default></users></clickhouse>",
        queries(&rights_of("candor_migrator", statements)),
        queries(rights),
    )
}

/// One setting of a profile.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) value: String,
    /// The bounds, as XML.
    bounds: String,
}

/// The settings of a profile.
pub(crate) fn limits(profile: &str, statements: &[String]) -> Vec<Limit> {
    let alter = format!("ALTER SETTINGS PROFILE {profile} SETTINGS");
    let list = statements.iter().find_map(|statement| statement.strip_prefix(&alter)).unwrap();
    list.split(',').map(limit).collect()
}

fn limit(setting: &str) -> Limit {
    let (name, rest) = setting.trim().split_once(" = ").unwrap();
    let mut words = rest.split(' ');
    let value = words.next().unwrap();
    let mut bounds = String::new();
    while let Some(word) = words.next() {
        match word {
            "CONST" => bounds.push_str("<readonly/>"),
            "MIN" => write!(bounds, "<min>{}</min>", words.next().unwrap()).unwrap(),
            "MAX" => write!(bounds, "<max>{}</max>", words.next().unwrap()).unwrap(),
            _ => panic!("{word} in {setting}"),
        }
    }
    assert!(!bounds.is_empty(), "{name} can be set to anything");
    Limit { name: name.to_owned(), value: value.to_owned(), bounds }
}
