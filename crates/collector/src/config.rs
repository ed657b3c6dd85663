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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 8080).into(),
            trusted_proxies: TrustedProxies::default(),
            connections_max: 10_000,
        }
    }
}
