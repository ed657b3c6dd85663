//! Reads the policy files. Any problem in any of them, and none is used.

use std::path::Path;

use anyhow::Result;
use candor_policy::Registry;

use crate::config::ConfigError;

/// The policies of a directory (`*.toml`), or the built-in demo.
pub(crate) fn load(dir: Option<&Path>) -> Result<Registry> {
    let Some(dir) = dir else {
        return Ok(Registry::demo()?);
    };
    let failed = |source| ConfigError::Read { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path)
                .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    let files = files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    Registry::compile(files).map_err(|problems| ConfigError::Value(problems.to_string()).into())
}
