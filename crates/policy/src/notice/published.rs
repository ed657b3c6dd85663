//! A notice among others: in other languages, before it, after it.

use std::sync::Arc;

use super::document::{Block, Document, Link, Section};
use crate::prose::Prose;
use crate::prose::say::fill;
use crate::{Language, Policy};

/// Where a notice can be read, and beside which others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Published<'a> {
    /// The languages that it is written in, and where each can be read.
    pub languages: &'a [(Language, String)],
    /// The versions before it, the latest first, and where each can be read.
    pub earlier: &'a [(Arc<Policy>, String)],
    /// Where the version in force can be read, when this one no longer is.
    pub replaced_by: Option<&'a str>,
}

// === impl Published ===

impl Published<'_> {
    /// Adds what a reader should know of the others.
    pub(super) fn add_to(&self, document: &mut Document, prose: &Prose) {
        let others = self.languages.iter().filter(|(language, _)| *language != document.language);
        document.languages = others
            .map(|(language, target)| Link {
                text: language.name().to_owned(),
                target: target.clone(),
                language: Some(language.label()),
            })
            .collect();
        let words = &prose.version;
        document.replaced = self.replaced_by.map(|target| {
            let text = words.in_force.clone();
            (words.replaced.clone(), Link { text, target: target.to_owned(), language: None })
        });
        if !self.earlier.is_empty() {
            let links = Block::Links(self.earlier.iter().map(|one| link(one, prose)).collect());
            let section = Section::new("earlier", &words.earlier_heading, vec![links]);
            document.sections.push(section);
        }
    }
}

fn link((policy, target): &(Arc<Policy>, String), prose: &Prose) -> Link {
    let fingerprint = policy.version().to_string();
    let name = policy.edition().version().unwrap_or(&fingerprint);
    let text = match policy.edition().date() {
        Some(date) => {
            let date = prose.date(date);
            fill(&prose.version.earlier_dated, &[("name", name), ("date", &date)])
        }
        None => name.to_owned(),
    };
    Link { text, target: target.clone(), language: None }
}
