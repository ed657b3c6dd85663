//! Purposes that are named elsewhere must be there.

use std::collections::BTreeSet;

use toml::Spanned;

use crate::Policy;
use crate::file::{Denied, File};
use crate::nearest::suggest;
use crate::problem::Problem;

pub(super) fn check(file: &File, problems: &mut Vec<Problem>) {
    // Without any, that has been said.
    if file.purposes.is_empty() {
        return;
    }
    let known: BTreeSet<_> = file.purposes.iter().map(|purpose| purpose.word.as_str()).collect();
    // No policy may have more, and a search among all could take long.
    let near: Vec<_> = known.iter().copied().take(Policy::PURPOSES_MAX).collect();
    let denied = file.signals.0.iter().flat_map(|denied| match denied {
        Denied::All => [].as_slice(),
        Denied::These(names) => names.get_ref().as_slice(),
    });
    let read = file.roles.iter().flat_map(|role| &role.reads);
    problems.extend(denied.chain(read).filter_map(|name| unknown(name, &known, &near)));
}

fn unknown(name: &Spanned<String>, known: &BTreeSet<&str>, near: &[&str]) -> Option<Problem> {
    let word = name.get_ref().as_str();
    let problem = || {
        Problem::at(name.span(), format!("unknown purpose `{word}`"))
            .label("no purpose of this policy")
            .help(suggest(word, near))
    };
    (!known.contains(word)).then(problem)
}
