//! What processes of this machine take.

use std::fs::read_to_string;
use std::time::Duration;

/// Seconds of CPU that a process has taken, with all of its threads; none when it is gone.
pub fn cpu_seconds(pid: impl std::fmt::Display) -> Option<f64> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may have spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let millis = (ticks()? + ticks()?) * 1_000 / rustix::param::clock_ticks_per_second();
    Some(Duration::from_millis(millis).as_secs_f64())
}

/// Resident memory of this process, MiB; 0 when the system does not say.
pub fn resident_mib() -> u64 {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1_024
}
