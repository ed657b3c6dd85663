//! The languages in which a notice can be read, and texts that the controller gives in several.

use crate::prose;
use crate::words::words;

words! {
    /// A language of notices.
    pub enum Language {
        /// English.
        En = "en",
        /// Swedish.
        Sv = "sv",
        /// Norwegian (bokmål).
        Nb = "nb",
        /// Finnish.
        Fi = "fi",
    }
}

impl Language {
    /// What it calls itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Fi => "suomi",
            Self::Nb => "norsk bokmål",
            Self::Sv => "svenska",
        }
    }

    /// Whether a native speaker has read what notices say in it.
    pub fn is_reviewed(self) -> bool {
        prose::of(self).is_some_and(|prose| prose.reviewed)
    }
}

/// A text of the controller's own, in every language of the notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts(Vec<(Language, String)>);

// === impl Texts ===

impl Texts {
    /// Texts by language, in any order.
    pub(crate) fn new(mut texts: Vec<(Language, String)>) -> Self {
        texts.sort();
        Self(texts)
    }

    /// The text in this language; none in a language that the notice does not have.
    pub fn in_language(&self, language: Language) -> Option<&str> {
        self.iter().find_map(|(has, text)| (has == language).then_some(text))
    }

    /// The text in this language, else in the first that there is.
    pub(crate) fn nearest(&self, language: Language) -> Option<&str> {
        self.in_language(language).or_else(|| self.iter().next().map(|(_, text)| text))
    }

    /// All of them, in the order of the languages.
    pub fn iter(&self) -> impl Iterator<Item = (Language, &str)> {
        self.0.iter().map(|(language, text)| (*language, text.as_str()))
    }
}
