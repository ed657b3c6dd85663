//! `candor`: the whole of web analytics that keeps its privacy notice, as one binary.
#![forbid(unsafe_code)]

mod admin;
mod assets;
mod audit;
mod bench;
mod carry;
mod cli;
mod client;
mod clock;
mod collect;
mod config;
mod databases;
mod demo;
mod engine;
mod fleet;
mod front;
mod harden;
mod health;
mod import;
mod load;
mod log;
mod migrate;
mod notices;
mod policies;
mod policy;
mod promises;
mod quarantine;
mod readiness;
mod reload;
mod sink;
mod stop;
mod tables;
mod tail;
mod telemetry;
mod tls;
mod topic;
mod tracker;
mod up;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use metrics_exporter_prometheus::PrometheusHandle;

use cli::{Cli, Command};
use config::{Config, ConfigError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);
/// A configuration that cannot be used (`EX_USAGE` of sysexits.h).
const EXIT_CONFIG: u8 = 64;
/// An audit that came to no end: 1 says that it found something.
const EXIT_NO_AUDIT: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let is_audit = matches!(cli.command, Command::Audit(_));
    let Err(error) = run(cli.command) else {
        return ExitCode::SUCCESS;
    };
    if error.is::<telemetry::NobodyReads>() {
        return ExitCode::SUCCESS;
    }
    telemetry::say_error(&error);
    if error.is::<ConfigError>() {
        ExitCode::from(EXIT_CONFIG)
    } else if is_audit && !error.is::<audit::Unsound>() {
        ExitCode::from(EXIT_NO_AUDIT)
    } else {
        ExitCode::FAILURE
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let refused = harden::process();
    match command {
        Command::Audit(args) => block_on(audit::run(&args)),
        Command::Bench(args) => bench::run(&args),
        Command::BenchPart(args) => bench::part::run(args, refused),
        Command::Collect(args) => live(args.config()?, refused, collect::run),
        Command::Config(args) => config::show(args.check.as_deref()),
        Command::Health(args) => block_on(health::run(&args)),
        Command::Import(args) => block_on(import::run(&args)),
        Command::Load(args) => block_on(load::run(&args)),
        Command::Migrate(args) => block_on(migrate::run(&args)),
        Command::Policy(command) => policy::run(&command),
        Command::Quarantine(command) => block_on(quarantine::run(&command)),
        Command::Sink(args) => live(args.config()?, refused, sink::run),
        Command::Tail(args) => block_on(tail::run(&args)),
        Command::Up(args) => live(args.config()?, refused, up::run),
    }
}

/// Runs what runs until it is told to stop.
fn live<F: Future<Output = anyhow::Result<()>>>(
    config: Config,
    refused: harden::Refused,
    part: impl FnOnce(Config, PrometheusHandle) -> F,
) -> anyhow::Result<()> {
    let metrics = telemetry::start(config.telemetry.level)?;
    for what in refused {
        tracing::warn!("{what}");
    }
    block_on(part(config, metrics))
}

/// Runs to the end. What has been started beside, and answers to nobody any more, is not waited for.
fn block_on(run: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(run);
    runtime.shutdown_timeout(SHUTDOWN_DEADLINE);
    outcome
}
