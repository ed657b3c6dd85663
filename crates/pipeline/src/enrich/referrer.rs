//! The page that linked here. The site's own pages are no referrers.

use std::borrow::Cow;

use candor_event::draft::Facts;
use candor_event::{Field, FieldSet};
use candor_policy::ReferrerMode;

use super::text::{kept_foreign_path, kept_host};
use crate::admit::Admitted;
use crate::beacon::{Beacon, Text};
use crate::web_url::WebUrl;

/// What the names of hosts are limited to.
const HOST_BYTES_MAX: usize = 253;
const PATH_BYTES_MAX: usize = 1_024;

/// The page that linked here.
pub(super) enum Referrer<'a> {
    /// None, or none that can be read.
    Absent,
    /// An app, by its id.
    App(WebUrl<'a>),
    /// One of the site's own.
    Own,
    /// Another site's.
    Site(WebUrl<'a>),
}

// === impl Referrer ===

impl<'a> Referrer<'a> {
    /// Reads it when some field is made of it.
    pub(super) fn read(admitted: &Admitted<'_>, beacon: &'a Beacon<'_>, fields: FieldSet) -> Self {
        let of_referrer =
            [Field::Bot, Field::ReferrerHost, Field::ReferrerPath, Field::Source, Field::Channel];
        if !of_referrer.into_iter().any(|field| fields.contains(field)) {
            return Self::Absent;
        }
        let text = beacon.referrer.as_ref().map(Text::as_str).filter(|text| !text.is_empty());
        let Some(url) = text.and_then(WebUrl::parse) else {
            return Self::Absent;
        };
        let Some(name) = url.domain().filter(|name| name.len() <= HOST_BYTES_MAX) else {
            return Self::Absent;
        };
        match url.scheme() {
            "android-app" => Self::App(url),
            "http" | "https" if admitted.policy.allows_host(admitted.site, name) => Self::Own,
            "http" | "https" => Self::Site(url),
            _ => Self::Absent,
        }
    }

    /// The host, or the id of the app, without `www.`.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Absent | Self::Own => None,
            Self::App(url) | Self::Site(url) => {
                url.domain().map(|name| without_www(name.trim_end_matches('.')))
            }
        }
    }

    pub(super) fn fill<'b>(&'b self, facts: &mut Facts<'b>, mode: ReferrerMode, fields: FieldSet) {
        let (Self::Site(url), Some(name)) = (self, self.host()) else {
            return;
        };
        if fields.contains(Field::ReferrerHost) {
            let name = kept_host(name);
            facts.referrer_host = match mode {
                ReferrerMode::Host | ReferrerMode::Path => name,
                ReferrerMode::Origin => origin(url, &name),
            };
        }
        if fields.contains(Field::ReferrerPath) && mode == ReferrerMode::Path {
            facts.referrer_path = kept_foreign_path(url.path(), PATH_BYTES_MAX);
        }
    }
}

fn without_www(name: &str) -> &str {
    name.strip_prefix("www.").unwrap_or(name)
}

/// Protocol, host, and the port when it is not the usual one.
fn origin(referrer: &WebUrl<'_>, name: &str) -> Cow<'static, str> {
    let scheme = referrer.scheme();
    match referrer.port() {
        Some(port) => format!("{scheme}://{name}:{port}").into(),
        None => format!("{scheme}://{name}").into(),
    }
}
