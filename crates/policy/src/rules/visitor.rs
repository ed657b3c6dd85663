//! A consented id belongs to purposes on consent.

use candor_event::Field;

use crate::file::{File, PurposeTable, Setting};
use crate::problem::Problem;
use crate::{LegalBasis, VisitorMode};

pub(super) fn check(file: &File, problems: &mut Vec<Problem>) {
    let Some(mode) = &file.visitor else { return };
    if mode.value == VisitorMode::Consented {
        let purposes = file.purposes.iter();
        problems.extend(purposes.filter_map(|purpose| without_consent(purpose, mode)));
    }
}

fn without_consent(purpose: &PurposeTable, mode: &Setting<VisitorMode>) -> Option<Problem> {
    let span = purpose.span_of(Field::Visitor)?;
    let basis = purpose.basis.as_ref()?;
    if *basis.get_ref() == LegalBasis::Consent {
        return None;
    }
    let title = format!("`{}` keeps a consented id without consent", purpose.word);
    Some(
        Problem::at(span, title)
            .label("only purposes on consent may keep it")
            .related(Some(basis.span()), "not `consent`")
            .related(mode.span.clone(), "the id rests on consent")
            .help("take `visitor` out of the list, or base the purpose on `consent`"),
    )
}
