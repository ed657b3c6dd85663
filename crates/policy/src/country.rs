//! Countries, and the region within which data may lie. The facts stand in `data/countries.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Language;

/// A country, by its code (ISO 3166-1 alpha-2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Country(&'static str);

/// Where data may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// One country.
    Country(Country),
    /// The European Economic Area: the EU, Iceland, Liechtenstein and Norway.
    Eea,
    /// The European Union.
    Eu,
}

/// Who watches over data in a country.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    name: String,
    page: String,
}

/// What is known of countries.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Countries {
    #[serde(rename = "checked_on")]
    _checked_on: Option<toml::value::Datetime>,
    #[serde(rename = "unchecked")]
    _unchecked: Vec<String>,
    eu: BTreeSet<String>,
    eea_besides_eu: BTreeSet<String>,
    adequate: BTreeSet<String>,
    authorities: BTreeMap<String, Authority>,
    /// In the order of [`Language::ALL`].
    names: BTreeMap<String, [String; Language::ALL.len()]>,
}

/// Were the file damaged, no country would be known, and none could be written. A test reads it.
static COUNTRIES: LazyLock<Countries> =
    LazyLock::new(|| toml::from_str(include_str!("../data/countries.toml")).unwrap_or_default());

// === impl Country ===

impl Country {
    /// The country of this code, in capitals.
    pub fn parse(code: &str) -> Option<Self> {
        COUNTRIES.names.get_key_value(code).map(|(code, _)| Self(code))
    }

    /// Its code.
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// What it is called.
    pub fn name(self, language: Language) -> &'static str {
        let names = COUNTRIES.names.get(self.0);
        names.and_then(|names| names.get(language as usize)).map_or(self.0, String::as_str)
    }

    /// Whether it belongs to the EU.
    pub fn is_in_eu(self) -> bool {
        COUNTRIES.eu.contains(self.0)
    }

    /// Whether it belongs to the European Economic Area.
    pub fn is_in_eea(self) -> bool {
        self.is_in_eu() || COUNTRIES.eea_besides_eu.contains(self.0)
    }

    /// Whether the European Commission has decided that data is safe there.
    pub fn is_adequate(self) -> bool {
        COUNTRIES.adequate.contains(self.0)
    }

    /// Who watches over data there, where it is known.
    pub fn authority(self) -> Option<&'static Authority> {
        COUNTRIES.authorities.get(self.0)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({})", self.0)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

// === impl Authority ===

impl Authority {
    /// Its name, in the languages of its country.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its page.
    pub fn page(&self) -> &str {
        &self.page
    }
}

// === impl Region ===

impl Region {
    /// The region of this word: `EEA`, `EU`, or a country's code.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "EEA" => Some(Self::Eea),
            "EU" => Some(Self::Eu),
            code => Country::parse(code).map(Self::Country),
        }
    }

    /// The word for it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Country(country) => country.code(),
            Self::Eea => "EEA",
            Self::Eu => "EU",
        }
    }

    /// Whether a country lies in it.
    pub fn contains(self, country: Country) -> bool {
        match self {
            Self::Country(only) => only == country,
            Self::Eea => country.is_in_eea(),
            Self::Eu => country.is_in_eu(),
        }
    }

    /// Whether all of it lies in the other.
    pub fn is_within(self, other: Self) -> bool {
        match (self, other) {
            (Self::Country(country), _) => other.contains(country),
            (Self::Eu, Self::Eu | Self::Eea) | (Self::Eea, Self::Eea) => true,
            (Self::Eu | Self::Eea, _) => false,
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap_or_else(|| panic!("{code}"))
    }

    #[test]
    fn the_file_of_countries_is_whole() {
        let read = toml::from_str::<Countries>(include_str!("../data/countries.toml")).unwrap();
        assert_eq!((read.names.len(), read.eu.len()), (249, 27));
        let lists = [&read.eu, &read.eea_besides_eu, &read.adequate];
        let mut named = lists.into_iter().flatten().chain(read.authorities.keys());
        assert!(named.all(|code| read.names.contains_key(code)));
        assert!(read.adequate.iter().all(|code| !country(code).is_in_eea()));
    }

    #[test]
    fn countries_have_names_and_places() {
        let [finland, norway, japan] = ["FI", "NO", "JP"].map(country);
        assert_eq!(finland.name(Language::Fi), "Suomi");
        assert_eq!(norway.name(Language::Sv), "Norge");
        assert!(finland.is_in_eu() && norway.is_in_eea() && !norway.is_in_eu());
        assert!(japan.is_adequate() && !japan.is_in_eea());
        assert!(norway.authority().is_some() && japan.authority().is_none());
        assert!(["fi", "XX", "EEA", ""].iter().all(|code| Country::parse(code).is_none()));
    }

    #[test]
    fn regions_lie_in_each_other() {
        let regions = ["FI", "NO", "US", "EU", "EEA"].map(|word| Region::parse(word).unwrap());
        let within = regions.map(|a| regions.map(|b| usize::from(a.is_within(b))));
        let want =
            [[1, 0, 0, 1, 1], [0, 1, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 0, 1]];
        assert_eq!(within, want);
        assert!(regions.iter().all(|region| Region::parse(region.label()) == Some(*region)));
    }
}
