//! What the process denies itself, and what it takes.

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask,
};

/// No core dumps, no reading of our memory by other processes of the same user (a key or an address
/// would be in it), and no file that others may read. `false` when the platform refuses.
pub(crate) fn process() -> bool {
    umask(Mode::RWXG | Mode::RWXO);
    let no_core = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let not_dumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    no_core.and(not_dumpable).is_ok()
}

/// Files that are kept for everything but connections: the journal, the engine's pipes, the clients.
const RESERVED_FILES: u64 = 128;

/// Takes as many open files as the system gives, and says how many connections they are enough for.
pub(crate) fn connections() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Without the right to raise it, what is there must be enough.
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).ok();
    let files = getrlimit(Resource::Nofile).current.or(current).unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(RESERVED_FILES).max(1)).unwrap_or(usize::MAX)
}
