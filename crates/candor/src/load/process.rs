//! What other processes of this machine use, as Linux tells it in `/proc` (proc(5)).

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cli::Watched;

/// Processes that are measured.
#[derive(Debug)]
pub(crate) struct Processes(Vec<Process>);

#[derive(Debug)]
struct Process {
    watched: Watched,
    began: Duration,
    seen: Duration,
    resident_bytes: u64,
    is_gone: bool,
}

/// What one of them had and used since it was last looked at.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Moment {
    /// Processor time, seconds.
    pub(crate) cpu_s: f64,
    pub(crate) resident_bytes: u64,
}

/// What one of them used.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Usage {
    /// What it is called here.
    pub(crate) name: String,
    /// Processor time for each beacon that was answered, microseconds; none when none was.
    pub(crate) cpu_us_per_beacon: Option<f64>,
    /// Processors that were busy with it, on average.
    pub(crate) cores: f64,
    /// The most memory that it was seen with.
    pub(crate) resident_bytes_max: u64,
    /// Whether it ended meanwhile: figures are of the time before.
    pub(crate) is_gone: bool,
}

/// How much memory one of them has now.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Memory {
    pub(crate) resident_bytes: u64,
    /// The same with what it shares with others divided among them; the system tells it to few.
    pub(crate) proportional_bytes: Option<u64>,
}

/// Looks how much memory it has.
pub(crate) fn memory(watched: &Watched) -> Result<Memory> {
    let rollup = read(watched, "smaps_rollup").ok();
    let proportional_bytes = rollup.and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
    });
    Ok(Memory { resident_bytes: resident(watched)?, proportional_bytes })
}

impl Processes {
    /// These, if they are there.
    pub(crate) fn of(watched: &[Watched]) -> Result<Self> {
        let process = |watched: &Watched| {
            let began = cpu(watched)?;
            let watched = watched.clone();
            Ok(Process { watched, began, seen: began, resident_bytes: 0, is_gone: false })
        };
        watched.iter().map(process).collect::<Result<_>>().map(Self)
    }

    /// From now on counts.
    pub(crate) fn begin(&mut self) -> Result<()> {
        for process in &mut self.0 {
            process.began = cpu(&process.watched)?;
            process.seen = process.began;
        }
        self.look();
        Ok(())
    }

    /// Looks at them; until now counts.
    pub(crate) fn look(&mut self) -> Vec<Moment> {
        let look = |process: &mut Process| {
            let (Ok(now), Ok(resident_bytes)) = (cpu(&process.watched), resident(&process.watched))
            else {
                process.is_gone = true;
                return Moment::default();
            };
            let cpu_s = now.saturating_sub(process.seen).as_secs_f64();
            process.seen = now;
            process.resident_bytes = process.resident_bytes.max(resident_bytes);
            Moment { cpu_s, resident_bytes }
        };
        self.0.iter_mut().map(look).collect()
    }

    /// What they used for so many beacons in this time.
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    pub(crate) fn usage(&self, beacons: u64, took: Duration) -> Vec<Usage> {
        let usage = |process: &Process| {
            let cpu = process.seen.saturating_sub(process.began).as_secs_f64();
            Usage {
                name: process.watched.name.clone(),
                cpu_us_per_beacon: (beacons > 0).then(|| cpu * 1e6 / beacons as f64),
                cores: cpu / took.as_secs_f64(),
                resident_bytes_max: process.resident_bytes,
                is_gone: process.is_gone,
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
        processes.look();
        let usage = processes.usage(1, Duration::from_secs(1));
        assert!(usage[0].resident_bytes_max > 1_000_000 && !usage[0].is_gone, "{usage:?}");
        assert_eq!(processes.usage(0, Duration::from_secs(1))[0].cpu_us_per_beacon, None);
        processes.0[0].watched.pid = u32::MAX;
        assert_eq!(processes.look()[0].resident_bytes, 0);
        assert!(processes.usage(1, Duration::from_secs(1))[0].is_gone, "it ended meanwhile");
        let nobody = Watched { pid: u32::MAX, ..own };
        let error = Processes::of(&[nobody]).unwrap_err().to_string();
        assert!(error.contains("cannot measure own"), "{error}");
    }
}
