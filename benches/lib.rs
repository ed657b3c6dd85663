//! What the benchmarks feed the pipeline: policies that each switch one stage on, beacons of the size
//! that browsers send, and a fixed set of user agents.
//!
//! The pipeline's stages are private. A stage's cost is the difference between two policies, of which
//! one keeps what the stage makes and the other does not, so nothing has to be opened up for measuring.
//!
//! ```
//! use candor_benches::{Keeps, beacon, registry};
//!
//! assert!(registry().is_ok_and(|registry| registry.site(Keeps::Path.site()).is_some()));
//! assert!((290..=310).contains(&beacon(Keeps::Path.site(), true).len()));
//! ```
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_types, reason = "the address of the server that is measured")]

pub mod baseline;
pub mod case;
pub mod load;
pub mod process;
pub mod subject;

use candor_policy::{Problems, Registry};
use http::header::{ACCEPT_LANGUAGE, ORIGIN, USER_AGENT};
use http::{HeaderMap, HeaderValue};

/// What a site's policy keeps of a visit; each variant is a site of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// The path, and browser, operating system, device and bot.
    Agent,
    /// Everything, as the demo policy does: truncated address, no visitor id.
    Everything,
    /// Everything, with a hashed address and a rotating visitor id.
    EverythingPseudonymous,
    /// The path and the hashed address.
    HashedAddress,
    /// The path, query parameters, referrer and campaign.
    Links,
    /// The path alone: the least that a policy can keep.
    Path,
    /// The path, and country, region, city and network.
    Places,
    /// The path and a rotating visitor id.
    RotatingId,
    /// The path and the truncated address.
    TruncatedAddress,
    /// The path, title, language and screen.
    Words,
}

// === impl Keeps ===

impl Keeps {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Agent,
        Self::Everything,
        Self::EverythingPseudonymous,
        Self::HashedAddress,
        Self::Links,
        Self::Path,
        Self::Places,
        Self::RotatingId,
        Self::TruncatedAddress,
        Self::Words,
    ];

    /// The site whose policy keeps this. The names are equally long.
    pub const fn site(self) -> &'static str {
        match self {
            Self::Agent => "agent-example",
            Self::Everything => "every-example",
            Self::EverythingPseudonymous => "pseud-example",
            Self::HashedAddress => "hashd-example",
            Self::Links => "links-example",
            Self::Path => "paths-example",
            Self::Places => "place-example",
            Self::RotatingId => "rotat-example",
            Self::TruncatedAddress => "trunc-example",
            Self::Words => "words-example",
        }
    }

    const fn fields(self) -> &'static [&'static [&'static str]] {
        const PATH: &[&str] = &["path"];
        const AGENT: &[&str] = &["browser", "browser_version", "os", "os_version", "device", "bot"];
        const LINKS: &[&str] = &["query", "referrer_host", "referrer_path", "campaign"];
        const PLACES: &[&str] = &["country", "region", "city", "network"];
        const WORDS: &[&str] = &["title", "language", "screen"];
        const REST: &[&str] = &["address", "dwell", "scroll", "props"];
        const VISITOR: &[&str] = &["visitor"];
        match self {
            Self::Agent => &[PATH, AGENT],
            Self::Everything => &[PATH, AGENT, LINKS, PLACES, WORDS, REST],
            Self::EverythingPseudonymous => &[PATH, AGENT, LINKS, PLACES, WORDS, REST, VISITOR],
            Self::HashedAddress | Self::TruncatedAddress => &[PATH, &["address"]],
            Self::Links => &[PATH, LINKS],
            Self::Path => &[PATH],
            Self::Places => &[PATH, PLACES],
            Self::RotatingId => &[PATH, VISITOR],
            Self::Words => &[PATH, WORDS],
        }
    }

    /// How the policy treats addresses, visitors and query parameters.
    const fn modes(self) -> &'static str {
        match self {
            Self::Everything => {
                "[address]\nmode = 'truncate'\ngeography = 'city'\n\
                 [page]\nkeep_query = ['page']\n[referrer]\nkeep = 'path'\n"
            }
            Self::EverythingPseudonymous => {
                "[address]\nmode = 'hash'\ngeography = 'city'\n[visitor]\nmode = 'rotating'\n\
                 [page]\nkeep_query = ['page']\n[referrer]\nkeep = 'path'\n"
            }
            Self::HashedAddress => "[address]\nmode = 'hash'\n",
            Self::Links => "[page]\nkeep_query = ['page']\n[referrer]\nkeep = 'path'\n",
            Self::Places => "[address]\nmode = 'drop'\ngeography = 'city'\n",
            Self::RotatingId => "[visitor]\nmode = 'rotating'\n",
            Self::TruncatedAddress => "[address]\nmode = 'truncate'\n",
            Self::Agent | Self::Path | Self::Words => "",
        }
    }

    /// The policy file of its site.
    pub fn policy(self) -> String {
        let site = self.site();
        let fields: Vec<_> = self.fields().concat();
        format!(
            "[controller]\nid = '{id}'\nname = 'A firm'\ncontact = 'privacy@example.org'\n\
             [[sites]]\nname = '{site}'\nhosts = ['www.example.fi', 'example.fi']\n{modes}\
             [purposes.statistics]\nbasis = 'consent'\nretention = '24 months'\nfields = {fields:?}\n",
            id = site.replace('-', "_"),
            modes = self.modes(),
        )
    }
}

/// A deployment with one site per variant.
///
/// # Errors
/// None: these policies compile, as the example of this crate shows.
pub fn registry() -> Result<Registry, Problems> {
    let files: Vec<_> = Keeps::ALL.iter().map(|keeps| (keeps.site(), keeps.policy())).collect();
    Registry::compile(files.iter().map(|(name, text)| (*name, text.as_str())))
}

/// A page view in some 300 bytes of JSON.
pub fn beacon(site: &str, consent: bool) -> String {
    format!(
        "{{\"site\":\"{site}\",\"kind\":\"pageview\",\
         \"url\":\"https://www.example.fi/shop/winter-boots?utm_source=letter&utm_campaign=november&page=2\",\
         \"referrer\":\"https://www.google.com/search\",\"title\":\"Winter boots – Example shop\",\
         \"screen\":\"1920x1080\",\"language\":\"fi-FI\",\"consent\":{consent},\
         \"id\":\"0198f2a7c3de7d1b\"}}"
    )
}

/// The headers of a browser behind a proxy.
///
/// # Errors
/// The agent cannot stand in a header.
pub fn headers(user_agent: &str) -> Result<HeaderMap, http::header::InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_static("89.160.20.112"));
    headers.insert(ORIGIN, HeaderValue::from_static("https://www.example.fi"));
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("fi-FI,fi;q=0.9,en;q=0.8"));
    headers.insert(USER_AGENT, HeaderValue::from_str(user_agent)?);
    Ok(headers)
}

/// What visitors browse with, one agent a line.
pub fn agents() -> impl Iterator<Item = &'static str> + Clone {
    include_str!("agents.txt").lines()
}
