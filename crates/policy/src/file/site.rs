//! `[[sites]]`: what beacons call a site, and whose pages may send them.

use candor_event::Site;
use toml::Spanned;
use toml::de::DeValue;

use crate::document::{Table, Value, choice, refuse_repeats, text, texts, wrong_type};
use crate::foreign::{ForeignIdError, Protocol};
use crate::host::{HostError, HostPattern};
use crate::nearest::listed;
use crate::problem::Problem;
use crate::{ForeignId, Scripts, SiteEntry};

pub(super) fn read(root: &Table<'_>, problems: &mut Vec<Problem>) -> Vec<SiteEntry> {
    let Some(value) = root.require("sites", HELP, problems) else {
        return Vec::new();
    };
    let DeValue::Array(array) = value.get_ref() else {
        problems.push(wrong_type(value, "the tables [[sites]]"));
        return Vec::new();
    };
    if array.is_empty() {
        let problem = Problem::at(value.span(), "the policy has no site")
            .label("no beacon could name it")
            .help(HELP);
        problems.push(problem);
    }
    let mut said = Said::default();
    let mut sites = Vec::new();
    for value in array {
        sites.extend(site(value, &mut said, problems));
    }
    refuse_repeats("site", &said.names, Site::as_str, problems);
    refuse_repeats("foreign id", &said.also, |id| id, problems);
    sites
}

/// What no two sites of a file may have.
#[derive(Default)]
struct Said<'a> {
    names: Vec<Spanned<Site>>,
    also: Vec<Spanned<&'a str>>,
}

fn site<'a>(
    value: &'a Value<'a>,
    said: &mut Said<'a>,
    problems: &mut Vec<Problem>,
) -> Option<SiteEntry> {
    let keys = ["name", "hosts", "also", "scripts"];
    let table = Table::open("[[sites]]", value, &keys, problems)?;
    let name = table.require("name", r#"write for example `name = "example.fi"`"#, problems);
    let hosts = table.require(
        "hosts",
        r#"write for example `hosts = ["example.fi", "*.example.fi"]`"#,
        problems,
    );
    let name = name.and_then(|value| self::name(value, problems));
    said.names.extend(name.clone());
    let hosts = hosts.and_then(|value| self::hosts(value, problems));
    let words = table.get("also").and_then(|value| texts(value, problems)).unwrap_or_default();
    let scripts = scripts(&table, !words.is_empty(), problems);
    let also = also(&words, problems);
    said.also.extend(words);
    Some(SiteEntry { name: name?.into_inner(), hosts: hosts?, also, scripts })
}

fn also(words: &[Spanned<&str>], problems: &mut Vec<Problem>) -> Vec<ForeignId> {
    let mut also = Vec::new();
    for word in words {
        match ForeignId::parse(word.get_ref()) {
            Ok(id) => also.push(id),
            Err(error) => problems.push(bad_foreign_id(word, error)),
        }
    }
    also.sort();
    also
}

fn bad_foreign_id(word: &Spanned<&str>, error: ForeignIdError) -> Problem {
    let known: Vec<_> = Protocol::ALL.iter().map(|protocol| protocol.label()).collect();
    let help = match error {
        ForeignIdError::NoProtocol => "write the protocol before it: `matomo:1`".to_owned(),
        ForeignIdError::UnknownProtocol => format!("the protocols are {}", listed(&known)),
        ForeignIdError::NotAnId(protocol) => protocol.example().to_owned(),
    };
    let problem = Problem::at(word.span(), format!("`{}` {error}", word.get_ref()));
    problem.label("no beacon could name it").help(help)
}

/// Said where there is no such script, it would promise something that nobody could keep.
fn scripts(table: &Table<'_>, has_any: bool, problems: &mut Vec<Problem>) -> Scripts {
    let Some(value) = table.get("scripts") else {
        return Scripts::Always;
    };
    if !has_any && !table.misspells("also") {
        let problem = Problem::at(value.span(), "there is no script that this could be about")
            .label("the site has no other id")
            .help(r#"name the site in the script's protocol: `also = ["matomo:1"]`"#);
        problems.push(problem);
    }
    choice("time for scripts", value, Scripts::WORDS, problems).unwrap_or(Scripts::Always)
}

fn name(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Spanned<Site>> {
    let word = text(value, problems)?;
    match Site::parse(word) {
        Ok(name) => Some(Spanned::new(value.span(), name)),
        Err(error) => {
            let problem = Problem::at(value.span(), format!("`{word}` cannot be a site's name"))
                .label(error.to_string())
                .help(
                    "use 1 to 64 of a-z, 0-9, `.`, `-` and `_`, beginning with a letter or digit",
                );
            problems.push(problem);
            None
        }
    }
}

fn hosts(value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Vec<HostPattern>> {
    let words = texts(value, problems)?;
    if words.is_empty() {
        let problem = Problem::at(value.span(), "the site has no host")
            .label("every beacon would be refused")
            .help("name the hosts whose pages send beacons");
        problems.push(problem);
    }
    refuse_repeats("host", &words, |word| word, problems);
    let mut hosts = Vec::new();
    for word in &words {
        match HostPattern::parse(word.get_ref()) {
            Ok(host) => hosts.push(host),
            Err(error) => problems.push(bad_host(word, error)),
        }
    }
    hosts.sort();
    Some(hosts)
}

fn bad_host(word: &Spanned<&str>, error: HostError) -> Problem {
    let help = match error {
        HostError::Alphabet => {
            "write the name as browsers send it: lower case, letters beyond a-z as `xn--`"
        }
        HostError::NotBare => "write the host alone, without scheme, port and path",
        HostError::Wildcard => "write `*.` before a domain with a dot: `*.example.fi`",
    };
    Problem::at(word.span(), format!("`{}` {error}", word.get_ref())).label("is no host").help(help)
}

const HELP: &str = "add a table `[[sites]]` with `name` and `hosts`";
