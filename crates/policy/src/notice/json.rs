//! A notice as data: its sections, and the policy that it was made from. The latter compiles to the same
//! policy, so that a notice can be held against what the machine obeys.

use serde::Serialize;

use super::document::{Document, Section};
use crate::form::Form;
use crate::{Policy, SiteEntry};

#[derive(Serialize)]
struct Written<'a> {
    notice: Head<'a>,
    /// See [`CONFIGURATION`](crate::compile::CONFIGURATION).
    configuration: Form<'a>,
}

#[derive(Serialize)]
struct Head<'a> {
    site: &'a str,
    language: &'static str,
    reviewed: bool,
    version: String,
    title: &'a str,
    description: &'a str,
    sections: &'a [Section],
}

/// The data.
pub(super) fn notice(document: &Document, policy: &Policy, site: &SiteEntry) -> String {
    let written = Written {
        notice: Head {
            site: site.name().as_str(),
            language: document.language.label(),
            reviewed: document.caution.is_none(),
            version: policy.version().to_string(),
            title: &document.title,
            description: &document.description,
            sections: &document.sections,
        },
        configuration: Form::of(policy),
    };
    serde_json::to_string_pretty(&written).unwrap_or_default()
}
