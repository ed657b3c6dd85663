//! What processes of this machine take.

use std::fs::read_to_string;

/// Clock ticks of a second, as `/proc` counts them on every Linux that this runs on.
const TICKS: f64 = 100.0;

/// Seconds of CPU that a process has taken, with all of its threads; none when it is gone.
pub fn cpu_seconds(pid: impl std::fmt::Display) -> Option<f64> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may have spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}
