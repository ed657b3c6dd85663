//! `[[sites]]`: what beacons call a site, and whose pages may send them.

use candor_event::Site;
use toml::Spanned;
use toml::de::DeValue;

use crate::SiteEntry;
use crate::document::{Table, Value, refuse_repeats, text, texts, wrong_type};
use crate::host::{HostError, HostPattern};
use crate::problem::Problem;

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
    let mut names = Vec::new();
    let mut sites = Vec::new();
    for value in array {
        sites.extend(site(value, &mut names, problems));
    }
    refuse_repeats("site", &names, Site::as_str, problems);
    sites
}

fn site(
    value: &Value<'_>,
    names: &mut Vec<Spanned<Site>>,
    problems: &mut Vec<Problem>,
) -> Option<SiteEntry> {
    let table = Table::open("[[sites]]", value, &["name", "hosts"], problems)?;
    let name = table.require("name", r#"write for example `name = "example.fi"`"#, problems);
    let hosts = table.require(
        "hosts",
        r#"write for example `hosts = ["example.fi", "*.example.fi"]`"#,
        problems,
    );
    let name = name.and_then(|value| self::name(value, problems));
    names.extend(name.clone());
    let hosts = hosts.and_then(|value| self::hosts(value, problems));
    Some(SiteEntry { name: name?.into_inner(), hosts: hosts? })
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
