//! What `candor quarantine` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::{Config, ConfigError};

/// What `quarantine` does.
#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Say what is set aside, and why
    List(ListArgs),
    /// Store what can be stored now, once
    Retry(QuarantineArgs),
    /// Delete it; that it was there stays in `candor.quarantine__audit`
    Drop(QuarantineArgs),
}

/// What `quarantine list` takes.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) held: HeldArgs,
    /// Print what is in it, too: anonymised, as it was in the log
    #[arg(long)]
    pub(crate) show: bool,
}

/// What `quarantine retry` and `quarantine drop` take.
#[derive(Args, Debug)]
pub(crate) struct QuarantineArgs {
    #[command(flatten)]
    pub(crate) held: HeldArgs,
    /// All of it
    #[arg(long)]
    pub(crate) all: bool,
}

/// Which of it.
#[derive(Args, Debug)]
pub(crate) struct HeldArgs {
    /// Of this log, by its id
    #[arg(long, value_name = "LOG")]
    pub(crate) log: Option<String>,
    /// Of this partition
    #[arg(long, value_name = "N")]
    pub(crate) partition: Option<u32>,
    /// At this offset
    #[arg(long, value_name = "N")]
    pub(crate) offset: Option<u64>,
    /// For this reason, as `list` names it
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    /// The configuration file, for `[clickhouse]`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl HeldArgs {
    /// Whether it names anything.
    pub(crate) const fn is_narrow(&self) -> bool {
        self.log.is_some()
            || self.partition.is_some()
            || self.offset.is_some()
            || self.reason.is_some()
    }

    /// The file.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        let config = Config::load(self.config.as_deref())?;
        config.check()?;
        Ok(config)
    }
}
