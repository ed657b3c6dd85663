//! Where the collector listens, and whom it believes.
#![expect(clippy::disallowed_types, reason = "the address to listen on")]

use std::num::NonZeroU32;

use candor_pipeline::{HopsHeader, TrustedProxies};
use serde::Deserialize;

use crate::tls::TlsConfig;

/// The collector's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where beacons come in.
    pub listen: std::net::SocketAddr,
    /// The networks of the proxies before us: what they say of the hops before them is believed, and what
    /// others say is not.
    pub trusted_proxies: TrustedProxies,
    /// The header in which they say it.
    pub trusted_header: HopsHeader,
    /// How many connections are held at a time; more wait to be accepted.
    pub connections_max: usize,
    /// What one network or one site may take of everything.
    pub limits: Limits,
    /// Certificate and key; without them connections are not encrypted.
    pub tls: TlsConfig,
    /// Where the tracker is served.
    pub tracker_path: TrackerPath,
}

/// What one network (/24 of IPv4, /48 of IPv6) or one site may take of everything. Networks of trusted
/// proxies are not counted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections of one network; more are closed at once.
    pub connections_of_network: usize,
    /// Beacons a second of one network, in the long run.
    pub network_per_second: NonZeroU32,
    /// Beacons of one network at once, before that counts.
    pub network_burst: NonZeroU32,
    /// Networks that may be over their rate at a time; were there more, new ones are refused.
    pub networks_max: usize,
    /// Beacons a second of one site, in the long run.
    pub site_per_second: NonZeroU32,
    /// Beacons of one site at once, before that counts.
    pub site_burst: NonZeroU32,
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

impl Config {
    /// Whether the values can be.
    ///
    /// # Errors
    /// What to change.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.connections_max == 0 {
            return Err("collector.connections_max must be above 0");
        }
        if !(1..=NETWORKS_MAX).contains(&self.limits.networks_max) {
            return Err(
                "collector.limits.networks_max must be from 1 to 16777216: each takes 16 bytes",
            );
        }
        Ok(())
    }
}

/// As many networks as IPv4 has.
const NETWORKS_MAX: usize = 1 << 24;

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 8080).into(),
            trusted_proxies: TrustedProxies::default(),
            trusted_header: HopsHeader::default(),
            connections_max: 10_000,
            limits: Limits::default(),
            tls: TlsConfig::default(),
            tracker_path: TrackerPath { stem: "/candor".to_owned() },
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const fn some(number: u32) -> NonZeroU32 {
            NonZeroU32::MIN.saturating_add(number - 1)
        }
        Self {
            connections_of_network: 500,
            network_per_second: some(500),
            network_burst: some(5_000),
            networks_max: 65_536,
            site_per_second: some(5_000),
            site_burst: some(20_000),
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
