//! From a file to a policy, or to everything that is wrong with it.

use std::ops::Range;

use candor_event::{Kind, PolicyVersion, Signal, Site};
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::file::{Denied, File, PurposeTable, RoleTable, SignalsTable};
use crate::policy::PageRules;
use crate::problem::{PROBLEMS_MAX, Problem};
use crate::{
    Data, Format, Hours, KindSet, Language, Period, Policy, Problems, PurposeRule, Role, Signals,
    json, rules, version,
};

/// Compiles one file. `origin` is the file's name, for messages.
///
/// # Errors
/// [`Problems`]: all that is wrong with the file. When it is not TOML, that is said alone.
pub fn compile(origin: &str, text: &str) -> Result<Policy, Problems> {
    compiled(origin, text, |problems| parse(text, problems))
}

/// Compiles the JSON form of a policy, alone ([`Policy::to_json`]) or within the JSON form of a notice:
/// the notice is the configuration.
///
/// # Errors
/// [`Problems`]: all that is wrong with it. When it is not JSON, that is said alone.
pub fn compile_json(origin: &str, text: &str) -> Result<Policy, Problems> {
    let policy = compiled(origin, text, |problems| {
        let mut document = json::parse(text, problems)?;
        match document.remove(CONFIGURATION).map(Spanned::into_inner) {
            Some(DeValue::Table(configuration)) => Some(configuration),
            _ => Some(document),
        }
    })?;
    match contradiction(&policy, text) {
        Some(problem) => Err(Problems::of_file(origin, text, vec![problem])),
        None => Ok(policy),
    }
}

/// What stands beside a policy as its notice must be what the policy is written as.
fn contradiction(policy: &Policy, text: &str) -> Option<Problem> {
    let written: Value = serde_json::from_str(text).ok()?;
    written.get(CONFIGURATION)?;
    let mut said = written.get(NOTICE)?.clone();
    let word = |key| said.get(key).and_then(Value::as_str);
    let site = word("site").and_then(|site| Site::parse(site).ok());
    let language = word("language").and_then(Language::parse);
    let again = site.zip(language).and_then(|(site, language)| {
        let again = policy.notice(&site, language, Format::Json).ok()?;
        serde_json::from_str::<Value>(&again).ok()?.get(NOTICE).cloned()
    });
    // Where earlier versions can be read is not the policy's to say.
    if let Some(sections) = said.get_mut("sections").and_then(Value::as_array_mut) {
        sections.retain(|section| section.get("id").and_then(Value::as_str) != Some("earlier"));
    }
    if again.is_some_and(|again| again == said) {
        return None;
    }
    let document = json::parse(text, &mut Vec::new())?;
    let span = document.get_key_value(NOTICE)?.0.span();
    Some(
        Problem::at(span, "the notice says something else than the policy it carries")
            .label("was changed by hand, or written by another release")
            .help("change `configuration`, and write the notice anew: `candor policy notice`"),
    )
}

/// The key under which the JSON form has the notice itself.
const NOTICE: &str = "notice";

/// The key under which the JSON form of a notice has its policy.
pub(crate) const CONFIGURATION: &str = "configuration";

fn compiled<'a>(
    origin: &str,
    text: &'a str,
    parse: impl FnOnce(&mut Vec<Problem>) -> Option<DeTable<'a>>,
) -> Result<Policy, Problems> {
    if text.len() > BYTES_MAX {
        let mut problems = Problems::default();
        let title = format!("the file has {} bytes, and a policy at most {BYTES_MAX}", text.len());
        problems.push_between(title, vec![origin.into()], "split it: a file is one controller");
        return Err(problems);
    }
    let mut problems = Vec::new();
    let policy = parse(&mut problems).and_then(|document| {
        let file = File::read(&document, &mut problems);
        rules::check(&file, &mut problems);
        problems.is_empty().then(|| build(origin, file)).flatten()
    });
    match policy {
        Some(policy) if problems.is_empty() => Ok(policy),
        _ => Err(Problems::of_file(origin, text, problems)),
    }
}

fn parse<'a>(text: &'a str, problems: &mut Vec<Problem>) -> Option<DeTable<'a>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    problems.extend(errors.iter().enumerate().map(|(index, error)| {
        let span = error.span().unwrap_or_default();
        let problem = Problem::at(span.clone(), error.message()).label("is not TOML");
        let said = text.get(span.clone()).unwrap_or_default();
        // What is not told needs no explanation.
        if index >= PROBLEMS_MAX {
            return problem;
        }
        if error.message() == "duplicate key" {
            let first = first_place(document.get_ref(), said, span.start);
            return problem.related(first.or_else(|| same_line(text, &span)), "first here");
        }
        match slip(said) {
            Some(help) => problem.help(help),
            None => problem,
        }
    }));
    errors.is_empty().then(|| document.into_inner())
}

/// What was meant by something that is no TOML.
fn slip(said: &str) -> Option<String> {
    const CURLY: [char; 8] = ['“', '”', '„', '‟', '‘', '’', '«', '»'];
    if said.contains(CURLY) {
        return Some("use straight quotes: `\"…\"`".to_owned());
    }
    let is_word = said.starts_with(|c: char| c.is_ascii_alphabetic())
        && said.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'));
    is_word.then(|| format!("put quotation marks around it: `\"{said}\"`"))
}

/// Where a key stands that is written again at `again`: in one table nothing else of the name is nearer.
fn first_place(table: &DeTable<'_>, key: &str, again: usize) -> Option<Range<usize>> {
    let key = key.trim_matches(['"', '\'']);
    let of_entry = |(name, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
        let here = (&**name.get_ref() == key && name.span().start < again).then(|| name.span());
        let within = match value.get_ref() {
            DeValue::Table(table) => first_place(table, key, again),
            DeValue::Array(array) => {
                let tables = array.iter().filter_map(|item| item.get_ref().as_table());
                tables.filter_map(|table| first_place(table, key, again)).max_by_key(|s| s.start)
            }
            _ => None,
        };
        here.into_iter().chain(within).max_by_key(|span| span.start)
    };
    table.iter().filter_map(of_entry).max_by_key(|span| span.start)
}

/// Where the same stands in an earlier line of the same words, as the head of a table does.
fn same_line(text: &str, again: &Range<usize>) -> Option<Range<usize>> {
    let start = text.get(..again.start)?.rfind('\n')? + 1;
    let line = text.get(start..)?.lines().next()?.trim_end();
    let mut at = 0;
    for earlier in text.get(..start)?.split_inclusive('\n') {
        if earlier.trim_end() == line {
            let first = at + again.start - start;
            return Some(first..first + again.len());
        }
        at += earlier.len();
    }
    None
}

/// The most bytes of a file.
const BYTES_MAX: usize = 1 << 20;

/// `None` when something was refused, which has been noted.
fn build(origin: &str, file: File) -> Option<Policy> {
    let signals = &file.signals;
    let tables = file.purposes.iter();
    let mut purposes: Vec<_> =
        tables.map(|purpose| rule(purpose, signals)).collect::<Option<_>>()?;
    purposes.sort_by(|a, b| a.name.cmp(&b.name));
    let mut roles: Vec<_> =
        file.roles.into_iter().map(|table| role(table, &purposes)).collect::<Option<_>>()?;
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    let mut sites = file.sites;
    sites.sort_by(|a, b| a.name.cmp(&b.name));
    let mut processors: Vec<_> =
        file.data.processors.into_iter().map(Spanned::into_inner).collect();
    processors.sort_by(|a, b| a.name.cmp(&b.name));
    let profile = file.head.profile?.value;
    let mut policy = Policy {
        origin: origin.into(),
        version: PolicyVersion::from_bytes([0; 16]),
        edition: file.head.edition,
        profile,
        languages: file.head.languages,
        controller: file.controller?,
        sites,
        data: Data { region: file.data.region?.value, log: file.data.log?.value, processors },
        address: file.address?.value,
        geography: file.geography?.value,
        visitor: file.visitor?.value,
        rotation: rotation(&file.rotations, profile.longest_rotation()),
        page: PageRules { keep_query: file.keep_query?.value, replace_path: file.replace_path },
        referrer: file.referrer?.value,
        high_entropy: file.high_entropy?.value,
        smallest_cell: file.smallest_cell?.value,
        roles,
        purposes,
    };
    policy.version = version::of(&policy);
    Some(policy)
}

/// There is one key, so the shorter of what is said for addresses and visitors holds for both.
fn rotation(said: &[Spanned<Hours>], longest: Hours) -> Hours {
    let said = said.iter().map(|rotation| *rotation.get_ref()).min();
    said.unwrap_or(Hours::DEFAULT).min(longest)
}

fn rule(purpose: &PurposeTable, signals: &SignalsTable) -> Option<PurposeRule> {
    let retention = purpose.retention.as_ref()?.get_ref().clone();
    let mut categories: Vec<(Kind, Period)> = purpose
        .categories
        .iter()
        .map(|(kind, period)| (*kind.get_ref(), *period.get_ref()))
        .filter(|(_, period)| *period != retention.period())
        .collect();
    categories.sort_by_key(|(kind, _)| *kind as i32);
    let mut denied_by = Signals::default();
    for (signal, denied) in Signal::ALL.into_iter().zip(&signals.0) {
        let is_denied = match denied {
            Denied::All => true,
            Denied::These(names) => {
                names.get_ref().iter().any(|name| *name.get_ref() == purpose.word)
            }
        };
        denied_by.set(signal, is_denied);
    }
    Some(PurposeRule {
        name: purpose.name.clone()?,
        title: purpose.title.clone(),
        about: purpose.about.clone(),
        basis: purpose.basis.as_ref()?.get_ref().clone(),
        fields: purpose.fields.iter().map(|field| *field.get_ref()).collect(),
        kinds: purpose.kinds.as_ref().map_or(KindSet::ALL, |kinds| *kinds.get_ref()),
        periods: PurposeRule::periods(&retention, &categories),
        categories,
        retention,
        denied_by,
    })
}

/// The names that it reads have been found among the purposes.
fn role(table: RoleTable, purposes: &[PurposeRule]) -> Option<Role> {
    let is_read =
        |rule: &&PurposeRule| table.reads.iter().any(|name| name.get_ref() == rule.name.as_str());
    let reads = purposes.iter().filter(is_read).map(|rule| rule.name.clone());
    Some(Role { name: table.name?, title: table.title, reads: reads.collect() })
}
