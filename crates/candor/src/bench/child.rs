//! The processes that are measured: started, listened to until they say where they are, ended.
#![expect(clippy::disallowed_types, reason = "addresses that the parts listen on")]

use std::collections::VecDeque;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::sync::oneshot;

use super::Bench;
use crate::cli::Watched;

/// How a part is started, as often as it must be.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    /// The core that it has.
    pub(crate) core: Option<usize>,
    /// What `bench-part` is told.
    pub(crate) arguments: Vec<OsString>,
}

/// Where a part is, as it says when it is up.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Listeners {
    pub(crate) beacons: Option<SocketAddr>,
    /// `http://` and an address is told by `up` alone.
    #[serde(default, deserialize_with = "of_url")]
    pub(crate) clickhouse: Option<SocketAddr>,
    /// Every program but the bare server has one.
    admin: Option<SocketAddr>,
}

/// A running part.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) spec: Spec,
    pub(crate) listeners: Listeners,
    pid: u32,
    child: Child,
    /// When it closes, the part ends.
    _stdin: Option<ChildStdin>,
    told: Told,
}

/// The last lines that a part wrote for people.
type Told = Arc<Mutex<VecDeque<String>>>;

/// A port that is chosen when it is listened to.
pub(crate) const ANY_PORT: &str = "127.0.0.1:0";
const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_DEADLINE: Duration = Duration::from_mins(1);
const LINES_MAX: usize = 8;

/// A part of candor that is told this, and where its configuration is.
pub(crate) fn part(bench: &Bench, name: &'static str, told: &[&str], config: &Path) -> Spec {
    let mut arguments: Vec<OsString> = told.iter().map(Into::into).collect();
    arguments.extend(["--admin".into(), ANY_PORT.into(), "--config".into(), config.into()]);
    Spec { name, core: bench.cores.measured, arguments }
}

/// One that takes beacons by the bench's policy, and keeps what it keeps where its set-up says.
pub(crate) fn taking(
    bench: &Bench,
    name: &'static str,
    told: &[&str],
    config: &Path,
    data: &str,
) -> Spec {
    let mut spec = part(bench, name, told, config);
    spec.arguments.extend(["--listen".into(), ANY_PORT.into()]);
    spec.arguments.extend(["--policies".into(), bench.place.policies().into()]);
    spec.arguments.extend(["--data".into(), bench.place.data(data).into()]);
    spec
}

impl Running {
    /// Starts it, and waits until it is up.
    pub(crate) async fn start(spec: Spec) -> Result<Self> {
        let mut command = Command::new(own_program()?);
        command.arg("bench-part");
        if let Some(core) = spec.core {
            command.arg("--core").arg(core.to_string());
        }
        command.args(&spec.arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // A Ctrl-C at the terminal is for us, who end it in order.
        command.process_group(0).kill_on_drop(true);
        let name = spec.name;
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let pid = child.id().with_context(|| format!("{name} is gone"))?;
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let told = Told::default();
        let (tell, listening) = oneshot::channel();
        tokio::spawn(follow(stderr.context("no output")?, tell, Arc::clone(&told)));
        let Ok(listeners) = tokio::time::timeout(START_DEADLINE, listening).await else {
            bail!("{name} was not up within a minute");
        };
        let Ok(listeners) = listeners else {
            let status = child.wait().await?;
            bail!("{name} did not start ({status})\n{}", last_words(&told));
        };
        Ok(Self { spec, listeners, pid, child, _stdin: stdin, told })
    }

    /// Where it takes beacons.
    pub(crate) fn beacons(&self) -> Result<SocketAddr> {
        let name = self.spec.name;
        self.listeners.beacons.with_context(|| format!("{name} takes no beacons"))
    }

    /// It, to be measured.
    pub(crate) fn watched(&self) -> Watched {
        Watched { name: self.spec.name.to_owned(), pid: self.pid }
    }

    /// The embedded ClickHouse that it started.
    pub(crate) fn engine(&self) -> Option<u32> {
        engine_of(self.pid)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        signal(self.pid, Signal::TERM)?;
        let name = self.spec.name;
        let ended = tokio::time::timeout(STOP_DEADLINE, self.child.wait()).await;
        let status: ExitStatus =
            ended.with_context(|| format!("{name} did not stop within a minute"))??;
        if !status.success() {
            bail!("{name} failed ({status})\n{}", last_words(&self.told));
        }
        Ok(())
    }

    /// Ends it without a warning. Its embedded ClickHouse notices, and ends by itself.
    pub(crate) async fn kill(mut self) -> Result<Spec> {
        self.child.kill().await.with_context(|| format!("cannot kill {}", self.spec.name))?;
        Ok(self.spec)
    }
}

/// Ends a process without a warning.
pub(crate) fn kill(pid: u32) -> Result<()> {
    signal(pid, Signal::KILL)
}

fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid =
        i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process has this number")?;
    kill_process(pid, signal).context("a part is gone")
}

/// The program that runs now.
pub(crate) fn own_program() -> Result<PathBuf> {
    std::env::current_exe().context("cannot tell where candor itself is")
}

/// The embedded ClickHouse among the children of a process, by what it was told: its threads name it as they like.
pub(crate) fn engine_of(parent: u32) -> Option<u32> {
    const TOLD: &[u8] = b"--exit-on-stdin-close";
    let parent = parent.to_string();
    let is_engine = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let is_child = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        is_child == Some(&parent)
            && command_line(*pid).split(|byte| *byte == 0).any(|it| it == TOLD)
    };
    pids().find(is_engine)
}

fn pids() -> impl Iterator<Item = u32> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn command_line(pid: u32) -> Vec<u8> {
    // A process may be gone by now.
    std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Waits until nobody has this directory on its command line any more: what is killed leaves an embedded
/// ClickHouse that takes a moment to end.
pub(crate) async fn wait_until_left(dir: &Path, most: Duration) {
    let until = Instant::now() + most;
    let dir = dir.as_os_str().as_encoded_bytes();
    let is_in = |pid: u32| command_line(pid).windows(dir.len().max(1)).any(|part| part == dir);
    let anybody = || pids().any(|pid| pid != std::process::id() && is_in(pid));
    while anybody() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Reads what a part says until it ends, for a pipe that nobody empties would stop it.
async fn follow(stderr: ChildStderr, tell: oneshot::Sender<Listeners>, told: Told) {
    let mut tell = Some(tell);
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let listeners = serde_json::from_str::<Listeners>(&line).ok();
        let is_up = listeners.filter(|it| it.beacons.is_some() || it.admin.is_some());
        if let Some(tell) = is_up.and_then(|_| tell.take()) {
            let Some(listeners) = is_up else { continue };
            // Whoever waited may have gone.
            tell.send(listeners).ok();
        } else if is_up.is_none() && (!line.starts_with('{') || line.contains("\"ERROR\"")) {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.push_back(line);
            if told.len() > LINES_MAX {
                told.pop_front();
            }
        }
    }
}

fn last_words(told: &Told) -> String {
    let told = told.lock().unwrap_or_else(PoisonError::into_inner);
    told.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
}

fn of_url<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let url = Option::<String>::deserialize(from)?;
    Ok(url.and_then(|url| url.strip_prefix("http://")?.parse().ok()))
}
