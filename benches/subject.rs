//! The pipeline with everything that it reads: what benchmarks of it run against.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candor_event::Timestamp;
use candor_pipeline::{
    Agents, Bots, Geo, Head, KeyPeriod, KeyRing, Media, Peer, Pipeline, RawBeacons, Sources, Spam,
    TrustedProxies,
};
use candor_policy::Registry;
use http::HeaderMap;

use crate::registry;

/// Noon, when no key is rotated.
pub const NOW: Timestamp = Timestamp::from_unix(1_795_348_800);

/// A pipeline with all rules and lists, and a connection of the proxy before it.
pub struct Subject {
    /// With a site for each of [`crate::Keeps`].
    pub pipeline: Pipeline,
    peer: Peer,
    trusted: TrustedProxies,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

impl Subject {
    /// With what `make setup` fetched, and with these databases of places and networks.
    ///
    /// # Errors
    /// A file is missing or cannot be read.
    pub fn new(places: Option<&Path>, networks: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        Self::of(registry()?, places, networks)
    }

    /// The same with other policies.
    ///
    /// # Errors
    /// A file is missing or cannot be read.
    pub fn of(
        registry: Registry,
        places: Option<&Path>,
        networks: Option<&Path>,
    ) -> Result<Self, Box<dyn Error>> {
        let read = |name: &str| std::fs::read_to_string(fetched(name));
        let bots = Bots::read(&read("bots/crawler-user-agents.json")?, &read("bots/isbot.mjs")?)?;
        let sources = Sources {
            agents: Agents::from_yaml(&read("uap-core/regexes.yaml")?)?.with_bots(bots),
            geo: Geo::open(places, networks)?,
            spam: Spam::default(),
        };
        let keys = Arc::new(KeyRing::new(KeyPeriod::default(), None));
        Ok(Self {
            pipeline: Pipeline::new(Arc::new(registry), keys, sources),
            peer: Peer::new("127.0.0.1:4000".parse()?),
            trusted: TrustedProxies::default(),
        })
    }

    /// What the headers of a request say, which came by the proxy.
    pub fn head<'a>(&self, headers: &'a HeaderMap) -> Head<'a> {
        Head::read(&self.peer, headers, &self.trusted)
    }

    /// Takes a request the whole way, from its headers to the records; gives back how many beacons were kept.
    pub fn take(&self, headers: &HeaderMap, body: &str) -> usize {
        let head = self.head(headers);
        let Ok(raw) = RawBeacons::split(body.as_bytes(), Media::Json) else {
            return 0;
        };
        let kept = raw.iter().filter_map(|raw| self.pipeline.run(raw, &head, NOW).ok());
        kept.map(std::hint::black_box).count()
    }

    /// The record that the log gets of a request's first beacon; none when it is not kept.
    pub fn record(&self, headers: &HeaderMap, body: &str) -> Option<Vec<u8>> {
        let head = self.head(headers);
        let raw = RawBeacons::split(body.as_bytes(), Media::Json).ok()?;
        let kept = self.pipeline.run(raw.iter().next()?, &head, NOW).ok()?;
        Some(kept.record.to_vec())
    }
}

/// Something that was fetched: `make setup` or `tools/setup --tests` does it.
pub fn fetched(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../third_party").join(name)
}
