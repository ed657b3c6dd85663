//! `candor policy check`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use candor_policy::{Policy, Problems, PurposeRule, Registry, Retention};

use crate::config::ConfigError;
use crate::policies::PolicyFile;
use crate::policies::history::History;
use crate::telemetry;

/// Checks files and directories, each file for itself and all of them together.
pub(crate) fn run(paths: &[PathBuf]) -> Result<()> {
    let mut problems = Problems::default();
    let mut policies = Vec::new();
    for path in paths {
        let files = PolicyFile::read_all(path)?;
        if files.is_empty() {
            return Err(ConfigError::Value(format!(
                "there is no policy file (*.toml) in {}: `candor policy new` writes one",
                path.display()
            ))
            .into());
        }
        for file in files {
            match file.compile() {
                Ok(policy) => policies.push((file.path, policy)),
                Err(found) => problems.merge(found),
            }
        }
    }
    if let Err(found) = Registry::new(policies.iter().map(|(_, policy)| policy.clone()).collect())
        && !policies.is_empty()
    {
        problems.merge(found);
    }
    for (path, policy) in &policies {
        say_summary(path, policy)?;
    }
    for path in paths.iter().filter(|path| path.is_dir()) {
        say_history(path, &policies)?;
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(ConfigError::Value(problems.to_string()).into())
}

fn say_summary(path: &Path, policy: &Policy) -> Result<()> {
    telemetry::say(&format!(
        "{}: {}, {}, version {}\n",
        path.display(),
        counted(policy.sites().len(), "site"),
        counted(policy.purposes().len(), "purpose"),
        policy.version()
    ))?;
    let is_endless =
        |rule: &&PurposeRule| matches!(rule.retention(), Retention::UntilFurtherNotice { .. });
    policy.purposes().iter().filter(is_endless).try_for_each(|rule| {
        telemetry::say(&format!(
            "  warning: `{}` is kept until further notice, of which visitors are warned; it ends after \
             {} all the same\n",
            rule.name(),
            rule.retention().period()
        ))
    })
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Tells which versions visitors could not read any more if their policies were changed now.
fn say_history(dir: &Path, policies: &[(PathBuf, Policy)]) -> Result<()> {
    let history = History::read(dir);
    for path in &history.damaged {
        telemetry::say(&format!(
            "  warning: {} is not the version that it is named after, and is not served\n",
            path.display()
        ))?;
    }
    let is_unpublished = |(path, policy): &&(PathBuf, Policy)| {
        path.starts_with(dir) && !history.has(policy.version())
    };
    match policies.iter().filter(is_unpublished).count() {
        0 => Ok(()),
        count => telemetry::say(&format!(
            "{} not published yet: candor policy publish --policies {}\n",
            counted(count, "version"),
            dir.display()
        )),
    }
}
