//! What the program says: logs without visitor data, metrics, and words to the person at the terminal.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::Duration;

use anyhow::Result;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::Level;

/// Upper bounds for times, seconds.
const SECONDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];
/// Without upkeep, histograms grow for ever.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts logging to standard error and recording metrics. Only our own crates log below warnings:
/// others might show what came over the wire.
pub(crate) fn start(level: Level) -> Result<PrometheusHandle> {
    let level = match level {
        Level::Debug => "debug",
        Level::Error => "error",
        Level::Info => "info",
        Level::Warn => "warn",
    };
    let filter = EnvFilter::new(format!(
        "error,candor={level},candor_collector={level},candor_pipeline={level},\
         candor_sink={level},candor_store={level},candor_transport={level}"
    ));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.with_target(false).init();
    } else {
        log.json().flatten_event(true).init();
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    metrics::gauge!("candor_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// Keeps the metrics small. Never returns.
pub(crate) async fn upkeep(metrics: PrometheusHandle) {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}

/// Whoever read our standard output has seen enough (`candor tail | head`).
#[derive(Debug, thiserror::Error)]
#[error("nobody reads on")]
pub(crate) struct NobodyReads;

/// Prints to standard output.
pub(crate) fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(NobodyReads.into()),
        written => Ok(written?),
    }
}

/// Prints a line of what is going on to standard error.
pub(crate) fn say_progress(line: &str) {
    // Nobody has to look.
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

/// Prints an error and its causes to standard error.
pub(crate) fn say_error(error: &anyhow::Error) {
    let mut err = std::io::stderr().lock();
    // Nobody is left to be told when standard error is gone.
    writeln!(err, "candor: {error}").ok();
    for cause in error.chain().skip(1) {
        writeln!(err, "  because {cause}").ok();
    }
}
