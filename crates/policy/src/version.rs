//! The version of a policy: a hash of what it means, which travels with every row and names the text
//! that its visitor was promised. Two files that mean the same have the same version, and so has the
//! canonical form of either.

use candor_event::PolicyVersion;

use crate::Policy;
use crate::form::Form;

/// Hashes the canonical form, which is everything but the name of the file.
pub(crate) fn of(policy: &Policy) -> PolicyVersion {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    // A hasher takes all that it is given, and the form has no map that could fail to have a key.
    let written = serde_json::to_writer(&mut hasher, &Form::of(policy));
    debug_assert!(written.is_ok(), "the form of a policy is JSON");
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    PolicyVersion::from_bytes(bytes)
}

/// Changes with the canonical form, so that forms cannot be mistaken for each other.
const CONTEXT: &str = "candor policy version, form 3";
