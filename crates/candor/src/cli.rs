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
    /// Run a collector alone: beacons in, Kafka out
    Collect(CollectArgs),
    /// Print the commented reference configuration, or check a file
    Config(ConfigArgs),
    /// Ask a running candor whether it is ready; exits with 1 when it is not
    Health(HealthArgs),
    /// Feed an access log to a running candor, through the same gate as beacons
    Import(ImportArgs),
    /// Bring ClickHouse's tables and views to what the policies say, and make Kafka's topic
    Migrate(MigrateArgs),
    /// Run a sink alone: Kafka in, ClickHouse out
    Sink(SinkArgs),
    /// Print what lies in Kafka, decoded, one event a line (NDJSON)
    Tail(TailArgs),
    /// Run everything on this machine: collector, journal, sink and embedded ClickHouse
    Up(UpArgs),
}

/// What `collect` takes.
#[derive(Args, Debug)]
pub(crate) struct CollectArgs {
    /// Where beacons come in [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Health, metrics and import [default: 127.0.0.1:8090]
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// A directory of policy files [default: the built-in demo]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// The configuration file; `candor config` prints every key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What `config` takes.
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    /// Check this file instead of printing
    #[arg(long, value_name = "FILE")]
    pub(crate) check: Option<PathBuf>,
}

/// What `health` takes.
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// The admin listener of the running candor
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    pub(crate) admin: SocketAddr,
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

/// What `migrate` takes.
#[derive(Args, Debug)]
pub(crate) struct MigrateArgs {
    /// A directory of policy files [default: the built-in demo]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// The configuration file, for `[clickhouse]`, `[log]` and `[kafka]`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print what would be done instead of doing it
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `sink` takes.
#[derive(Args, Debug)]
pub(crate) struct SinkArgs {
    /// Health and metrics [default: 127.0.0.1:8090]
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// The name of this sink among the others: it keeps its partitions over a restart [default: the name
    /// of the host]
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// The configuration file; `candor config` prints every key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What `tail` takes.
#[derive(Args, Debug)]
pub(crate) struct TailArgs {
    /// Begin with the first record that Kafka still has
    #[arg(long, conflicts_with = "last")]
    pub(crate) from_beginning: bool,
    /// Begin this many records before the end of each partition
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) last: u64,
    /// Go on with what comes in, until Ctrl-C
    #[arg(long)]
    pub(crate) follow: bool,
    /// The configuration file, for `[log]` and `[kafka]`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
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

impl CollectArgs {
    /// The file, and the flags over it.
    pub(crate) fn config(self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        set(&mut config.collector.listen, self.listen);
        set(&mut config.admin.listen, self.admin);
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
        config.check()?;
        Ok(config)
    }
}

impl SinkArgs {
    /// The file, and the flags over it.
    pub(crate) fn config(self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        set(&mut config.admin.listen, self.admin);
        config.kafka.instance = self.instance.or(config.kafka.instance);
        config.check()?;
        Ok(config)
    }
}

impl TailArgs {
    /// The file.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        let config = Config::load(self.config.as_deref())?;
        config.check()?;
        Ok(config)
    }
}

impl UpArgs {
    /// The file, and the flags over it.
    pub(crate) fn config(self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        set(&mut config.collector.listen, self.listen);
        set(&mut config.admin.listen, self.admin);
        set(&mut config.engine.listen, self.clickhouse);
        set(&mut config.data.dir, self.data);
        config.policies.dir = self.policies.or(config.policies.dir);
        config.check()?;
        Ok(config)
    }
}

fn set<T>(to: &mut T, from: Option<T>) {
    if let Some(from) = from {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Result<Command, clap::Error> {
        Cli::try_parse_from([&["candor"], args].concat()).map(|cli| cli.command)
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_beat_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("candor.toml");
        let text = "[log]\nkind = \"kafka\"\n[kafka]\ninstance = \"a\"\n[admin]\nlisten = \"127.0.0.1:1\"\n";
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let Ok(Command::Sink(plain)) = parse(&["sink", "--config", file]) else {
            panic!("not a sink");
        };
        let plain = plain.config().unwrap();
        assert_eq!((plain.kafka.instance.as_deref(), plain.admin.listen.port()), (Some("a"), 1));
        let flags = ["sink", "--config", file, "--instance", "b", "--admin", "127.0.0.1:2"];
        let Ok(Command::Sink(flagged)) = parse(&flags) else {
            panic!("not a sink");
        };
        let flagged = flagged.config().unwrap();
        assert_eq!(
            (flagged.kafka.instance.as_deref(), flagged.admin.listen.port()),
            (Some("b"), 2)
        );
    }

    #[test]
    fn a_flag_is_checked_like_the_file() {
        let Ok(Command::Sink(args)) = parse(&["sink", "--instance", "a b"]) else {
            panic!("not a sink");
        };
        // The name of an instance matters with Kafka only.
        assert!(args.config().is_ok());
    }

    #[test]
    fn the_tail_begins_in_one_place() {
        assert!(parse(&["tail", "--from-beginning", "--last", "5"]).is_err());
        assert!(parse(&["tail", "--from-beginning", "--follow"]).is_ok());
        assert!(parse(&["tail"]).is_ok());
    }
}
