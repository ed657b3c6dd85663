//! The embedded ClickHouse as a child process: started, watched, started again when it dies, and asked
//! to go by closing its standard input. Should we be killed, the same closing ends it.
#![expect(clippy::disallowed_types, reason = "the address that the engine listens on")]

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;

/// How the engine is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    /// What the program is told before everything else.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) library: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) listen: SocketAddr,
}

/// A running engine and its keeper.
#[derive(Debug)]
pub(crate) struct Engine {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    keeper: tokio::task::JoinHandle<()>,
}

/// The engine ended before it listened.
#[derive(Debug, thiserror::Error)]
#[error("ClickHouse did not start ({status}); its own log says why")]
struct NotStarted {
    status: ExitStatus,
}

/// What the engine exits with when the data is in use (`EX_TEMPFAIL` of sysexits.h).
const EXIT_LOCKED: i32 = 75;
/// How long an engine without a parent may take to end.
const ORPHAN_DEADLINE: Duration = Duration::from_secs(15);
const START_DEADLINE: Duration = Duration::from_secs(30);
const STOP_DEADLINE: Duration = Duration::from_secs(20);
const RESTART_DELAY: Duration = Duration::from_millis(200);
const RESTART_DELAY_MAX: Duration = Duration::from_secs(10);

impl Engine {
    /// Starts the engine and waits until it listens.
    pub(crate) async fn start(mut launch: Launch) -> Result<Self> {
        let (running, address) = spawn_unlocked(&launch).await?;
        // Whoever knows the address of the first one finds every later one there.
        launch.listen = address;
        let (stop, stopped) = oneshot::channel();
        let keeper = tokio::spawn(keep(launch, running, stopped));
        Ok(Self { address, stop, keeper })
    }

    /// Where its HTTP interface is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same without the scheme.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets it finish what it does, and waits until it is gone.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.keeper.await {
            tracing::error!(%error, "the engine's keeper failed");
        }
    }
}

/// The process, and the pipe that keeps it running: waiting for a child closes its standard input,
/// unless it was taken.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
}

async fn keep(launch: Launch, mut running: Running, mut stopped: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            status = running.child.wait() => {
                metrics::counter!("candor_engine_restarts_total").increment(1);
                tracing::error!(status = describe(status), "ClickHouse died, starting it again");
            }
            _ = &mut stopped => return finish(running).await,
        }
        let mut delay = RESTART_DELAY;
        running = loop {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = &mut stopped => return,
            }
            match spawn(&launch).await {
                Ok((running, _)) => break running,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "cannot start ClickHouse");
                }
            }
            delay = (delay * 2).min(RESTART_DELAY_MAX);
        };
        tracing::info!("ClickHouse is back");
    }
}

/// An engine that has just lost its parent finishes what runs before it lets go of the data.
async fn spawn_unlocked(launch: &Launch) -> Result<(Running, SocketAddr)> {
    let give_up = Instant::now() + ORPHAN_DEADLINE;
    loop {
        match spawn(launch).await {
            Err(error) if is_locked(&error) && Instant::now() < give_up => {
                tracing::info!("another ClickHouse is still using the data, waiting for it to end");
                tokio::time::sleep(RESTART_DELAY).await;
            }
            started => return started,
        }
    }
}

async fn spawn(launch: &Launch) -> Result<(Running, SocketAddr)> {
    let mut child = Command::new(&launch.program)
        .args(&launch.arguments)
        .arg("--library")
        .arg(&launch.library)
        .arg("--data")
        .arg(&launch.data)
        .arg("--listen")
        .arg(launch.listen.to_string())
        .arg("--exit-on-stdin-close")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A Ctrl-C at the terminal is for us: the engine must outlive the sink.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {}", launch.program.display()))?;
    let address = tokio::time::timeout(START_DEADLINE, listening(&mut child)).await;
    let address = address.context("ClickHouse did not start in time")??;
    let stdin = child.stdin.take();
    Ok((Running { child, stdin }, address))
}

/// Waits for the line that tells the address.
async fn listening(child: &mut Child) -> Result<SocketAddr> {
    let stdout = child.stdout.take().context("ClickHouse has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(address) = line.strip_prefix("listening on http://") {
            return Ok(address.trim().parse()?);
        }
    }
    let status = child.wait().await?;
    Err(NotStarted { status }.into())
}

async fn finish(Running { mut child, stdin }: Running) {
    drop(stdin);
    let Ok(status) = tokio::time::timeout(STOP_DEADLINE, child.wait()).await else {
        return tracing::error!("ClickHouse does not stop and is killed");
    };
    tracing::info!(status = describe(status), "ClickHouse has stopped");
}

fn is_locked(error: &anyhow::Error) -> bool {
    let not_started = error.downcast_ref::<NotStarted>();
    not_started.is_some_and(|error| error.status.code() == Some(EXIT_LOCKED))
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}
