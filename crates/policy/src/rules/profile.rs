//! What a policy's profile does not allow. The bounds are the profile's file; no profile is known here.

use std::collections::HashSet;
use std::fmt::Display;
use std::ops::Range;

use candor_event::Basis;
use toml::Spanned;

use crate::file::{File, PurposeTable, Setting};
use crate::nearest::either;
use crate::problem::Problem;
use crate::profile::Allowance;
use crate::{LegalBasis, Profile};

pub(super) fn check(file: &File, problems: &mut Vec<Problem>) {
    let Some(profile) = &file.head.profile else { return };
    let bounded = Bounded { profile: profile.value, span: profile.span.clone() };
    problems.extend(bounded.modes(file).into_iter().chain(bounded.extents(file)).flatten());
    let mut told: HashSet<_> = problems.iter().map(Problem::place).collect();
    for purpose in &file.purposes {
        let mut beyond = bounded.check_purpose(purpose);
        beyond.extend(bounded.check_words(purpose));
        // What another rule has refused is not told a second time.
        beyond.retain(|found| !told.contains(&found.place()));
        told.extend(beyond.iter().map(Problem::place));
        problems.append(&mut beyond);
    }
}

/// A profile, and where the policy names it.
struct Bounded {
    profile: &'static Profile,
    span: Option<Range<usize>>,
}

/// A setting beside its bound.
struct Said {
    /// As the file has it: `mode = "drop"`.
    setting: String,
    span: Option<Range<usize>>,
    fits: bool,
    /// What would fit.
    right: String,
}

// === impl Bounded: settings ===

impl Bounded {
    /// Settings of which the profile lists what it allows.
    fn modes(&self, file: &File) -> [Option<Problem>; 2] {
        let address = file.address.as_ref().map(|mode| (mode.value.label(), &mode.span));
        let visitor = file.visitor.as_ref().map(|mode| (mode.value.label(), &mode.span));
        let bounds = &self.profile.bounds;
        [(address, &bounds.address), (visitor, &bounds.visitor)].map(|(said, allowed)| {
            let (value, span) = said?;
            let words: Vec<_> = allowed.iter().map(|word| format!("mode = \"{word}\"")).collect();
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            self.refuse(Said {
                setting: format!("mode = \"{value}\""),
                span: span.clone(),
                fits: allowed.iter().any(|word| word == value),
                right: either(&words),
            })
        })
    }

    /// Settings that may go so far and no further.
    fn extents(&self, file: &File) -> Vec<Option<Problem>> {
        let bounds = &self.profile.bounds;
        let mut found = Vec::new();
        let mut check =
            |key, said: &dyn Display, span: &Option<Range<usize>>, fits, bound: &dyn Display| {
                let (setting, span) = (format!("{key} = {said}"), span.clone());
                let right = format!("`{key} = {bound}`");
                found.push(self.refuse(Said { setting, span, fits, right }));
            };
        if let Some(Setting { value, span }) = &file.geography {
            let fits = *value <= bounds.geography;
            check("geography", &quoted(value), span, fits, &quoted(bounds.geography));
        }
        if let Some(Setting { value, span }) = &file.referrer {
            check(
                "keep",
                &quoted(value),
                span,
                *value <= bounds.referrer,
                &quoted(bounds.referrer),
            );
        }
        if let Some(Setting { value, span }) = &file.high_entropy {
            check("high_entropy", value, span, bounds.high_entropy || !value, &false);
        }
        if let Some(Setting { value, span }) = &file.smallest_cell {
            let fits = *value >= bounds.smallest_cell;
            check("smallest_cell", value, span, fits, &bounds.smallest_cell);
        }
        for said in &file.rotations {
            let (value, span) = (said.get_ref(), Some(said.span()));
            let fits = *value <= bounds.rotation;
            check("rotation", &quoted(value), &span, fits, &quoted(bounds.rotation));
        }
        found
    }

    /// Defaults fit every profile, so only what the file says can be refused.
    fn refuse(&self, said: Said) -> Option<Problem> {
        let span = said.span.filter(|_| !said.fits)?;
        let title = format!("{} does not allow `{}`", self.named(), said.setting);
        let problem = Problem::at(span, title)
            .label("is more than it allows")
            .help(format!("write {}, or choose another profile in [policy]", said.right));
        Some(self.pointing(problem))
    }

    fn named(&self) -> String {
        let default = if self.span.is_none() { " (the default)" } else { "" };
        format!("the profile `{}`{default}", self.profile.name())
    }

    fn pointing(&self, problem: Problem) -> Problem {
        problem.related(self.span.clone(), "this profile")
    }
}

// === impl Bounded: purposes ===

impl Bounded {
    /// A purpose keeps to one of the allowances. When it keeps to none, what is told is how it goes
    /// beyond the one that is about it by name, or that it comes nearest to.
    fn check_purpose(&self, purpose: &PurposeTable) -> Vec<Problem> {
        let Some(basis) = &purpose.basis else { return Vec::new() };
        let about = self.profile.allowances.iter();
        let about =
            about.filter(|allowance| allowance.is_about(&purpose.word, basis.get_ref().basis()));
        let beyond = about.map(|one| (one.purposes.is_empty(), self.beyond(purpose, basis, one)));
        let nearest = beyond.min_by_key(|(of_any, beyond)| match beyond.len() {
            0 => (false, 0),
            count => (*of_any, count),
        });
        nearest.map_or_else(|| vec![self.no_allowance(purpose, basis)], |(_, beyond)| beyond)
    }

    /// What a purpose may keep for its name alone is kept for what every notice says of the name.
    fn check_words(&self, purpose: &PurposeTable) -> Vec<Problem> {
        let Some(basis) = &purpose.basis else { return Vec::new() };
        let about =
            |allowance: &&Allowance| allowance.is_about(&purpose.word, basis.get_ref().basis());
        let about: Vec<_> = self.profile.allowances.iter().filter(about).collect();
        let fits_any = |one: &&Allowance| {
            one.purposes.is_empty() && self.beyond(purpose, basis, one).is_empty()
        };
        if about.iter().all(|one| one.purposes.is_empty()) || about.iter().any(fits_any) {
            return Vec::new();
        }
        let word = &purpose.word;
        let refused = purpose.retold.iter().map(|span| {
            let title = format!("`{word}` may keep this for its name alone, and has another");
            let problem = Problem::at(span.clone(), title)
                .label(format!("replaces what every notice says of `{word}`"))
                .related(Some(basis.span()), "not on consent")
                .help(format!(
                    "take it away, write `basis = \"consent\"`, or keep for `{word}` only what any \
                     purpose may keep"
                ));
            self.pointing(problem)
        });
        refused.collect()
    }

    fn no_allowance(&self, purpose: &PurposeTable, basis: &Spanned<LegalBasis>) -> Problem {
        let word = basis.get_ref().basis().label();
        let others = self.profile.allowances.iter();
        let others = others.filter(|allowance| allowance.has_purpose(&purpose.word));
        let mut words: Vec<_> =
            others.flat_map(|allowance| &allowance.bases).map(|basis| basis.label()).collect();
        words.sort_unstable();
        words.dedup();
        let title = format!("{} does not let `{}` rest on `{word}`", self.named(), purpose.word);
        let problem = Problem::at(basis.span(), title)
            .label("is no basis there")
            .help(format!("write {}, or choose another profile in [policy]", either(&words)));
        self.pointing(problem)
    }

    fn beyond(
        &self,
        purpose: &PurposeTable,
        basis: &Spanned<LegalBasis>,
        allowance: &Allowance,
    ) -> Vec<Problem> {
        let mut found = Vec::new();
        for field in purpose.fields.iter().filter(|f| !allowance.fields.contains(*f.get_ref())) {
            let label = field.get_ref().label();
            let title = format!("{} does not let `{}` keep `{label}`", self.named(), purpose.word);
            let help = match self.wider(purpose, allowance) {
                Some(word) => {
                    format!("take `{label}` out of the list, or write `basis = \"{word}\"`")
                }
                None => format!("take `{label}` out of the list, or choose another profile"),
            };
            let problem = Problem::at(field.span(), title).label(&allowance.limit);
            let word = basis.get_ref().basis().label();
            let problem = problem.related(Some(basis.span()), &format!("rests on `{word}`"));
            found.push(self.pointing(problem.help(help)));
        }
        found.extend(self.too_long(purpose, allowance));
        found.extend(self.no_exemption(basis, allowance));
        found
    }

    /// The basis of an allowance that has every field of the purpose.
    fn wider(&self, purpose: &PurposeTable, allowance: &Allowance) -> Option<&'static str> {
        let mut others = self.profile.allowances.iter();
        let wider = others.find(|other| {
            !std::ptr::eq(*other, allowance)
                && other.has_purpose(&purpose.word)
                && purpose.fields.iter().all(|field| other.fields.contains(*field.get_ref()))
        });
        wider.and_then(|other| other.bases.first()).map(|basis| basis.label())
    }

    fn too_long(&self, purpose: &PurposeTable, allowance: &Allowance) -> Vec<Problem> {
        let Some(longest) = allowance.longest else { return Vec::new() };
        let whole = purpose.retention.iter().map(|said| (said.get_ref().longest(), said.span()));
        let categories = purpose.categories.iter();
        let categories = categories.map(|(_, said)| (*said.get_ref(), said.span()));
        let beyond = whole.chain(categories).filter(|(period, _)| !period.is_within(longest));
        let problem = |(period, span): (_, Range<usize>)| {
            let title = format!(
                "{} does not let `{}` keep anything for {period}",
                self.named(),
                purpose.word
            );
            let problem = Problem::at(span, title).label(&allowance.limit);
            self.pointing(
                problem.help(format!("write at most `{longest}`, or base it on `consent`")),
            )
        };
        beyond.map(problem).collect()
    }

    fn no_exemption(&self, basis: &Spanned<LegalBasis>, allowance: &Allowance) -> Option<Problem> {
        let LegalBasis::Exemption(name) = basis.get_ref() else { return None };
        let known: Vec<_> = allowance.exemptions.iter().map(|one| one.name.as_str()).collect();
        if known.contains(&name.as_str()) {
            return None;
        }
        let title = format!("{} knows no exemption `{name}`", self.named());
        let problem = Problem::at(basis.span(), title)
            .label("rests on an exemption")
            .help(format!("write one that it knows: {}", either(&known)));
        Some(self.pointing(problem))
    }
}

// === impl Allowance ===

impl Allowance {
    fn is_about(&self, purpose: &str, basis: Basis) -> bool {
        self.has_purpose(purpose) && self.bases.contains(&basis)
    }

    fn has_purpose(&self, purpose: &str) -> bool {
        self.purposes.is_empty() || self.purposes.iter().any(|name| name == purpose)
    }
}

fn quoted(word: impl Display) -> String {
    format!("\"{word}\"")
}
