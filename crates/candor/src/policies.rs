//! Reads the policy files. Any problem in any of them, and none is used.

pub(crate) mod history;
mod stamp;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use candor_policy::{Policy, Problems, Registry, compile, compile_json};

use crate::config::ConfigError;
use history::History;
pub(crate) use stamp::Stamp;

/// A policy file as it lies on the disk.
#[derive(Clone, Debug)]
pub(crate) struct PolicyFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// The policies that are obeyed, and those that were before.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    pub(crate) registry: Arc<Registry>,
    pub(crate) history: Arc<History>,
    /// How their files looked before they were read.
    pub(crate) stamp: Stamp,
}

// === impl PolicyFile ===

impl PolicyFile {
    /// Reads one file.
    pub(crate) fn read(path: PathBuf) -> Result<Self, ConfigError> {
        let mut bytes = Vec::new();
        let read =
            File::open(&path).and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes));
        if let Err(source) = read {
            return Err(ConfigError::Read { path, source });
        }
        let shown = path.display();
        if bytes.len() as u64 > BYTES_MAX {
            return Err(ConfigError::Value(format!("{shown} is larger than 1 MiB: no policy is")));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid =
                error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = String::from_utf8_lossy(valid).lines().count().max(1);
            ConfigError::Value(format!(
                "{shown} is not UTF-8 from line {line} on: save it as UTF-8 in your editor"
            ))
        })?;
        Ok(Self { path, text })
    }

    /// Reads the files (`*.toml`) of a directory, in the order of their names, or a single file.
    pub(crate) fn read_all(place: &Path) -> Result<Vec<Self>, ConfigError> {
        if place.is_file() {
            return Ok(vec![Self::read(place.to_owned())?]);
        }
        paths(place)?.into_iter().map(Self::read).collect()
    }

    /// Compiles it: TOML, or the JSON form of a policy or a notice.
    pub(crate) fn compile(&self) -> Result<Policy, Problems> {
        let origin = self.path.display().to_string();
        match self.path.extension() {
            Some(extension) if extension == "json" => compile_json(&origin, &self.text),
            _ => compile(&origin, &self.text),
        }
    }
}

// === impl InForce ===

impl InForce {
    /// The policies of a directory or file and their history, or the built-in demo.
    pub(crate) fn load(place: Option<&Path>) -> Result<Self> {
        let Some(place) = place else {
            return Ok(Self::of(Registry::demo()?, History::default()));
        };
        let failed = |source| ConfigError::Read { path: place.to_owned(), source };
        let stamp = Stamp::of(place).map_err(failed)?;
        let registry = load(Some(place))?;
        Ok(Self { stamp, ..Self::of(registry, History::read(place)) })
    }

    /// Policies that lie in no file.
    pub(crate) fn of(registry: Registry, history: History) -> Self {
        Self { registry: Arc::new(registry), history: Arc::new(history), stamp: Stamp::default() }
    }
}

/// The policy files of a directory, in the order of their names.
fn paths(dir: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let failed = |source| ConfigError::Read { path: dir.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_policy(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The policies of a directory (`*.toml`) or file, or the built-in demo.
pub(crate) fn load(place: Option<&Path>) -> Result<Registry> {
    let Some(place) = place else {
        return Ok(Registry::demo()?);
    };
    compiled(&PolicyFile::read_all(place)?)
}

/// All problems of all files are told at once.
pub(crate) fn compiled(files: &[PolicyFile]) -> Result<Registry> {
    let mut problems = Problems::default();
    let mut policies = Vec::new();
    for file in files {
        match file.compile() {
            Ok(policy) => policies.push(policy),
            Err(found) => problems.merge(found),
        }
    }
    if !problems.is_empty() {
        return Err(refused(&problems).into());
    }
    Registry::new(policies).map_err(|problems| refused(&problems).into())
}

fn refused(problems: &Problems) -> ConfigError {
    ConfigError::Value(problems.to_string())
}

/// What a policy file may have.
const BYTES_MAX: u64 = 1_048_576;

/// Editors and copying programs keep their own files beside, under names that begin with a dot. Whatever
/// else has the name of a policy must be one: a link that leads nowhere is a policy that is missing.
fn is_policy(path: &Path) -> bool {
    let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !is_hidden && path.extension().is_some_and(|extension| extension == "toml")
}
