//! Visitors may object to what rests on a legitimate interest (GDPR, article 21), so the objection must
//! deny it.

use std::collections::BTreeSet;

use candor_event::{Basis, Signal};

use crate::file::{Denied, File};
use crate::problem::Problem;

pub(super) fn check(file: &File, problems: &mut Vec<Problem>) {
    let mut said = Signal::ALL.into_iter().zip(&file.signals.0);
    let objection = said.find(|(signal, _)| *signal == Signal::Objection);
    let Some((_, Denied::These(names))) = objection else { return };
    let denied: BTreeSet<_> = names.get_ref().iter().map(|name| name.get_ref().as_str()).collect();
    for purpose in &file.purposes {
        let Some(basis) = &purpose.basis else { continue };
        let is_denied = denied.contains(purpose.word.as_str());
        if basis.get_ref().basis() == Basis::LegitimateInterest && !is_denied {
            let title = format!("visitors could not object to `{}`", purpose.word);
            let problem = Problem::at(names.span(), title)
                .label(format!("does not name `{}`", purpose.word))
                .related(Some(basis.span()), "rests on a legitimate interest")
                .help(
                    "GDPR, article 21, lets visitors object: write `objection = \"all\"`, or add \
                     the purpose to the list",
                );
            problems.push(problem);
        }
    }
}
