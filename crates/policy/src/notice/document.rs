//! A text with headings, before it is written in any form.

use serde::Serialize;

use crate::Language;

/// A whole text.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) language: Language,
    pub(crate) title: String,
    pub(crate) description: String,
    /// What the list of contents is called.
    pub(crate) contents: String,
    /// The same text in other languages.
    pub(crate) languages: Vec<Link>,
    /// That it is no longer in force, and what is.
    pub(crate) replaced: Option<(String, Link)>,
    /// What is said of the text itself, when it has not been reviewed.
    pub(crate) caution: Option<String>,
    pub(crate) sections: Vec<Section>,
    /// The last line.
    pub(crate) closing: String,
}

/// A part of a text under a heading.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Section {
    /// Its name in links: the same in every language.
    pub(crate) id: String,
    pub(crate) heading: String,
    pub(crate) blocks: Vec<Block>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sections: Vec<Self>,
}

/// What a section is made of.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Block {
    Facts(Vec<Fact>),
    Links(Vec<Link>),
    List(Vec<String>),
    Paragraph(String),
    Table(Table),
    /// Something that must not be overlooked.
    Warning(String),
}

/// A name and what it stands for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Where something else can be read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Link {
    pub(crate) text: String,
    pub(crate) target: String,
    /// The language there, when it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<&'static str>,
}

/// Rows below a head. The first cell of a row says what it is about.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

// === impl Section ===

impl Section {
    /// A section without parts.
    pub(crate) fn new(id: impl Into<String>, heading: &str, blocks: Vec<Block>) -> Self {
        Self { id: id.into(), heading: heading.to_owned(), blocks, sections: Vec::new() }
    }

    /// With parts of its own.
    pub(crate) fn with(mut self, sections: Vec<Self>) -> Self {
        self.sections = sections;
        self
    }
}

// === impl Block ===

impl Block {
    /// Sentences.
    pub(crate) fn says(text: impl Into<String>) -> Self {
        Self::Paragraph(text.into())
    }

    /// Facts, of which some may not be known.
    pub(crate) fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, Option<String>)>) -> Self {
        let known = facts
            .into_iter()
            .filter_map(|(name, value)| Some(Fact { name: name.to_owned(), value: value? }));
        Self::Facts(known.collect())
    }

    /// A table with this head.
    pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self::Table(Table { head: head.iter().map(|&name| name.to_owned()).collect(), rows })
    }
}

/// Where a value leads to, when it is an address of the web or of mail.
pub(crate) fn target(value: &str) -> Option<String> {
    let is_word = !value.contains(char::is_whitespace);
    if is_word && (value.starts_with("https://") || value.starts_with("http://")) {
        return Some(value.to_owned());
    }
    let (user, host) = value.split_once('@')?;
    let is_mail = is_word && !user.is_empty() && host.contains('.') && !host.contains(['@', '/']);
    is_mail.then(|| format!("mailto:{value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_somewhere_and_nothing_else_does() {
        let cases = [
            ("privacy@acme.example", Some("mailto:privacy@acme.example")),
            ("https://acme.example/privacy", Some("https://acme.example/privacy")),
            ("javascript:alert(1)", None),
            ("Acme, Street 1", None),
            ("a@b@c.example", None),
            ("write to a@b.example", None),
            ("+358 9 123", None),
        ];
        for (value, want) in cases {
            assert_eq!(target(value).as_deref(), want, "{value}");
        }
    }
}
