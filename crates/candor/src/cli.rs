//! The command line. What a flag says beats the file.
#![expect(clippy::disallowed_types, reason = "addresses to listen on")]

mod audit;
mod bench;
mod load;
mod policy;
mod quarantine;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError};
pub(crate) use audit::AuditArgs;
pub(crate) use bench::{BenchArgs, Part, PartArgs};
pub(crate) use load::{LoadArgs, Protocol, RATE_MAX, Watched};
pub(crate) use policy::{
    DiffArgs, ExplainArgs, NewArgs, Output, PoliciesArgs, PolicyCommand, TextArgs,
};
pub(crate) use quarantine::{HeldArgs, QuarantineArgs, QuarantineCommand};

/// Web analytics that keeps its privacy notice.
#[derive(Debug, Parser)]
#[command(name = "candor", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check that the log, the ledger and the tables say the same; exits with 1 when they do not
    Audit(AuditArgs),
    /// Measure everything on this machine, beside a bare server, and write a report that can be published
    Bench(BenchArgs),
    /// One part of a bench, as a process of its own
    #[command(hide = true)]
    BenchPart(PartArgs),
    /// Run a collector alone: beacons in, Kafka out
    Collect(CollectArgs),
    /// Print the commented reference configuration, or check a file
    Config(ConfigArgs),
    /// Ask a running candor whether it is ready; exits with 1 when it is not
    Health(HealthArgs),
    /// Feed an access log to a running candor, through the same gate as beacons
    Import(ImportArgs),
    /// Send made-up beacons to a collector, and measure what it does with them
    Load(LoadArgs),
    /// Bring ClickHouse's tables and views to what the policies say, and make Kafka's topic
    Migrate(MigrateArgs),
    /// Write, check and explain policies, and the notices that visitors read
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// List what was set aside because it cannot be stored, try it again, or drop it
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
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
    /// Where the spill lies while Kafka is away: a directory of this collector's own [default: data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// How a running candor is reached.
#[derive(Args, Debug)]
pub(crate) struct AdminArgs {
    /// The admin listener of the running candor
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    pub(crate) admin: SocketAddr,
    /// The authority of the listener's certificate, when it has TLS (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// The name in that certificate [default: the address]
    #[arg(long, value_name = "NAME", requires = "tls_ca")]
    pub(crate) tls_name: Option<String>,
    /// A certificate of our own, when the listener asks for one (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["tls_ca", "tls_key"])]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
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
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
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
        set(&mut config.data.dir, self.data);
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
