//! Data stays in its region, or leaves it under a safeguard that is named.

use toml::Spanned;

use crate::file::{File, Setting};
use crate::nearest::either;
use crate::problem::Problem;
use crate::{Processor, Region, Safeguard};

pub(super) fn check(file: &File, problems: &mut Vec<Problem>) {
    let Some(region) = &file.data.region else { return };
    for processor in &file.data.processors {
        problems.extend(outside(processor, region).or_else(|| inadequate(processor)));
        problems.extend(inside(processor, region));
    }
}

fn outside(processor: &Spanned<Processor>, region: &Setting<Region>) -> Option<Problem> {
    let Processor { name, country, safeguard, .. } = processor.get_ref();
    if region.value.contains(*country) || safeguard.is_some() {
        return None;
    }
    let title = format!("`{name}` takes data out of the region `{}`", region.value);
    let help = if country.is_in_eea() {
        "choose a processor within the region, or promise less: `region = \"EEA\"`".to_owned()
    } else {
        let words: Vec<_> = Safeguard::ALL.iter().map(|word| word.label()).collect();
        format!("choose a processor within it, or name the `safeguard`: {}", either(&words))
    };
    Some(
        Problem::at(processor.span(), title)
            .label("lies outside, without a `safeguard`")
            .related(region.span.clone(), "promises that data stays here")
            .help(help),
    )
}

fn inside(processor: &Spanned<Processor>, region: &Setting<Region>) -> Option<Problem> {
    let Processor { name, country, safeguard, .. } = processor.get_ref();
    if !region.value.contains(*country) || safeguard.is_none() {
        return None;
    }
    Some(
        Problem::at(processor.span(), format!("`{name}` has a safeguard against nothing"))
            .label(format!("lies within the region `{}`", region.value))
            .help("take `safeguard` away"),
    )
}

fn inadequate(processor: &Spanned<Processor>) -> Option<Problem> {
    let Processor { country, safeguard, .. } = processor.get_ref();
    if *safeguard != Some(Safeguard::AdequacyDecision) || country.is_adequate() {
        return None;
    }
    Some(
        Problem::at(processor.span(), format!("there is no adequacy decision for `{country}`"))
            .label("the European Commission has decided nothing of it")
            .help(format!(
                "name another safeguard: `{}` or `{}`",
                Safeguard::StandardContractualClauses,
                Safeguard::BindingCorporateRules
            )),
    )
}
