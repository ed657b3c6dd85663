//! Where the collector listens, and whom it believes.
#![expect(clippy::disallowed_types, reason = "the address to listen on")]

use candor_pipeline::TrustedProxies;
use serde::Deserialize;

/// The collector's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where beacons come in.
    pub listen: std::net::SocketAddr,
    /// The networks of the proxies before us: their `X-Forwarded-For` and `Forwarded` are believed, and
    /// nobody else's.
    pub trusted_proxies: TrustedProxies,
    /// How many connections are held at a time; more wait to be accepted.
    pub connections_max: usize,
    /// Where the tracker is served.
    pub tracker_path: TrackerPath,
}

/// A path that ends in `.js`. The tracker's other files lie beside it, under its name and theirs.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub struct TrackerPath {
    stem: String,
}

/// The tracker cannot be served there.
#[derive(Debug, thiserror::Error)]
#[error("the path of the tracker begins with a slash and ends in `.js`: \"/candor.js\"")]
pub struct TrackerPathError;

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 8080).into(),
            trusted_proxies: TrustedProxies::default(),
            connections_max: 10_000,
            tracker_path: TrackerPath { stem: "/candor".to_owned() },
        }
    }
}

// === impl TrackerPath ===

impl TrackerPath {
    /// The path of one of the tracker's files; the core's name is empty.
    pub fn of(&self, name: &str) -> String {
        let (stem, dash) = (&self.stem, if name.is_empty() { "" } else { "-" });
        format!("{stem}{dash}{name}.js")
    }
}

impl TryFrom<String> for TrackerPath {
    type Error = TrackerPathError;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        let stem = path.strip_suffix(".js").filter(|stem| stem.starts_with('/'));
        let fits = |c: u8| c.is_ascii_alphanumeric() || b"/-._~".contains(&c);
        let stem = stem.filter(|stem| !stem.ends_with('/') && stem.bytes().all(fits));
        stem.map(|stem| Self { stem: stem.to_owned() }).ok_or(TrackerPathError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tracker_and_its_files_lie_side_by_side() {
        let path = TrackerPath::try_from("/js/visits.js".to_owned()).unwrap();
        assert_eq!(path.of(""), "/js/visits.js");
        assert_eq!(path.of("links"), "/js/visits-links.js");
        assert_eq!(Config::default().tracker_path.of(""), "/candor.js");
        for odd in ["", "candor.js", "/candor", "/.js", "/a b.js", "/a?.js"] {
            assert!(TrackerPath::try_from(odd.to_owned()).is_err(), "{odd}");
        }
    }
}
