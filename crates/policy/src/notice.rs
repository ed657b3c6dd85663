//! The notice: what visitors read, made from what the machine obeys.
//!
//! A notice is composed as a [`Document`](document::Document), sentence by sentence from
//! `languages/*.toml`, and then written as HTML, Markdown or JSON. The JSON form carries the policy
//! itself, and compiles to it again.

pub(crate) mod compose;
pub(crate) mod document;
pub(crate) mod html;
mod json;
pub(crate) mod markdown;
mod published;

use candor_event::Site;

use crate::prose::{self, Prose};
use crate::words::words;
use crate::{Language, Policy, SiteEntry};

use compose::Notice;
pub use html::{Escaped, STYLE};
pub use published::Published;

words! {
    /// The form of a notice.
    pub enum Format {
        /// A page of its own, without script.
        Html = "html",
        /// Markdown.
        Markdown = "md",
        /// Its sections and the policy itself, which [`compile_json`](crate::compile_json) reads.
        Json = "json",
    }
}

/// Why there is no notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// The policy does not have the language.
    #[error("the notice is not written in `{0}`: add it to `languages` in [policy]")]
    NotInLanguage(Language),
    /// The policy does not have the site.
    #[error("the policy has no site of this name")]
    UnknownSite,
    /// The language's words cannot be read. A test rules it out.
    #[error("the words of `{0}` are damaged")]
    Words(Language),
}

// === impl Policy ===

impl Policy {
    /// The notice that visitors of a site read, in one of the policy's languages.
    ///
    /// ```
    /// use candor_event::Site;
    /// use candor_policy::{DEMO, Format, Language, compile, compile_json};
    ///
    /// let policy = compile("demo.toml", DEMO)?;
    /// let site = Site::parse("demo")?;
    /// let page = policy.notice(&site, Language::En, Format::Html)?;
    /// assert!(page.contains("Nothing is kept of your visit unless you consent."));
    ///
    /// let data = policy.notice(&site, Language::En, Format::Json)?;
    /// assert_eq!(compile_json("notice.json", &data)?.version(), policy.version());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NoticeError`]: the policy has no such site, or the notice no such language.
    pub fn notice(
        &self,
        site: &Site,
        language: Language,
        format: Format,
    ) -> Result<String, NoticeError> {
        self.notice_among(site, language, format, &Published::default())
    }

    /// The same, beside other versions and languages.
    ///
    /// # Errors
    /// As [`Self::notice`].
    pub fn notice_among(
        &self,
        site: &Site,
        language: Language,
        format: Format,
        published: &Published<'_>,
    ) -> Result<String, NoticeError> {
        let site = self.site(site).ok_or(NoticeError::UnknownSite)?;
        let mut document = self.composed(site, language)?.document();
        published.add_to(&mut document, self.prose(language)?);
        Ok(match format {
            Format::Html => html::page(&document),
            Format::Json => json::notice(&document, self, site),
            Format::Markdown => markdown::text(&document),
        })
    }

    /// What notices are composed with.
    pub(crate) fn composed<'a>(
        &'a self,
        site: &'a SiteEntry,
        language: Language,
    ) -> Result<Notice<'a>, NoticeError> {
        let prose = self.prose(language)?;
        Ok(Notice { policy: self, site, language, prose })
    }

    /// The words of one of the policy's languages.
    pub(crate) fn prose(&self, language: Language) -> Result<&'static Prose, NoticeError> {
        if !self.languages.contains(&language) {
            return Err(NoticeError::NotInLanguage(language));
        }
        prose::of(language).ok_or(NoticeError::Words(language))
    }
}
