//! The process around the server: its environment, and what tells it to stop.

use std::future::Future;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Replaces the process by itself with a clean environment, unless that is clean already.
///
/// The engine takes its time zone from the environment, which only a new program image can change
/// safely; and what a parent's environment holds of secrets, queries need never be able to read.
///
/// # Errors
///
/// When the program cannot be started again.
pub fn clean_environment() -> io::Result<()> {
    let is_kept = |name: &std::ffi::OsString| KEPT.iter().any(|kept| name == kept);
    let is_utc = std::env::var_os("TZ").is_some_and(|zone| zone == "UTC");
    if is_utc && std::env::vars_os().all(|(name, _)| is_kept(&name)) {
        return Ok(());
    }
    let mut arguments = std::env::args_os();
    Err(Command::new("/proc/self/exe")
        .arg0(arguments.next().unwrap_or_default())
        .args(arguments)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| is_kept(name)))
        .env("TZ", "UTC")
        .exec())
}

/// Ready when the process is told to stop: by SIGTERM, SIGINT, or, if asked, by the end of its
/// standard input, which is the end of its parent.
///
/// # Errors
///
/// When the signals cannot be watched.
pub fn stop_signal(on_stdin_close: bool) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (open, closed) = oneshot::channel::<()>();
    // The end that is kept here keeps the channel open for as long as the future lives.
    let kept = if on_stdin_close {
        thread::Builder::new().name("stdin".to_owned()).spawn(move || wait_for_end(open))?;
        None
    } else {
        Some(open)
    };
    Ok(async move {
        let _kept = kept;
        tokio::select! {
            _ = terminate.recv() => tracing::info!("told to stop by SIGTERM"),
            _ = interrupt.recv() => tracing::info!("told to stop by SIGINT"),
            _ = closed => tracing::info!("standard input is closed"),
        }
    })
}

/// Reads standard input to its end; dropping `open` tells of it.
fn wait_for_end(open: oneshot::Sender<()>) {
    let mut ignored = [0; 1024];
    let mut stdin = io::stdin().lock();
    while matches!(stdin.read(&mut ignored), Ok(1..)) {}
    drop(open);
}

/// Variables that the process keeps: how much it logs, and how its libraries are found.
const KEPT: [&str; 3] = ["LD_LIBRARY_PATH", "RUST_LOG", "TZ"];
