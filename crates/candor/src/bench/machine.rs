//! What it was measured on, without anything that names the machine or whose it is.

use std::fs;
use std::path::Path;

use rustix::fs::statfs;
use serde::Serialize;

use super::goals::{figure, megabytes};

/// A machine, as far as figures depend on it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// The model of the processor, as the system tells it.
    pub(crate) processor: String,
    /// Cores that this process may use.
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    /// The version of Linux.
    pub(crate) kernel: String,
    /// The kind of file system that the log and the tables lie on.
    pub(crate) file_system: &'static str,
}

/// What is on it is gone with the machine: nothing there is durable.
pub(crate) const IN_MEMORY: &str = "tmpfs";
const UNKNOWN: &str = "not told";

impl Machine {
    /// This one.
    pub(crate) fn here(cores: usize, dir: &Path) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kernel = rustix::system::uname();
        Self {
            processor: field(&cpuinfo, "model name").unwrap_or(UNKNOWN).to_owned(),
            cores,
            memory_bytes: kilobytes(&meminfo, "MemTotal") * 1_024,
            kernel: version(&kernel.release().to_string_lossy()),
            file_system: file_system(dir),
        }
    }
}

impl Machine {
    /// Its memory, rounded, as people say it: GB.
    pub(crate) fn gigabytes(&self) -> String {
        figure((megabytes(self.memory_bytes) / 1e3).round())
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim())
}

fn kilobytes(text: &str, name: &str) -> u64 {
    let value = field(text, name).and_then(|value| value.strip_suffix(" kB"));
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// The numbers alone: whoever builds a kernel may have put a name behind them.
fn version(release: &str) -> String {
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
    release.get(..end).unwrap_or_default().to_owned()
}

/// Its name by the number that statfs(2) tells (magic.h of Linux).
fn file_system(dir: &Path) -> &'static str {
    match statfs(dir).map(|about| about.f_type & 0xffff_ffff) {
        Ok(0xef53) => "ext4",
        Ok(0x5846_5342) => "xfs",
        Ok(0x9123_683e) => "btrfs",
        Ok(0x2fc1_2fc1) => "zfs",
        Ok(0x794c_7630) => "overlayfs",
        Ok(0x0102_1994) => IN_MEMORY,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_told_without_what_its_builder_called_it() {
        assert_eq!(version("6.1.0-18-amd64"), "6.1.0");
        assert_eq!(version("6.8-maria-laptop"), "6.8");
    }

    #[test]
    fn a_machine_is_told() {
        let here = Machine::here(2, Path::new("/"));
        assert!(here.memory_bytes > 1_000_000 && here.kernel.contains('.'), "{here:?}");
        assert_eq!(kilobytes("MemTotal:       16 kB\n", "MemTotal"), 16);
        assert_eq!(field("model name\t: EPYC\n", "model name"), Some("EPYC"));
    }
}
