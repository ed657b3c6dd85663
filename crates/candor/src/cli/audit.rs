//! What `candor audit` takes.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, ConfigError};

/// What `audit` takes.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    /// Where the journal lies, when that is the log [default: data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Do not ask the log: what it confirmed, and what lies behind the ledger, is not looked at
    #[arg(long)]
    pub(crate) ledger_only: bool,
    /// Print for programs
    #[arg(long)]
    pub(crate) json: bool,
    /// The configuration file, for `[clickhouse]`, `[log]`, `[kafka]` and `[data]`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl AuditArgs {
    /// The file, and the flags over it.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(dir) = &self.data {
            config.data.dir.clone_from(dir);
        }
        config.check()?;
        Ok(config)
    }
}
