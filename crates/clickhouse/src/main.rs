//! `candor-clickhouse`: serves the embedded engine on loopback.
#![forbid(unsafe_code)]

use std::error::Error as _;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use candor_clickhouse::{Confinement, Engine, Error, Limits, process, server};
use clap::Parser;

/// Serves the embedded ClickHouse engine over ClickHouse's HTTP interface, on loopback.
#[derive(Debug, Parser)]
#[command(name = "candor-clickhouse", version)]
struct Arguments {
    /// The engine's library, libchdb.so.
    #[arg(long)]
    library: PathBuf,
    /// The directory that holds the data; made if it is not there.
    #[arg(long)]
    data: PathBuf,
    /// The loopback address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8123")]
    listen: String,
    /// Stop when standard input ends, so that the server never outlives its parent.
    #[arg(long)]
    exit_on_stdin_close: bool,
}

/// The data directory is in use, perhaps not for long: an engine that lost its parent finishes what runs
/// (`EX_TEMPFAIL` of sysexits.h).
const EXIT_LOCKED: u8 = 75;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging();
    let Err(error) = run(&arguments) else {
        return ExitCode::SUCCESS;
    };
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    tracing::error!("{message}");
    match error {
        Error::Locked(_) => ExitCode::from(EXIT_LOCKED),
        _ => ExitCode::FAILURE,
    }
}

/// To standard error: words for a person at a terminal, JSON otherwise. Of other crates only errors:
/// they might show what a query carried.
fn start_logging() {
    let log = tracing_subscriber::fmt()
        .with_env_filter("error,candor_clickhouse=info")
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.with_target(false).init();
    } else {
        log.json().flatten_event(true).init();
    }
}

/// The order matters: bind while sockets may still be bound, confine before threads exist.
fn run(arguments: &Arguments) -> Result<(), Error> {
    process::clean_environment()?;
    let listener = server::bind(&arguments.listen)?;
    let address = listener.local_addr()?;
    let engine = Engine::open(&arguments.library, &arguments.data)?;
    match engine.confinement() {
        Confinement::Full => tracing::info!("confined to the data directory by the kernel"),
        partial => tracing::warn!(
            ?partial,
            "this kernel does not confine the process (Landlock, Linux 6.7 or later); only the \
             engine's grants and the statement check keep queries from files and the network"
        ),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let stop = process::stop_signal(arguments.exit_on_stdin_close)?;
        tracing::info!(%address, version = engine.version(), "listening");
        writeln!(std::io::stdout(), "listening on http://{address}")?;
        server::serve(listener, engine, Limits::default(), stop).await
    });
    // A statement that outlived the drain must not hold the process.
    runtime.shutdown_background();
    served
}
