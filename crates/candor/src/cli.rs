//! The command line. What a flag says beats the file.
#![expect(clippy::disallowed_types, reason = "addresses to listen on")]

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError};

/// Web analytics that keeps its privacy notice.
#[derive(Debug, Parser)]
#[command(name = "candor", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the commented reference configuration
    Config,
    /// Feed an access log to a running candor, through the same gate as beacons
    Import(ImportArgs),
    /// Bring ClickHouse's tables and views to what the policies say
    Migrate(MigrateArgs),
    /// Run everything on this machine: collector, journal, sink and embedded ClickHouse
    Up(UpArgs),
}

/// What `up` takes.
#[derive(Args, Debug)]
pub(crate) struct UpArgs {
    /// Where data lies [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where beacons come in [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Health, metrics and import [default: 127.0.0.1:8090]
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// The embedded ClickHouse's HTTP interface, on loopback [default: 127.0.0.1:8123]
    #[arg(long, value_name = "ADDR")]
    clickhouse: Option<SocketAddr>,
    /// A directory of policy files [default: the built-in demo]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// The configuration file; `candor config` prints every key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What `migrate` takes.
#[derive(Args, Debug)]
pub(crate) struct MigrateArgs {
    /// A directory of policy files [default: the built-in demo]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// The configuration file, for `[clickhouse]`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the statements instead of running them
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `import` takes.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The site whose log it is
    #[arg(long, value_name = "SITE")]
    pub(crate) site: String,
    /// The purposes that the visitors consented to, as you assert; without it every line is denied
    #[arg(long, value_name = "PURPOSE", value_delimiter = ',')]
    pub(crate) consent: Vec<String>,
    /// The admin listener of the running candor
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    pub(crate) admin: SocketAddr,
    /// The log: combined format, or NDJSON
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

impl UpArgs {
    /// The file, and the flags over it.
    pub(crate) fn config(self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        let set = |to: &mut _, from: Option<_>| {
            if let Some(from) = from {
                *to = from;
            }
        };
        set(&mut config.collector.listen, self.listen);
        set(&mut config.admin.listen, self.admin);
        set(&mut config.engine.listen, self.clickhouse);
        if let Some(dir) = self.data {
            config.data.dir = dir;
        }
        config.policies.dir = self.policies.or(config.policies.dir);
        config.check()?;
        Ok(config)
    }
}

impl MigrateArgs {
    /// The file, and the flags over it.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        config.policies.dir = self.policies.clone().or(config.policies.dir);
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
