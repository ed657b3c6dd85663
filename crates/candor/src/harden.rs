//! What the process denies itself.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// No core dumps, and no reading of our memory by other processes of the same user: a key or an
/// address would be in it. Where the platform refuses, that is said and nothing else changes.
pub(crate) fn process() {
    let no_core = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let not_dumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if no_core.and(not_dumpable).is_err() {
        tracing::warn!("core dumps cannot be turned off here");
    }
}
