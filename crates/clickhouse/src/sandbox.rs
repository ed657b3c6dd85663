//! Confines the process to its data directory, by the kernel (Landlock).
//!
//! The engine can read files, run programs and open connections in more ways than anyone can list.
//! After this call the process, and every thread it starts, can write only beneath the data
//! directory, can read besides it only a few system files, can execute nothing, and can open or
//! accept no TCP connection but on the socket that is already bound. On a kernel without Landlock
//! the other guards stand alone, and the log says so.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, path_beneath_rules,
};

use crate::error::Error;

/// How far the kernel confines the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// Files, programs and TCP.
    Full,
    /// The kernel is too old for part of it.
    Partial,
    /// The kernel has no Landlock.
    None,
}

/// Confines this thread and all that it will start.
///
/// # Errors
///
/// When the kernel has Landlock but refuses the rules.
pub(crate) fn enter(data: &Path, library: &Path) -> Result<Confinement, Error> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V5)))
        .and_then(Ruleset::create)
        .and_then(|rules| {
            let writable = AccessFs::from_all(ABI::V5) & !AccessFs::Execute;
            rules
                .add_rules(path_beneath_rules([data], writable))?
                .add_rules(path_beneath_rules([library], read))?
                .add_rules(path_beneath_rules(READABLE, read))?
                .restrict_self()
        })
        .map_err(Error::Sandbox)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Confinement::Full,
        RulesetStatus::PartiallyEnforced => Confinement::Partial,
        RulesetStatus::NotEnforced => Confinement::None,
    })
}

/// What the engine reads to size itself and to know the name localhost, and nothing of `/proc/self`, where the environment stands.
const READABLE: [&str; 9] = [
    "/dev/null",
    "/dev/urandom",
    "/etc/hosts",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/usr/share/zoneinfo",
];
