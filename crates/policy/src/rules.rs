//! What no notice may promise: words that are each allowed, and contradict or betray each other.

mod guessing;
mod names;
mod objection;
mod presence;
mod profile;
mod retention;
mod transfer;
mod visitor;

use crate::file::File;
use crate::problem::Problem;

/// Checks the tables of a file beside each other.
pub(crate) fn check(file: &File, problems: &mut Vec<Problem>) {
    presence::check(file, problems);
    visitor::check(file, problems);
    guessing::check(file, problems);
    retention::check(file, problems);
    transfer::check(file, problems);
    names::check(file, problems);
    objection::check(file, problems);
    profile::check(file, problems);
}
