//! What the process denies itself, and what it takes.

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior,
    setrlimit, umask,
};

/// What the platform refused, in words for the operator.
pub(crate) type Refused = Vec<&'static str>;

/// No core dumps, no reading of our memory by other processes of the same user (a key or an address
/// would be in it), and no file that others may read. Whether it is so is asked, not believed.
pub(crate) fn process() -> Refused {
    umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // What is refused shows below.
    setrlimit(Resource::Core, none).ok();
    set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
    let mut refused = Refused::new();
    if getrlimit(Resource::Core) != none {
        refused.push("core dumps cannot be turned off: keys may end up in one");
    }
    if dumpable_behavior().ok() != Some(DumpableBehavior::NotDumpable) {
        refused.push("other processes of this user can read the memory, where keys are");
    }
    refused
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
