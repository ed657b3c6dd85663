//! From a file to a policy, or to everything that is wrong with it.

use candor_event::PolicyVersion;
use toml::Spanned;
use toml::de::DeTable;

use crate::file::{Denied, File, PurposeTable, SignalsTable};
use crate::problem::Problem;
use crate::{Policy, Problems, PurposeRule, Signals, rules, version};

/// Compiles one file. `origin` is the file's name, for messages.
///
/// # Errors
/// [`Problems`]: all that is wrong with the file. When it is not TOML, that is said alone.
pub fn compile(origin: &str, text: &str) -> Result<Policy, Problems> {
    let mut problems = Vec::new();
    let policy = parse(text, &mut problems).and_then(|document| {
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
    let rules = file.purposes.iter().map(|purpose| rule(purpose, signals));
    let mut purposes: Vec<_> = rules.collect::<Option<_>>()?;
    purposes.sort_by(|a, b| a.name.cmp(&b.name));
    let mut sites = file.sites;
    sites.sort_by(|a, b| a.name.cmp(&b.name));
    let mut policy = Policy {
        origin: origin.into(),
        version: PolicyVersion::from_bytes([0; 16]),
        controller: file.controller?,
        sites,
        address: file.address?.value,
        visitor: file.visitor?.value,
        query: file.query?.value,
        purposes,
    };
    policy.version = version::of(&policy);
    Some(policy)
}

fn rule(purpose: &PurposeTable, signals: &SignalsTable) -> Option<PurposeRule> {
    let denies = |denied: &Denied| match denied {
        Denied::All => true,
        Denied::These(names) => names.iter().any(|name| *name.get_ref() == purpose.word),
    };
    Some(PurposeRule {
        name: purpose.name.clone()?,
        basis: purpose.basis.as_ref().map(Spanned::get_ref).copied()?,
        retention: purpose.retention?,
        fields: purpose.fields.iter().map(|field| *field.get_ref()).collect(),
        denied_by: Signals { dnt: denies(&signals.dnt), gpc: denies(&signals.gpc) },
    })
}
