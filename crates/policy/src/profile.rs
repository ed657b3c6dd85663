//! Profiles: bounds that the law of some place, or caution, sets to every policy that names them. A
//! profile is a file of `profiles/`, and nothing in the code knows one by its name.

use std::sync::LazyLock;

use candor_event::{Basis, Field, FieldSet};
use serde::Deserialize;
use toml::value::Datetime;

use crate::{Date, Geography, Hours, Period, ReferrerMode};

/// Bounds to policies, and when they were held against the law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    name: &'static str,
    checked_on: Date,
    unchecked: Vec<String>,
    sources: Vec<String>,
    pub(crate) bounds: Bounds,
    pub(crate) allowances: Vec<Allowance>,
}

/// What a policy's settings may be at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Words of [`AddressMode`](crate::AddressMode).
    pub(crate) address: Vec<String>,
    /// Words of [`VisitorMode`](crate::VisitorMode).
    pub(crate) visitor: Vec<String>,
    pub(crate) rotation: Hours,
    pub(crate) geography: Geography,
    pub(crate) referrer: ReferrerMode,
    pub(crate) high_entropy: bool,
    pub(crate) smallest_cell: u8,
}

/// What purposes may keep on some bases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) bases: Vec<Basis>,
    /// The names that a purpose must have one of; empty: any.
    pub(crate) purposes: Vec<String>,
    pub(crate) fields: FieldSet,
    pub(crate) longest: Option<Period>,
    pub(crate) exemptions: Vec<Exemption>,
    /// What stands under the carets when a purpose goes beyond it.
    pub(crate) limit: String,
}

/// A national exemption from consent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exemption {
    /// What policies call it.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) law: String,
}

/// Each profile with its file. The first is the default.
const FILES: [(&str, &str); 2] = [
    ("nordic", include_str!("../profiles/nordic.toml")),
    ("count-only", include_str!("../profiles/count-only.toml")),
];

/// A file that is damaged yields no profile, so that no policy can name it. A test reads them all.
static PROFILES: LazyLock<Vec<Profile>> =
    LazyLock::new(|| FILES.iter().filter_map(|(name, text)| read(name, text)).collect());

// === impl Profile ===

impl Profile {
    /// The profile of policies that name none.
    pub const DEFAULT: &'static str = FILES[0].0;

    /// The profile of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|profile| profile.name == name)
    }

    /// All profiles.
    pub fn all() -> &'static [Self] {
        &PROFILES
    }

    /// Its name, as policies write it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The day on which it was held against its sources.
    pub const fn checked_on(&self) -> Date {
        self.checked_on
    }

    /// What could not be read at its source on that day.
    pub fn unchecked(&self) -> &[String] {
        &self.unchecked
    }

    /// What it follows.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// The longest that a key may live.
    pub const fn longest_rotation(&self) -> Hours {
        self.bounds.rotation
    }

    /// The law of an exemption that it knows.
    pub fn exemption(&self, name: &str) -> Option<&str> {
        let mut known = self.allowances.iter().flat_map(|allowance| &allowance.exemptions);
        known.find(|exemption| exemption.name == name).map(|exemption| exemption.law.as_str())
    }
}

// === reading ===

/// A file of `profiles/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    checked_on: Datetime,
    unchecked: Vec<String>,
    sources: Vec<String>,
    bounds: WrittenBounds,
    allow: Vec<WrittenAllowance>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBounds {
    address: Vec<String>,
    visitor: Vec<String>,
    rotation: String,
    geography: String,
    referrer: String,
    high_entropy: bool,
    smallest_cell: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAllowance {
    basis: Vec<String>,
    #[serde(default)]
    purposes: Vec<String>,
    /// Absent: every field of the catalogue.
    fields: Option<Vec<String>>,
    retention: Option<String>,
    #[serde(default)]
    exemptions: Vec<Exemption>,
    #[serde(default)]
    limit: String,
}

fn read(name: &'static str, text: &str) -> Option<Profile> {
    let written: Written = toml::from_str(text).ok()?;
    let bounds = written.bounds;
    Some(Profile {
        name,
        checked_on: Date::of(&written.checked_on)?,
        unchecked: written.unchecked,
        sources: written.sources,
        bounds: Bounds {
            address: bounds.address,
            visitor: bounds.visitor,
            rotation: Hours::parse(&bounds.rotation)?,
            geography: Geography::parse(&bounds.geography)?,
            referrer: ReferrerMode::parse(&bounds.referrer)?,
            high_entropy: bounds.high_entropy,
            smallest_cell: bounds.smallest_cell,
        },
        allowances: written.allow.into_iter().map(allowance).collect::<Option<_>>()?,
    })
}

fn allowance(written: WrittenAllowance) -> Option<Allowance> {
    let basis = |word: &String| Basis::ALL.into_iter().find(|basis| basis.label() == word);
    let fields = match written.fields {
        Some(words) => words.iter().map(|word| Field::parse(word)).collect::<Option<_>>()?,
        None => FieldSet::of(&Field::ALL),
    };
    let longest = written.retention.map(|period| Period::parse(&period));
    Some(Allowance {
        bases: written.basis.iter().map(basis).collect::<Option<_>>()?,
        purposes: written.purposes,
        fields,
        longest: longest.transpose().ok()?,
        exemptions: written.exemptions,
        limit: written.limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AddressMode, VisitorMode};

    #[test]
    fn every_profile_can_be_read_and_says_when_it_was_checked() {
        let names: Vec<_> = Profile::all().iter().map(Profile::name).collect();
        assert_eq!(names, FILES.map(|(name, _)| name), "one is damaged");
        assert_eq!(Profile::named(Profile::DEFAULT), Profile::all().first());
        for profile in Profile::all() {
            assert!(profile.checked_on() >= Date::parse("2026-01-01").unwrap());
            assert!(!profile.sources().is_empty() && !profile.allowances.is_empty());
            // What a file does not say is allowed everywhere.
            assert!(profile.bounds.address.iter().any(|word| word == "drop"));
            assert!(profile.bounds.visitor.iter().any(|word| word == "none"));
            assert!(profile.bounds.smallest_cell <= 10);
            let modes = &profile.bounds.address;
            assert!(modes.iter().all(|word| AddressMode::WORDS.contains(&word.as_str())));
            let modes = &profile.bounds.visitor;
            assert!(modes.iter().all(|word| VisitorMode::parse(word).is_some()));
            let limits = profile.allowances.iter();
            let bounded = limits
                .filter(|one| one.longest.is_some() || one.fields != FieldSet::of(&Field::ALL));
            assert!(bounded.clone().all(|one| !one.limit.is_empty()), "{}", profile.name());
        }
    }

    #[test]
    fn exemptions_stand_in_the_profile_that_knows_them() {
        let law = |profile| Profile::named(profile).and_then(|p| p.exemption("page-counting"));
        assert!(law("count-only").is_some() && law("nordic").is_none());
    }
}
