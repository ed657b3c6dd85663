//! From a file to a policy, or to everything that is wrong with it.

use candor_event::{Kind, PolicyVersion, Signal};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::file::{Denied, File, PurposeTable, RoleTable, SignalsTable};
use crate::policy::PageRules;
use crate::problem::Problem;
use crate::{
    Data, Hours, KindSet, Period, Policy, Problems, PurposeRule, Role, Signals, json, rules,
    version,
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
    compiled(origin, text, |problems| {
        let mut document = json::parse(text, problems)?;
        match document.remove(CONFIGURATION).map(Spanned::into_inner) {
            Some(DeValue::Table(configuration)) => Some(configuration),
            _ => Some(document),
        }
    })
}

/// The key under which the JSON form of a notice has its policy.
pub(crate) const CONFIGURATION: &str = "configuration";

fn compiled<'a>(
    origin: &str,
    text: &'a str,
    parse: impl FnOnce(&mut Vec<Problem>) -> Option<DeTable<'a>>,
) -> Result<Policy, Problems> {
    let mut problems = Vec::new();
    let policy = parse(&mut problems).and_then(|document| {
        let file = File::read(&document, &mut problems);
        rules::check(&file, &mut problems);
        build(origin, file)
    });
    match policy {
        Some(policy) if problems.is_empty() => Ok(policy),
        _ => Err(Problems::of_file(origin, text, problems)),
    }
}

fn parse<'a>(text: &'a str, problems: &mut Vec<Problem>) -> Option<DeTable<'a>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    problems.extend(errors.iter().map(|error| {
        let span = error.span().unwrap_or_default();
        Problem::at(span, error.message()).label("is not TOML")
    }));
    errors.is_empty().then(|| document.into_inner())
}

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
