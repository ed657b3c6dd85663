//! `candor`: the whole of web analytics that keeps its privacy notice, as one binary.
#![forbid(unsafe_code)]

mod admin;
mod assets;
mod cli;
mod clock;
mod config;
mod demo;
mod engine;
mod harden;
mod import;
mod migrate;
mod policies;
mod telemetry;
mod up;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A configuration that cannot be used (`EX_USAGE` of sysexits.h).
const EXIT_CONFIG: u8 = 64;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::say_error(&error);
            let is_config = error.downcast_ref::<config::ConfigError>().is_some();
            if is_config { ExitCode::from(EXIT_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let is_hardened = harden::process();
    match command {
        Command::Config => telemetry::say(config::REFERENCE),
        Command::Import(args) => runtime()?.block_on(import::run(&args)),
        Command::Migrate(args) => runtime()?.block_on(migrate::run(&args)),
        Command::Up(args) => {
            let config = args.config()?;
            let metrics = telemetry::start(config.log.level)?;
            if !is_hardened {
                tracing::warn!("core dumps cannot be turned off here: keys may end up in one");
            }
            runtime()?.block_on(up::run(config, metrics))
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
