//! What other processes of this machine use, as Linux tells it in `/proc` (proc(5)).

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cli::Watched;

/// Processes that are measured.
#[derive(Debug)]
pub(super) struct Processes(Vec<Process>);

#[derive(Debug)]
struct Process {
    watched: Watched,
    began: Duration,
    ended: Duration,
    resident_bytes: u64,
}

/// What one of them used.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Usage {
    /// What it is called here.
    pub(super) name: String,
    /// Processor time for each beacon that was answered, microseconds.
    pub(super) cpu_us_per_beacon: f64,
    /// Processors that were busy with it, on average.
    pub(super) cores: f64,
    /// The most memory that it was seen with.
    pub(super) resident_bytes_max: u64,
}

impl Processes {
    /// These, if they are there.
    pub(super) fn of(watched: &[Watched]) -> Result<Self> {
        let process = |watched: &Watched| {
            let began = cpu(watched)?;
            let watched = watched.clone();
            Ok(Process { watched, began, ended: began, resident_bytes: 0 })
        };
        watched.iter().map(process).collect::<Result<_>>().map(Self)
    }

    /// From now on counts.
    pub(super) fn begin(&mut self) -> Result<()> {
        for process in &mut self.0 {
            process.began = cpu(&process.watched)?;
        }
        self.look()
    }

    /// Looks how much memory they have.
    pub(super) fn look(&mut self) -> Result<()> {
        for process in &mut self.0 {
            process.resident_bytes = process.resident_bytes.max(resident(&process.watched)?);
        }
        Ok(())
    }

    /// Until now counted.
    pub(super) fn end(&mut self) -> Result<()> {
        for process in &mut self.0 {
            process.ended = cpu(&process.watched)?;
        }
        Ok(())
    }

    /// What they used for so many beacons in this time.
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    pub(super) fn usage(&self, beacons: u64, took: Duration) -> Vec<Usage> {
        let usage = |process: &Process| {
            let cpu = process.ended.saturating_sub(process.began).as_secs_f64();
            Usage {
                name: process.watched.name.clone(),
                cpu_us_per_beacon: cpu * 1e6 / beacons.max(1) as f64,
                cores: cpu / took.as_secs_f64(),
                resident_bytes_max: process.resident_bytes,
            }
        };
        self.0.iter().map(usage).collect()
    }
}

fn cpu(watched: &Watched) -> Result<Duration> {
    let stat = read(watched, "stat")?;
    cpu_of(&stat).with_context(|| cannot_read(watched))
}

/// Fields 14 and 15, counted behind the name, in which anything may stand.
fn cpu_of(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_millis(ticks * 1_000 / per_second.max(1)))
}

fn resident(watched: &Watched) -> Result<u64> {
    let statm = read(watched, "statm")?;
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.with_context(|| cannot_read(watched))?;
    Ok(pages * rustix::param::page_size() as u64)
}

fn read(watched: &Watched, file: &str) -> Result<String> {
    let path = format!("/proc/{}/{file}", watched.pid);
    fs::read_to_string(path).with_context(|| cannot_read(watched))
}

fn cannot_read(Watched { name, pid }: &Watched) -> String {
    format!("cannot measure {name}: is there a process {pid}, and is this Linux?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_hides_nothing() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1 1 1";
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(cpu_of(stat), Some(Duration::from_millis(200 * 1_000 / ticks)));
        assert_eq!(cpu_of("7 (a"), None);
    }

    #[test]
    fn we_are_seen() {
        let own = Watched { name: "own".to_owned(), pid: std::process::id() };
        let mut processes = Processes::of(std::slice::from_ref(&own)).unwrap();
        processes.begin().unwrap();
        processes.end().unwrap();
        let usage = processes.usage(1, Duration::from_secs(1));
        assert!(usage[0].resident_bytes_max > 1_000_000, "{usage:?}");
        let nobody = Watched { pid: u32::MAX, ..own };
        let error = Processes::of(&[nobody]).unwrap_err().to_string();
        assert!(error.contains("cannot measure own"), "{error}");
    }
}
