//! What `candor bench` takes, and the parts that it starts.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CollectArgs, SinkArgs, UpArgs, Watched};
use crate::config::{Config, ConfigError};

/// What `bench` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct BenchArgs {
    /// A first look within a minute or two: fewer and shorter runs
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure with Kafka, too: brokers to begin with. A topic is made there, and its name is told
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', value_parser = broker)]
    pub(crate) brokers: Vec<String>,
    /// Where a directory is made, and removed at the end: the disk below it is what is measured [default: the
    /// system's directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Where report.html and report.json are written
    #[arg(long, value_name = "DIR", default_value = "candor-bench")]
    pub(crate) report: PathBuf,
    /// A process whose CPU time belongs to the pipeline, such as a broker of this machine; may be said several
    /// times
    #[arg(long, value_name = "NAME=PID")]
    pub(crate) watch: Vec<Watched>,
    /// The configuration file, for `[engine]`, `[agents]`, `[geo]` and `[kafka.security]`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// What `bench-part` takes.
#[derive(Args, Debug)]
pub(crate) struct PartArgs {
    /// The core that it runs on [default: any]
    #[arg(long)]
    pub(crate) core: Option<usize>,
    #[command(subcommand)]
    pub(crate) part: Part,
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    /// A server that answers 204 and does nothing else
    Bare,
    /// `candor collect`
    Collect(CollectArgs),
    /// The embedded ClickHouse, with arguments of its own
    Engine {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// A collector before a journal that nobody reads
    Journal(CollectArgs),
    /// `candor sink`
    Sink(SinkArgs),
    /// `candor up`
    Up(UpArgs),
}

impl BenchArgs {
    /// The file.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        let config = Config::load(self.config.as_deref())?;
        config.check()?;
        Ok(config)
    }
}

fn broker(text: &str) -> Result<String, &'static str> {
    let is_one = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
    if text.rsplit_once(':').is_some_and(is_one) {
        return Ok(text.to_owned());
    }
    Err("write a host and a port, such as 127.0.0.1:9092")
}
