//! The directory that a bench works in: a policy that keeps everything, and a configuration for each set-up.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;
use toml::{Table, Value};

use crate::config::{ConfigError, LogKind};

/// The site that all beacons are of, and where its pages are.
pub(crate) const SITE: &str = "bench";
pub(crate) const ORIGIN: &str = "https://www.bench.example";
/// Everything that enrichment can tell is kept, so that everything is done.
const POLICY: &str = include_str!("policy.toml");
/// The load is one site, from few networks.
const NO_RATES: &str = "[collector.limits]\nnetwork_per_second = 100000000\nnetwork_burst = 100000000\n\
                        site_per_second = 100000000\nsite_burst = 100000000\n";

/// The directory, which is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    dir: TempDir,
    /// What the operator's own configuration says of files and of Kafka.
    given: Table,
}

/// Tables of the operator's configuration that hold for a bench, too. All others are what is measured.
const GIVEN: [&str; 3] = ["agents", "engine", "geo"];

/// Holds that a report can be written to a directory, which is made, before anything is measured.
pub(crate) fn can_be_written(report: &Path) -> Result<()> {
    let probe = || -> std::io::Result<()> {
        if !report.exists() {
            std::fs::create_dir_all(report)?;
            std::fs::set_permissions(report, Permissions::from_mode(0o755))?;
        }
        tempfile::tempfile_in(report).map(drop)
    };
    probe().with_context(|| {
        format!("cannot write to {}: name another directory with --report", report.display())
    })
}

/// Writes what is made to be read by anybody: everything else of this process is for its user alone.
pub(crate) fn publish(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o644))
}

impl Place {
    /// Makes it below a directory.
    pub(crate) fn make(below: Option<&Path>, config: Option<&Path>) -> Result<Self> {
        let below = below.map_or_else(std::env::temp_dir, Path::to_owned);
        let make = || -> std::io::Result<TempDir> {
            let dir = tempfile::Builder::new().prefix("candor-bench-").tempdir_in(&below)?;
            std::fs::create_dir(dir.path().join("policies"))?;
            std::fs::write(dir.path().join("policies/bench.toml"), POLICY)?;
            Ok(dir)
        };
        let cannot = || {
            format!("cannot make a directory below {}: name another with --dir", below.display())
        };
        let dir = make().with_context(cannot)?;
        Ok(Self { dir, given: given(config)? })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where the policies are.
    pub(crate) fn policies(&self) -> PathBuf {
        self.path().join("policies")
    }

    /// A directory in it for what one set-up keeps, which nobody had before.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes the configuration of a set-up.
    pub(crate) fn configure(&self, name: &str, log: LogKind, own: &str) -> Result<PathBuf> {
        let mut config: Table = format!("{own}\n{NO_RATES}").parse()?;
        for (key, value) in &self.given {
            match (key.as_str(), value) {
                ("kafka", Value::Table(kafka)) if log == LogKind::Kafka => {
                    let own = config.entry("kafka").or_insert_with(|| Table::new().into());
                    if let (Some(own), Some(security)) = (own.as_table_mut(), kafka.get("security"))
                    {
                        own.insert("security".to_owned(), security.clone());
                    }
                }
                ("kafka", _) => {}
                _ => drop(config.insert(key.clone(), value.clone())),
            }
        }
        let path = self.path().join(format!("{name}.toml"));
        std::fs::write(&path, toml::to_string(&config)?)?;
        Ok(path)
    }
}

/// What of the operator's file counts here. It was checked before.
fn given(config: Option<&Path>) -> Result<Table> {
    let Some(path) = config else {
        return Ok(Table::new());
    };
    let read = |source| ConfigError::Read { path: path.to_owned(), source };
    let all: Table = std::fs::read_to_string(path).map_err(read)?.parse()?;
    let counts = |key: &str| GIVEN.contains(&key) || key == "kafka";
    Ok(all.into_iter().filter(|(key, _)| counts(key)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_operators_files_are_used_and_nothing_else_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("candor.toml");
        let text = "[engine]\nlibrary = '/opt/libchdb.so'\n[sink]\nbatch_events = 7\n\
                    [kafka]\ntopic = 'visits'\n[kafka.security]\nprotocol = 'ssl'\n";
        std::fs::write(&own, text).unwrap();
        let place = Place::make(Some(dir.path()), Some(&own)).unwrap();
        let kafka = "[log]\nkind = 'kafka'\n[kafka]\ntopic = 'bench'\n";
        let written = place.configure("kafka", LogKind::Kafka, kafka).unwrap();
        let config = Config::load(Some(&written)).unwrap();
        assert_eq!(config.engine.library.as_deref(), Some(Path::new("/opt/libchdb.so")));
        assert_eq!(config.kafka.topic, "bench");
        let written = std::fs::read_to_string(&written).unwrap();
        assert!(
            written.contains("protocol = \"ssl\"") && !written.contains("batch_events"),
            "{written}"
        );
        let gone = place.path().to_owned();
        drop(place);
        assert!(!gone.exists());
    }

    #[test]
    fn the_policy_keeps_every_field_of_a_page_view() {
        candor_policy::Registry::compile([("bench.toml", POLICY)]).unwrap();
    }
}
