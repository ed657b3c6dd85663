//! A program of ours as a child process: its log, its life.

use std::cell::Cell;
use std::fs::{DirEntry, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};

use crate::eventually;
use crate::http::Client;

/// A child that said that it is up.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The line of its log that said so.
    up: serde_json::Value,
    /// Whether it was asked to stop: a second signal would end it at once.
    stopping: Cell<bool>,
}

/// A program of the workspace, built beside this test.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let dir = test.parent().and_then(Path::parent).unwrap();
    let program = dir.join(name);
    assert!(program.is_file(), "{} is missing: `make test` builds it first", program.display());
    program
}

impl Process {
    /// Starts a program that logs to this file from now on, and waits for the first line with this in it:
    /// it says that the program is up.
    pub fn start(mut command: Command, log: &Path, sign: &str) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        let before = usize::try_from(file.metadata().unwrap().len()).unwrap();
        let child = command.stderr(file).spawn().unwrap();
        let mut process = Self { child, up: serde_json::Value::Null, stopping: Cell::new(false) };
        process.up = eventually("it is up", || {
            let ended = process.ended();
            let text = std::fs::read(log).unwrap();
            let text = String::from_utf8_lossy(&text[before..]).into_owned();
            assert!(ended.is_none(), "it ended: {text}");
            let line = text.lines().find(|line| line.contains(sign))?;
            serde_json::from_str(line).ok()
        });
        process
    }

    /// A client of the listener that it told of under this name.
    pub fn client(&self, listener: &str) -> Client {
        let address = self.up[listener].as_str().expect("it has this listener");
        let address = address.trim_start_matches("http://");
        Client::new(&format!("http://{address}"))
    }

    /// Its number.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The processes that it started.
    pub fn children(&self) -> Vec<Pid> {
        children(self.pid())
    }

    /// Asks it to stop, as a service manager does.
    pub fn ask_to_stop(&self) {
        if !self.stopping.replace(true) {
            kill_process(self.pid(), Signal::TERM).unwrap();
        }
    }

    /// Asks it to stop, and waits until it and what it started are gone.
    pub fn stop(mut self) -> ExitStatus {
        self.ask_to_stop();
        let children = self.children();
        let status = self.child.wait().unwrap();
        wait_until_gone(&children);
        status
    }

    /// Kills it and what it started at once, without a warning.
    pub fn kill(mut self) {
        let children = self.children();
        for victim in children.iter().copied().chain([self.pid()]) {
            // It may have died with the one before.
            kill_process(victim, Signal::KILL).ok();
        }
        self.child.wait().unwrap();
        wait_until_gone(&children);
    }

    /// Kills it alone, and lets what it started notice when it does.
    pub fn orphan(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it run no further, as if the machine had forgotten it.
    pub fn suspend(&self) {
        suspend(self.pid());
    }

    /// Lets it go on.
    pub fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// How it ended, when it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until processes are gone.
pub(crate) fn wait_until_gone(pids: &[Pid]) {
    eventually("what it started is gone too", || {
        pids.iter().all(|pid| is_gone(*pid)).then_some(())
    });
}

/// Stops a process, and waits until each of its threads stands still: a signal is with one of them first, and
/// the others go on until that one had its turn.
pub(crate) fn suspend(pid: Pid) {
    kill_process(pid, Signal::STOP).unwrap();
    eventually("every thread of it stands still", || {
        // A thread that is gone does nothing either.
        let stands = |thread: DirEntry| state(&thread.path()).is_none_or(|state| state == 'T');
        threads(pid).all(stands).then_some(())
    });
}

/// Every thread has children of its own.
fn children(pid: Pid) -> Vec<Pid> {
    let of = |thread: DirEntry| std::fs::read_to_string(thread.path().join("children"));
    let all: String = threads(pid).filter_map(|thread| of(thread).ok()).collect();
    all.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// Gone, or dead and not yet reaped by whoever inherited it.
pub(crate) fn is_gone(pid: Pid) -> bool {
    state(&directory(pid)).is_none_or(|state| state == 'Z')
}

/// What a process or a thread does, as proc(5) has it behind its name; none when it is gone.
fn state(directory: &Path) -> Option<char> {
    let stat = std::fs::read_to_string(directory.join("stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ").expect("a name in brackets");
    rest.chars().next()
}

fn threads(pid: Pid) -> impl Iterator<Item = DirEntry> {
    std::fs::read_dir(directory(pid).join("task")).unwrap().flatten()
}

fn directory(pid: Pid) -> PathBuf {
    format!("/proc/{}", pid.as_raw_nonzero()).into()
}
