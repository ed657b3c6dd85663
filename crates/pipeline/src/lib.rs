//! Beacon to event: decode, admit, anonymize, enrich, encode. Synchronous, without a clock of its own,
//! and the only crate that can open an address. What leaves it is an encoded
//! [`Event`](candor_event::Event), which has no field that could hold one.
//!
//! ```
//! use std::sync::Arc;
//! use candor_event::Timestamp;
//! use candor_pipeline::{
//!     Agents, Geo, Head, KeyPeriod, KeyRing, Media, Peer, Pipeline, RawBeacons, Sources, Spam,
//!     TrustedProxies,
//! };
//! use candor_policy::{GrantRef, Registry};
//!
//! # let rules = "user_agent_parsers: []\nos_parsers: []\ndevice_parsers: []";
//! let agents = Agents::from_yaml(rules)?;
//! let sources = Sources { agents, geo: Geo::default(), spam: Spam::default() };
//! let keys = Arc::new(KeyRing::new(KeyPeriod::default(), None));
//! let pipeline = Pipeline::new(Arc::new(Registry::demo()?), keys, sources);
//!
//! let peer = Peer::new("192.0.2.77:4000".parse()?);
//! let headers = http::HeaderMap::new();
//! let head = Head::read(&peer, &headers, &TrustedProxies::default());
//! let body = br#"{"site":"demo","url":"http://localhost/prices","consent":true}"#;
//! for raw in RawBeacons::split(body, Media::Json).map_err(|r| r.outcome().label())?.iter() {
//!     let kept = pipeline.run(raw, &head, Timestamp::from_unix(1_790_000_000)).expect("admitted");
//!     let event = candor_event::wire::decode(&kept.record)?.events.remove(0);
//!     assert_eq!(event.path, "/prices");
//!     assert_eq!(event.address[12..], [192, 0, 2, 0], "truncated");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(unsafe_code)]

use std::cell::LazyCell;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use candor_event::draft::{Draft, Facts, GrantDraft};
use candor_event::{EventId, Purpose, Site, Timestamp, wire};
use candor_policy::{GrantRef, Registry};
use http::{HeaderMap, HeaderValue};

mod access_log;
mod admit;
mod anonymize;
mod beacon;
mod client_ip;
mod decode;
mod enrich;
mod head;
mod key;
mod locked;
mod mark;
mod protocol;
mod rejection;
mod web_url;

pub use access_log::Import;
pub use candor_policy::Protocol;
pub use client_ip::{ClientIp, HopsHeader, Peer, TrustedProxies};
pub use decode::{BEACON_BYTES_MAX, BEACONS_MAX, BODY_BYTES_MAX, Media, RawBeacon, RawBeacons};
pub use enrich::Sources;
pub use enrich::bots::{Bots, BotsError};
pub use enrich::geo::{Geo, GeoError, GeoSource};
pub use enrich::spam::{Spam, SpamError};
pub use enrich::user_agent::{Agents, AgentsError};
pub use head::Head;
pub use key::{
    HANDOVER_BYTES, Handover, KeyFile, KeyFileError, KeyPeriod, KeyRing, KeySource, TakeOverError,
    TakenOver,
};
pub use mark::Mark;
pub use protocol::{Call, Reply};
pub use rejection::Rejection;

use access_log::Line;
use admit::{Door, admit};
use anonymize::{Subject, anonymize, event_id};
use beacon::Beacon;
use enrich::{LookedUp, enrich};
use web_url::WebUrl;

/// Turns beacons into events.
#[derive(Debug)]
pub struct Pipeline {
    registry: ArcSwap<Registry>,
    keys: Arc<KeyRing>,
    sources: Sources,
}

/// What is kept of a beacon: ready for the log.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The idempotency key.
    pub id: EventId,
    /// The event, encoded as a batch of one.
    pub record: Bytes,
    /// Whose it is.
    pub site: Site,
}

impl Pipeline {
    /// A pipeline over these policies, keys and look-up sources.
    pub fn new(registry: Arc<Registry>, keys: Arc<KeyRing>, sources: Sources) -> Self {
        let pipeline = Self { registry: ArcSwap::new(registry), keys, sources };
        pipeline.keep_keys();
        pipeline
    }

    /// The policies in force.
    pub fn registry(&self) -> Arc<Registry> {
        self.registry.load_full()
    }

    /// Puts other policies in force. Beacons under way are still judged by those before.
    pub fn obey(&self, registry: Arc<Registry>) {
        self.registry.store(registry);
        self.keep_keys();
    }

    /// Looks addresses up in other databases from the next beacon on.
    pub fn look_up_in(&self, geo: Geo) {
        self.sources.geo.replace(geo);
    }

    /// Keys live no longer than the shortest of all rotations that policies promise.
    fn keep_keys(&self) {
        let rotation = self.registry.load().rotation();
        let seconds = rotation.map(|rotation| u32::from(rotation.hours()) * 3_600);
        self.keys.keep_to(seconds.unwrap_or(u32::MAX));
    }

    /// Takes one beacon the whole way.
    ///
    /// # Errors
    /// The [`Rejection`] says why nothing is kept of it.
    pub fn run(
        &self,
        raw: RawBeacon<'_>,
        head: &Head<'_>,
        now: Timestamp,
    ) -> Result<Kept, Rejection> {
        let beacon = raw.read()?;
        self.keep(&beacon, head, Door::Beacon, now)
    }

    /// Takes the query of a pixel the whole way.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_pixel(
        &self,
        query: &str,
        head: &Head<'_>,
        now: Timestamp,
    ) -> Result<Kept, Rejection> {
        let beacon = decode::pixel(query, head.referer)?;
        self.keep(&beacon, head, Door::Beacon, now)
    }

    /// Takes the beacons of a request in another product's protocol the whole way; says, too, how its client
    /// wants to be answered. There is always at least one result.
    pub fn run_foreign(
        &self,
        protocol: Protocol,
        call: Call<'_>,
        head: &Head<'_>,
        now: Timestamp,
    ) -> (Reply, Vec<Result<Kept, Rejection>>) {
        let read = protocol::read(protocol, call, head.referer);
        let door = Door::Foreign(protocol);
        let keep = |beacon: Result<_, _>| self.keep(&beacon?, head, door, now);
        (read.reply, read.beacons.into_iter().map(keep).collect())
    }

    /// Takes one line of an access log the whole way. The gate is asked first: a line that may not be
    /// kept is counted as denied, whatever it asked for.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_line(
        &self,
        line: &[u8],
        import: &Import,
        now: Timestamp,
    ) -> Result<Kept, Rejection> {
        let (client, line) = Line::read(line, import)?;
        let beacon = line.beacon(import)?;
        let head = Head::of_line(client, &line.user_agent);
        let door = Door::Import { received_at: line.received_at };
        let kept = self.keep(&beacon, &head, door, now)?;
        line.check_page().map(|()| kept)
    }

    /// Stands for the network that a connection comes from, for counting; none of a trusted proxy.
    pub fn mark_of_peer(
        &self,
        peer: &Peer,
        trusted: &TrustedProxies,
        now: Timestamp,
    ) -> Option<Mark> {
        Mark::of_peer(peer, trusted, &self.keys, now)
    }

    /// Stands for the network that a request comes from, for counting; none of a trusted proxy that asks for
    /// itself. Headers that are believed from nobody are counted.
    pub fn mark_of_request(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
        trusted: &TrustedProxies,
        now: Timestamp,
    ) -> Option<Mark> {
        Mark::of_request(peer, headers, trusted, &self.keys, now)
    }

    /// Whether the pages of this origin (a header's value) may send beacons for any site.
    pub fn allows_origin(&self, origin: &HeaderValue) -> bool {
        let url = origin.to_str().ok().and_then(WebUrl::parse);
        url.filter(WebUrl::is_web).is_some_and(|url| {
            url.host().is_some_and(|host| self.registry.load().allows_host(host))
        })
    }

    /// The purposes of a site's policy; none when no policy names the site.
    pub fn purposes(&self, site: &str) -> Vec<Purpose> {
        let registry = self.registry.load();
        let policy = registry.site(site).map(|(_, policy)| policy);
        let rules = policy.into_iter().flat_map(|policy| policy.purposes());
        rules.map(|rule| rule.name().clone()).collect()
    }

    /// The event id that a beacon of this site with this client id gets.
    ///
    /// # Errors
    /// [`Rejection::UnknownSite`].
    pub fn event_id(&self, site: &str, id: &str) -> Result<EventId, Rejection> {
        let registry = self.registry.load();
        let (site, _) = registry.site(site).ok_or(Rejection::UnknownSite)?;
        Ok(event_id(site, id))
    }

    fn keep(
        &self,
        beacon: &Beacon<'_>,
        head: &Head<'_>,
        door: Door,
        now: Timestamp,
    ) -> Result<Kept, Rejection> {
        let registry = self.registry.load();
        let admitted = admit(&registry, beacon, head, door, now)?;
        let epoch = self.keys.at(now)?;
        let subject = Subject {
            client: &head.client,
            user_agent: head.user_agent,
            beacon,
            site: admitted.site,
            policy: admitted.policy,
            fields: admitted.admission.fields(),
        };
        let site_key = LazyCell::new(|| epoch.site_key(admitted.site));
        let anonymized = anonymize(&subject, &epoch, &site_key, now);
        let client_id = beacon.id.as_ref().map(beacon::Text::as_str);
        let of_client = |id| event_id(admitted.site, id);
        let id = client_id.map_or_else(|| epoch.random_id(), of_client);

        let looked_up = LookedUp::of(&self.sources, &admitted, beacon, head);
        let mut facts = Facts::default();
        anonymized.fill(&mut facts);
        let spam = &self.sources.spam;
        enrich(&mut facts, &looked_up, spam, &admitted, beacon, head, &anonymized);
        facts.retain(admitted.admission.fields());
        let draft = Draft {
            id,
            site: admitted.site.as_str(),
            kind: admitted.kind,
            received_at: admitted.received_at.unix(),
            policy_version: admitted.policy.version(),
            key_epoch: anonymized.key_epoch,
            facts,
        };
        let record = wire::write(&draft, admitted.admission.grants().map(grant));
        Ok(Kept { id, record, site: admitted.site.clone() })
    }
}

/// The leave to keep it.
fn grant(grant: GrantRef<'_>) -> GrantDraft<'_> {
    let GrantRef { purpose, basis, fields, expires_at } = grant;
    GrantDraft { purpose: purpose.as_str(), basis, expires_at: expires_at.unix(), fields }
}
