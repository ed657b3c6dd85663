//! Policies that were in force: what visitors were promised then can be read for ever.
//!
//! Each lies in `history/` below the policies, in a file named after its version. A file is written once
//! and never changed: its name is the hash of what it means, so a changed one no longer fits its name.

use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candor_event::{PolicyVersion, Site};
use candor_policy::{Date, Policy};

use super::PolicyFile;

/// The directory below the policies.
pub(super) const DIR: &str = "history";

/// Policies that were published, by version.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    policies: HashMap<PolicyVersion, Arc<Policy>>,
    /// What cannot be read, is not what its name says, or no policy; nothing is served of it.
    pub(crate) damaged: Vec<PathBuf>,
}

/// What became of a version that was to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Publishing {
    /// It had been before.
    Before,
    /// It is now.
    Now,
}

// === impl History ===

impl History {
    /// Reads the history below a directory of policies; there may be none yet.
    pub(crate) fn read(policies: &Path) -> Self {
        let dir = policies.join(DIR);
        let mut history = Self::default();
        if !dir.is_dir() {
            return history;
        }
        let Ok(paths) = super::paths(&dir) else {
            history.damaged.push(dir);
            return history;
        };
        for at in paths {
            let policy = PolicyFile::read(at.clone()).ok().and_then(|file| file.compile().ok());
            match policy.filter(|policy| at == path(policies, policy.version())) {
                Some(policy) => drop(history.policies.insert(policy.version(), Arc::new(policy))),
                None => history.damaged.push(at),
            }
        }
        history
    }

    /// The policy of this version, when it was one for the site.
    pub(crate) fn of_site(&self, site: &Site, version: &str) -> Option<&Arc<Policy>> {
        let has_site = |policy: &&Arc<Policy>| policy.site(site).is_some();
        let mut policies = self.policies.values().filter(has_site);
        policies.find(|policy| policy.version().to_string() == version)
    }

    /// Whether this version was published.
    pub(crate) fn has(&self, version: PolicyVersion) -> bool {
        self.policies.contains_key(&version)
    }

    /// The versions of a site's policy before the one in force, the latest first.
    pub(crate) fn before(&self, in_force: &Policy, site: &Site) -> Vec<Arc<Policy>> {
        let is_earlier = |policy: &&Arc<Policy>| {
            policy.version() != in_force.version()
                && policy.controller().id() == in_force.controller().id()
                && policy.site(site).is_some()
        };
        let mut earlier: Vec<_> = self.policies.values().filter(is_earlier).cloned().collect();
        earlier.sort_by(|a, b| order(b).cmp(&order(a)));
        earlier
    }
}

/// By the day from which it held; what has none comes before all that have.
fn order(policy: &Policy) -> (Option<Date>, Option<&str>, Vec<u8>) {
    (policy.edition().date(), policy.edition().version(), policy.version().to_vec())
}

/// Writes a policy into the history below `policies`, unless it is there.
pub(crate) fn publish(
    policies: &Path,
    version: PolicyVersion,
    text: &str,
) -> io::Result<Publishing> {
    let path = path(policies, version);
    let dir = policies.join(DIR);
    if !dir.is_dir() {
        std::fs::create_dir(&dir)?;
        std::fs::set_permissions(&dir, Permissions::from_mode(0o755))?;
    }
    // Linked under its name when it is whole: a name never stands for half a file, and never for another.
    let draft = dir.join(format!(".{version}.{}", std::process::id()));
    let mut file = File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    // Every collector reads what visitors may read, whoever wrote it.
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, &path);
    std::fs::remove_file(&draft)?;
    File::open(&dir)?.sync_all()?;
    match linked {
        Ok(()) => Ok(Publishing::Now),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Publishing::Before),
        Err(error) => Err(error),
    }
}

/// Where a version lies.
pub(crate) fn path(policies: &Path, version: PolicyVersion) -> PathBuf {
    policies.join(DIR).join(format!("{version}.toml"))
}

#[cfg(test)]
mod tests {
    use candor_policy::{DEMO, compile};

    use super::*;

    #[test]
    fn a_version_is_written_once_and_never_served_when_it_was_changed() {
        let dir = tempfile::tempdir().unwrap();
        assert!(History::read(dir.path()).policies.is_empty(), "there may be none");
        let policy = compile("demo.toml", DEMO).unwrap();
        let (version, site) = (policy.version(), Site::parse("demo").unwrap());
        assert_eq!(publish(dir.path(), version, DEMO).unwrap(), Publishing::Now);
        assert_eq!(publish(dir.path(), version, "other").unwrap(), Publishing::Before);

        let history = History::read(dir.path());
        assert!(history.has(version) && history.damaged.is_empty());
        assert!(history.of_site(&site, &version.to_string()).is_some());
        assert!(history.before(&policy, &site).is_empty(), "the one in force is no earlier one");

        let file = path(dir.path(), version);
        std::fs::write(&file, DEMO.replace("24 months", "25 months")).unwrap();
        let history = History::read(dir.path());
        assert!(!history.has(version));
        assert_eq!(history.damaged, [file]);
    }

    #[test]
    fn earlier_versions_are_told_the_latest_first() {
        let dir = tempfile::tempdir().unwrap();
        let dated =
            |date: &str| format!("policy.date = {date}\npolicy.version = \"{date}\"\n{DEMO}");
        for date in ["2025-01-01", "2026-03-01", "2025-06-01"] {
            let policy = compile("demo.toml", &dated(date)).unwrap();
            publish(dir.path(), policy.version(), &dated(date)).unwrap();
        }
        let in_force = compile("demo.toml", &dated("2026-03-01")).unwrap();
        let history = History::read(dir.path());
        let earlier = history.before(&in_force, &Site::parse("demo").unwrap());
        let names: Vec<_> = earlier.iter().filter_map(|p| p.edition().version()).collect();
        assert_eq!(names, ["2025-06-01", "2025-01-01"]);
    }
}
