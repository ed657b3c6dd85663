//! Finds what is fetched rather than compiled in: the engine's library, the user agent rules and the
//! lists of robots.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use candor_pipeline::{Bots, Spam};

use crate::config::{AgentsConfig, ConfigError, GeoConfig};

/// The engine's library below an assets directory.
const LIBRARY: &str = "chdb/libchdb.so";
/// The user agent rules below an assets directory.
const AGENT_RULES: &str = "uap-core/regexes.yaml";
/// The lists of robots below an assets directory.
const CRAWLERS: &str = "bots/crawler-user-agents.json";
const ISBOT: &str = "bots/isbot.mjs";

/// The library that holds the embedded ClickHouse.
pub(crate) fn library(configured: Option<&Path>) -> Result<PathBuf> {
    find(LIBRARY, configured, "engine.library")
}

/// The text of the user agent rules.
pub(crate) fn agent_rules(configured: Option<&Path>) -> Result<String> {
    read(&find(AGENT_RULES, configured, "agents.rules")?)
}

/// The lists of robots: crawlers by name, and the patterns that no browser has.
pub(crate) fn bots(config: &AgentsConfig) -> Result<Bots> {
    let crawlers = find(CRAWLERS, config.crawlers.as_deref(), "agents.crawlers")?;
    let isbot = find(ISBOT, config.isbot.as_deref(), "agents.isbot")?;
    Bots::read(&read(&crawlers)?, &read(&isbot)?).context("cannot use the lists of robots")
}

/// The operator's own list of hosts that referrer spam comes from; there need not be one.
pub(crate) fn spam(configured: Option<&Path>) -> Result<Spam> {
    let Some(path) = configured else {
        return Ok(Spam::default());
    };
    let refused = |why: &dyn std::fmt::Display| {
        ConfigError::Value(format!("agents.referrer_spam, {}: {why}", path.display()))
    };
    let list = std::fs::read_to_string(path).map_err(|error| refused(&error))?;
    Ok(Spam::read(&list).map_err(|error| refused(&error))?)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The address databases: those that are configured, else those that `make geo` fetched, if it did.
pub(crate) fn geo(config: &GeoConfig) -> Result<GeoConfig> {
    let found =
        |file| Ok::<_, anyhow::Error>(beside(file)?.into_iter().find(|path| path.is_file()));
    let or_fetched = |configured: &Option<PathBuf>, file| match configured {
        Some(path) => Ok(Some(path.clone())),
        None => found(file),
    };
    Ok(GeoConfig {
        places: or_fetched(&config.places, "geo/country.mmdb")?,
        networks: or_fetched(&config.networks, "geo/networks.csv")?,
    })
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
    let found = beside(file)?.into_iter().find(|path| path.is_file());
    found.with_context(|| {
        format!("cannot find {file}: run `make setup`, or set `{key}` in candor.toml")
    })
}

fn beside(file: &str) -> Result<[PathBuf; 2]> {
    let exe = exe_dir()?;
    Ok(["../lib/candor", "../../third_party"].map(|place| exe.join(place).join(file)))
}

fn exe_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("cannot tell where candor itself is")?;
    Ok(exe.parent().map(Path::to_owned).unwrap_or_default())
}
