//! `candor policy`: policies for people. Nothing here needs a running candor.

mod check;

use std::fs::Permissions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use candor_event::Site;
use candor_policy::{Diff, Explanation, Format, Language, NoticeError, Policy};
use candor_store::Schema;
use serde::Serialize;

use crate::cli::{DiffArgs, ExplainArgs, NewArgs, Output, PoliciesArgs, PolicyCommand, TextArgs};
use crate::config::ConfigError;
use crate::policies::history::{self, Publishing};
use crate::policies::{self, PolicyFile};
use crate::telemetry;

/// Does what the command says.
pub(crate) fn run(command: &PolicyCommand) -> Result<()> {
    match command {
        PolicyCommand::Check(args) => check::run(&args.paths),
        PolicyCommand::Diff(args) => diff(args),
        PolicyCommand::Explain(args) => explain(args),
        PolicyCommand::New(args) => new(args),
        PolicyCommand::Notice(args) => notice(args),
        PolicyCommand::Publish(args) => publish(args),
        PolicyCommand::Record(args) => record(args),
    }
}

fn diff(args: &DiffArgs) -> Result<()> {
    let [old, new] = [&args.old, &args.new].map(|path| one(path));
    let diff = Diff::between(&old?, &new?);
    match args.format {
        Output::Json => telemetry::say(&format!("{}\n", diff.to_json())),
        Output::Text => telemetry::say(&diff.to_string()),
    }
}

/// The single policy of a file.
fn one(path: &Path) -> Result<Policy, ConfigError> {
    let file = PolicyFile::read(path.to_owned())?;
    file.compile().map_err(|problems| ConfigError::Value(problems.to_string()))
}

/// What a policy comes to, with the statements that make its tables in an empty database.
#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    explanation: Explanation,
    statements: Vec<String>,
}

fn explain(args: &ExplainArgs) -> Result<()> {
    let (site, policy) = find(&args.policies, &args.site)?;
    let explanation = policy.explain(&site).context("the policy does not have the site")?;
    let statements: Vec<_> = Schema::of_policy(&policy).statements().collect();
    match args.format {
        Output::Json => {
            let explained = Explained { explanation, statements };
            telemetry::say(&format!("{}\n", serde_json::to_string_pretty(&explained)?))
        }
        Output::Text => {
            telemetry::say(&explanation.to_string())?;
            telemetry::say("\nstatements\n\n")?;
            statements.iter().try_for_each(|sql| telemetry::say(&format!("{sql};\n\n")))
        }
    }
}

fn new(args: &NewArgs) -> Result<()> {
    let path = &args.file;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = match file {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is there already: name another file", path.display())
        }
        file => file.with_context(|| format!("cannot write {}", path.display()))?,
    };
    file.write_all(Policy::template().as_bytes())?;
    // A policy is no secret, and a collector that runs as another user reads it.
    file.set_permissions(Permissions::from_mode(0o644))?;
    let shown = path.display();
    telemetry::say(&format!(
        "{shown} is written: put your own names into it, then run\n\n  candor policy check {shown}\n"
    ))
}

fn notice(args: &TextArgs) -> Result<()> {
    let (site, policy) = find(&args.policies, &args.site)?;
    write(&policy, args, |language, format| policy.notice(&site, language, format))
}

fn record(args: &TextArgs) -> Result<()> {
    let (_, policy) = find(&args.policies, &args.site)?;
    write(&policy, args, |language, format| policy.record(language, format))
}

fn write(
    policy: &Policy,
    args: &TextArgs,
    text: impl FnOnce(Language, Format) -> Result<String, NoticeError>,
) -> Result<()> {
    // A policy without languages does not compile.
    let first = policy.languages().first().copied().unwrap_or(Language::En);
    let text = text(args.lang.unwrap_or(first), args.format)
        .map_err(|error| ConfigError::Value(error.to_string()))?;
    telemetry::say(text.trim_end())?;
    telemetry::say("\n")
}

fn publish(args: &PoliciesArgs) -> Result<()> {
    let Some(dir) = args.place()?.filter(|place| place.is_dir()) else {
        return Err(ConfigError::value(
            "name the directory of the policies: candor policy publish --policies DIR",
        )
        .into());
    };
    let files = PolicyFile::read_all(&dir)?;
    // One that is refused keeps the others from being published: together they are the promise.
    let registry = policies::compiled(&files)?;
    for (file, policy) in files.iter().zip(registry.policies()) {
        let (id, version) = (policy.controller().id(), policy.version());
        let published = history::publish(&dir, version, &file.text)
            .with_context(|| format!("cannot write {}", history::path(&dir, version).display()))?;
        let said = match published {
            Publishing::Before => "was published before",
            Publishing::Now => "is published",
        };
        telemetry::say(&format!("{id} {version} {said}\n"))?;
    }
    Ok(())
}

/// The policy of a site; the error names the sites that there are.
fn find(place: &PoliciesArgs, site: &str) -> Result<(Site, Arc<Policy>)> {
    let registry = policies::load(place.place()?.as_deref())?;
    if let Some((site, policy)) = registry.site(site) {
        return Ok((site.clone(), Arc::clone(policy)));
    }
    let mut sites: Vec<_> = registry
        .policies()
        .iter()
        .flat_map(|policy| policy.sites())
        .map(|site| site.name().as_str())
        .collect();
    sites.sort_unstable();
    sites.truncate(SITES_NAMED_MAX);
    Err(ConfigError::Value(format!(
        "no policy has the site `{site}`; there are {}{}",
        sites.join(", "),
        if registry.is_demo() { " (the built-in demo: --policies names your own)" } else { "" }
    ))
    .into())
}

/// More are of no help.
const SITES_NAMED_MAX: usize = 20;
