//! What visitors can read: the notice of each site, its earlier versions, and what the browser's signal
//! means here.
//!
//! | place | |
//! |---|---|
//! | `/privacy/SITE` | the notice in force; `?lang=`, `?format=html\|md\|json`, `?version=` |
//! | `/.well-known/gpc.json` | whether Global Privacy Control is heeded on the sites of this host |

mod language;

use std::sync::Arc;

use arc_swap::ArcSwap;
use candor_collector::Pages;
use candor_collector::respond::{Answer, content, plain};
use candor_event::Signal;
use candor_policy::{Date, Format, Language, Policy, Published};
use http::header::{
    ACCEPT_LANGUAGE, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_LANGUAGE,
    CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};

use crate::policies::InForce;

/// Serves the notices of the policies in force.
#[derive(Debug)]
pub(crate) struct Notices(ArcSwap<InForce>);

/// What a request asks for beside the site.
#[derive(Debug, Default)]
struct Wanted {
    language: Option<String>,
    format: Option<String>,
    version: Option<String>,
}

const NOTICES: &str = "/privacy/";
const GPC: &str = "/.well-known/gpc.json";

/// Answers that differ by what was asked must not be mixed up; a new notice must soon be seen.
const HEADERS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "max-age=60"),
    (VARY, "accept-language"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    ),
    (REFERRER_POLICY, "no-referrer"),
];

// === impl Notices ===

impl Notices {
    /// Serves these.
    pub(crate) fn new(in_force: InForce) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(in_force)))
    }

    /// Serves others from now on.
    pub(crate) fn replace(&self, in_force: InForce) {
        self.0.store(Arc::new(in_force));
    }

    /// `None`: there is no such site, version, language or format.
    fn notice(&self, site: &str, wanted: &Wanted, headers: &HeaderMap) -> Option<Answer> {
        let in_force = self.0.load();
        let (site, current) = in_force.registry.site(site)?;
        let current_version = current.version().to_string();
        let earlier = wanted.version.as_ref().filter(|version| **version != current_version);
        let policy = match earlier {
            None => current,
            Some(version) => in_force.history.of_site(site, version)?,
        };
        let language = wanted.language(policy.languages(), headers)?;
        let format = wanted.format.as_deref().map_or(Some(Format::Html), Format::parse)?;

        let version = earlier.map(String::as_str);
        let languages: Vec<_> = policy
            .languages()
            .iter()
            .map(|language| (*language, link(version, Some(*language))))
            .collect();
        let before = match version {
            None => in_force.history.before(current, site),
            Some(_) => Vec::new(),
        };
        let before: Vec<_> = before
            .into_iter()
            .map(|policy| {
                let target = link(Some(&policy.version().to_string()), None);
                (policy, target)
            })
            .collect();
        let in_force = version.map(|_| link(None, None));
        let published =
            Published { languages: &languages, earlier: &before, replaced_by: in_force.as_deref() };
        let text = policy.notice_among(site, language, format, &published).ok()?;
        Some(answer(text, language, format))
    }

    fn gpc(&self, headers: &HeaderMap) -> Answer {
        let in_force = self.0.load();
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let policies = in_force.registry.policies();
        let names = |policy: &&Arc<Policy>| {
            policy.sites().iter().any(|site| policy.allows_host(site.name(), host))
        };
        let here: Vec<_> = policies.iter().filter(names).collect();
        let here = if here.is_empty() { policies.iter().collect() } else { here };
        gpc(&here)
    }
}

impl Pages for Notices {
    fn page(&self, place: &Uri, headers: &HeaderMap) -> Option<Answer> {
        if place.path() == GPC {
            return Some(self.gpc(headers));
        }
        let site = place.path().strip_prefix(NOTICES)?;
        let site = site.strip_suffix('/').unwrap_or(site);
        let wanted = Wanted::of(place.query().unwrap_or_default());
        let found = self.notice(site, &wanted, headers);
        Some(found.unwrap_or_else(|| {
            plain(
                StatusCode::NOT_FOUND,
                "there is no such notice, or not in this format or version\n",
            )
        }))
    }
}

// === impl Wanted ===

impl Wanted {
    fn of(query: &str) -> Self {
        let mut wanted = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "format" => wanted.format = Some(value.into_owned()),
                "lang" => wanted.language = Some(value.into_owned()),
                "version" => wanted.version = Some(value.into_owned()),
                _ => {}
            }
        }
        wanted
    }

    /// The language that is asked for, when the notice has it, or else the one that the browser likes best.
    fn language(&self, has: &[Language], headers: &HeaderMap) -> Option<Language> {
        let asked = self.language.as_deref().and_then(Language::parse);
        let asked = asked.filter(|language| has.contains(language));
        asked.or_else(|| language::best(has, headers.get_all(ACCEPT_LANGUAGE)))
    }
}

/// From one notice of a site to another.
fn link(version: Option<&str>, language: Option<Language>) -> String {
    let version = version.map(|version| format!("version={version}"));
    let language = language.map(|language| format!("lang={language}"));
    let wishes: Vec<_> = version.into_iter().chain(language).collect();
    format!("?{}", wishes.join("&"))
}

fn answer(text: String, language: Language, format: Format) -> Answer {
    let content_type = match format {
        Format::Html => "text/html; charset=utf-8",
        Format::Json => "application/json",
        Format::Markdown => "text/markdown; charset=utf-8",
    };
    let mut answer = content(StatusCode::OK, content_type, text);
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.label()));
    answer
}

/// What the specification of Global Privacy Control asks a site to say (W3C, GPC, section 4): it is heeded
/// when it denies something under every policy. The day is that of the latest policy that has one.
fn gpc(policies: &[&Arc<Policy>]) -> Answer {
    let heeds =
        |policy: &&Arc<Policy>| policy.purposes().iter().any(|rule| rule.denied_by(Signal::Gpc));
    let mut said = serde_json::json!({ "gpc": policies.iter().all(heeds) });
    let latest = policies.iter().filter_map(|policy| policy.edition().date()).max();
    if let (Some(said), Some(date)) = (said.as_object_mut(), latest) {
        said.insert("lastUpdate".to_owned(), Date::to_string(&date).into());
    }
    let mut answer = content(StatusCode::OK, "application/json", said.to_string());
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}

#[cfg(test)]
mod tests;
