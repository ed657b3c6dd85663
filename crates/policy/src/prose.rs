//! The words of notices, in every language: `languages/*.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Language;
use crate::nearest::listed;

/// What a notice is made of, in one language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prose {
    /// Whether a native speaker has read it.
    pub(crate) reviewed: bool,
    /// Purposes that need no description by the controller.
    pub(crate) purposes: BTreeMap<String, PurposeProse>,
    /// Roles that need none.
    pub(crate) roles: BTreeMap<String, String>,
}

/// A purpose, as visitors read of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurposeProse {
    pub(crate) title: String,
    pub(crate) about: String,
}

/// In the order of [`Language::ALL`].
static PROSE: LazyLock<[Option<Prose>; Language::ALL.len()]> =
    LazyLock::new(|| FILES.map(|file| toml::from_str(file).ok()));

const FILES: [&str; Language::ALL.len()] = [
    include_str!("../languages/en.toml"),
    include_str!("../languages/sv.toml"),
    include_str!("../languages/nb.toml"),
    include_str!("../languages/fi.toml"),
];

/// The words of a language; `None` when its file is damaged, which a test rules out.
pub(crate) fn of(language: Language) -> Option<&'static Prose> {
    PROSE.get(language as usize).and_then(Option::as_ref)
}

/// Whether visitors are told of a purpose of this name without the controller's help.
pub(crate) fn knows_purpose(name: &str) -> bool {
    of(Language::En).is_some_and(|prose| prose.purposes.contains_key(name))
}

/// The purposes that need no description, for messages.
pub(crate) fn known_purposes() -> String {
    known(|prose| prose.purposes.keys().collect())
}

/// Whether visitors are told of a role of this name without the controller's help.
pub(crate) fn knows_role(name: &str) -> bool {
    of(Language::En).is_some_and(|prose| prose.roles.contains_key(name))
}

/// The roles that need no description, for messages.
pub(crate) fn known_roles() -> String {
    known(|prose| prose.roles.keys().collect())
}

/// What a purpose of this name is called, and what it is for, in words that need no controller.
pub(crate) fn purpose(name: &str, language: Language) -> Option<&'static PurposeProse> {
    of(language)?.purposes.get(name)
}

/// What a role of this name is called, in words that need no controller.
pub(crate) fn role(name: &str, language: Language) -> Option<&'static str> {
    of(language)?.roles.get(name).map(String::as_str)
}

fn known(names: impl Fn(&'static Prose) -> Vec<&'static String>) -> String {
    let names = of(Language::En).map(names).unwrap_or_default();
    listed(&names.into_iter().map(String::as_str).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_the_same() {
        let english = of(Language::En).unwrap();
        for (language, file) in Language::ALL.iter().zip(FILES) {
            let prose: Prose = toml::from_str(file).unwrap_or_else(|e| panic!("{language}: {e}"));
            assert_eq!(prose.reviewed, *language == Language::En, "{language}");
            assert!(prose.purposes.keys().eq(english.purposes.keys()), "{language}");
            assert!(prose.roles.keys().eq(english.roles.keys()), "{language}");
        }
    }
}
