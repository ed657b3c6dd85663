//! Finds what is fetched rather than compiled in: the engine's library and the user agent rules.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The engine's library below an assets directory.
const LIBRARY: &str = "chdb/libchdb.so";
/// The user agent rules below an assets directory.
const AGENT_RULES: &str = "uap-core/regexes.yaml";

/// The library that holds the embedded ClickHouse.
pub(crate) fn library(configured: Option<&Path>) -> Result<PathBuf> {
    find(LIBRARY, configured, "engine.library")
}

/// The text of the user agent rules.
pub(crate) fn agent_rules(configured: Option<&Path>) -> Result<String> {
    let path = find(AGENT_RULES, configured, "agents.rules")?;
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The engine's program: beside this one.
pub(crate) fn engine_program() -> Result<PathBuf> {
    let program = exe_dir()?.join("candor-clickhouse");
    if program.is_file() {
        return Ok(program);
    }
    bail!("{} is missing: build or install it beside candor", program.display())
}

/// A configured path, else the first place that has the file: `third_party` of the source tree, or
/// `lib/candor` of an installation.
fn find(file: &str, configured: Option<&Path>, key: &str) -> Result<PathBuf> {
    if let Some(path) = configured {
        return Ok(path.to_owned());
    }
    let exe = exe_dir()?;
    let places = ["../lib/candor", "../../third_party"].map(|place| exe.join(place).join(file));
    if let Some(found) = places.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    bail!("cannot find {file}: run `make setup`, or set `{key}` in candor.toml")
}

fn exe_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("cannot tell where candor itself is")?;
    Ok(exe.parent().map(Path::to_owned).unwrap_or_default())
}
