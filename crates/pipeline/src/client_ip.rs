//! The one place that opens an address.
//!
//! [`Peer`] wraps the socket's peer the moment a connection is accepted, and [`ClientIp`] is the
//! visitor's address as the trusted proxies report it. Neither can be printed, cloned, compared or
//! serialised; all that can be done with an address is done by the functions of this file, and what
//! they give away is truncated or goes into a keyed hash. Headers that carry addresses are read here
//! only.
#![expect(clippy::disallowed_types, reason = "this is the module where addresses live")]
#![expect(missing_debug_implementations, reason = "an address must not print")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use candor_event::{StoredAddress, TooPrecise};
use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use serde::Deserialize;
use zeroize::Zeroize;

/// The far end of a connection. Opaque from `accept` on.
pub struct Peer(IpAddr);

/// A visitor's address, for as long as one request lasts. Overwritten when it is dropped.
pub struct ClientIp {
    octets: [u8; 16],
    family: Family,
}

/// The peers that are believed when they say for whom they ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Vec<IpNet>")]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: HopsHeader,
}

/// The header in which trusted proxies name the hops before them. One alone is read: a proxy sets one and
/// passes the other on as the visitor wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopsHeader {
    /// RFC 7239.
    Forwarded,
    /// The usual one.
    #[default]
    XForwardedFor,
}

/// Who is behind a request.
enum Caller {
    /// A trusted proxy, which speaks for nobody.
    Proxy(IpAddr),
    /// Somebody else.
    Visitor(IpAddr),
    /// A hop that cannot be read.
    Unknown,
}

/// The leading bits of an address, for looking up country and network: as many as the policy lets, and
/// never more than /24 and /48. It cannot be encoded into an event.
pub(crate) struct LookupPrefix(IpAddr);

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// How much of an address is counted together, of IPv4 and of IPv6: what a household or an attacker has.
const NETWORK_BITS: (u8, u8) = (24, 48);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
    /// No address is known; nothing can be derived from it.
    Unknown,
}

// === impl Peer ===

impl Peer {
    /// Wraps the peer's address.
    pub fn new(address: SocketAddr) -> Self {
        Self(address.ip().to_canonical())
    }
}

// === impl ClientIp ===

impl ClientIp {
    /// The address of the visitor behind a request: the peer, or, when the peer is a trusted proxy,
    /// the right-most hop that is not. What cannot be read as an address makes it unknown.
    pub fn of_request(peer: &Peer, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        match Caller::of(peer, headers, trusted) {
            Caller::Proxy(address) | Caller::Visitor(address) => Self::from_ip(address),
            Caller::Unknown => Self::unknown(),
        }
    }

    /// The address in a field of an access log.
    pub(crate) fn of_log_field(field: &str) -> Self {
        parse_hop(field).map_or_else(Self::unknown, Self::from_ip)
    }

    /// Keeps the leading bits: `v4` of an IPv4 address, `v6` of an IPv6 address.
    ///
    /// # Errors
    /// [`TooPrecise`] when the prefix is longer than may be stored.
    pub(crate) fn truncate(&self, v4: u8, v6: u8) -> Result<Option<StoredAddress>, TooPrecise> {
        match self.family {
            Family::V4 => StoredAddress::truncate_v4(self.v4_octets(), v4).map(Some),
            Family::V6 => StoredAddress::truncate_v6(self.octets, v6).map(Some),
            Family::Unknown => Ok(None),
        }
    }

    /// Feeds the whole address into a keyed hash; nothing when it is unknown.
    pub(crate) fn hash_into(&self, hasher: &mut blake3::Hasher) {
        if self.family != Family::Unknown {
            hasher.update(&self.octets);
        }
    }

    /// Feeds the network of the address into a keyed hash, for counting: its /24 or /48; nothing when it is
    /// unknown.
    pub(crate) fn hash_network_into(&self, hasher: &mut blake3::Hasher) {
        if let Ok(Some(network)) = self.truncate(NETWORK_BITS.0, NETWORK_BITS.1) {
            hasher.update(&network.octets());
        }
    }

    /// Whether there is an address at all.
    pub(crate) fn is_known(&self) -> bool {
        self.family != Family::Unknown
    }

    /// What may be looked up: `v4` leading bits of an IPv4 address, `v6` of an IPv6 address.
    pub(crate) fn lookup_prefix(&self, v4: u8, v6: u8) -> Option<LookupPrefix> {
        let prefix = Ipv6Addr::from(self.truncate(v4, v6).ok()??.octets());
        Some(LookupPrefix(IpAddr::V6(prefix).to_canonical()))
    }

    fn from_ip(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self { octets: v4.to_ipv6_mapped().octets(), family: Family::V4 },
            IpAddr::V6(v6) => Self { octets: v6.octets(), family: Family::V6 },
        }
    }

    fn unknown() -> Self {
        Self { octets: [0; 16], family: Family::Unknown }
    }

    fn v4_octets(&self) -> [u8; 4] {
        let [.., a, b, c, d] = self.octets;
        [a, b, c, d]
    }
}

impl Drop for ClientIp {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

// === impl TrustedProxies ===

impl TrustedProxies {
    /// The same proxies, believed by another header.
    #[must_use]
    pub fn saying_in(self, header: HopsHeader) -> Self {
        Self { header, ..self }
    }

    /// Who connected, for counting; nothing of a trusted proxy, which speaks for many.
    pub(crate) fn stranger(&self, peer: &Peer) -> Option<ClientIp> {
        (!self.contains(peer.0)).then(|| ClientIp::from_ip(peer.0))
    }

    /// Who asks, for counting; nothing of a trusted proxy that asks for itself. Counts what was said in vain.
    pub(crate) fn asking(&self, peer: &Peer, headers: &HeaderMap) -> Option<ClientIp> {
        match Caller::of(peer, headers, self) {
            Caller::Proxy(_) => None,
            Caller::Visitor(address) => {
                if !self.contains(peer.0) && says_hops(headers) {
                    metrics::counter!("pipeline_forwarded_spoofed_total").increment(1);
                }
                Some(ClientIp::from_ip(address))
            }
            Caller::Unknown => {
                metrics::counter!("pipeline_forwarded_unreadable_total").increment(1);
                Some(ClientIp::unknown())
            }
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }
}

impl From<Vec<IpNet>> for TrustedProxies {
    fn from(networks: Vec<IpNet>) -> Self {
        Self { networks, header: HopsHeader::default() }
    }
}

impl Default for TrustedProxies {
    /// Loopback: a proxy on the same machine.
    fn default() -> Self {
        let loopback = [
            IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
            IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
        ];
        Self::from(Vec::from(loopback))
    }
}

// === impl Caller ===

impl Caller {
    /// The right-most hop that is not trusted.
    fn of(peer: &Peer, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        if !trusted.contains(peer.0) {
            return Self::Visitor(peer.0);
        }
        match trusted.header {
            HopsHeader::Forwarded => Self::behind(peer, forwarded(headers), trusted),
            HopsHeader::XForwardedFor => Self::behind(peer, forwarded_for(headers), trusted),
        }
    }

    /// The same, of hops, nearest first.
    fn behind<'a>(
        peer: &Peer,
        hops: impl Iterator<Item = &'a str>,
        trusted: &TrustedProxies,
    ) -> Self {
        let mut nearest = peer.0;
        for hop in hops {
            let Some(address) = parse_hop(hop) else {
                return Self::Unknown;
            };
            nearest = address;
            if !trusted.contains(address) {
                return Self::Visitor(address);
            }
        }
        Self::Proxy(nearest)
    }
}

// === impl LookupPrefix ===

impl LookupPrefix {
    /// The truncated address, in the form that databases take.
    pub(crate) fn network(&self) -> IpAddr {
        self.0
    }
}

/// Whether a request says anything of the hops before it.
fn says_hops(headers: &HeaderMap) -> bool {
    headers.contains_key(&X_FORWARDED_FOR) || headers.contains_key(FORWARDED)
}

/// The hops of all `X-Forwarded-For` headers, nearest first. A value that is not text is a hop that cannot be
/// read.
fn forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(&X_FORWARDED_FOR).iter().rev();
    values.flat_map(|value| value.to_str().unwrap_or("?").rsplit(','))
}

/// The `for=` hops of all `Forwarded` headers (RFC 7239), nearest first.
///
/// Commas divide, even between quotes: what a proxy appends behind a quote that the visitor left open is still a
/// hop of its own.
fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(FORWARDED).iter().rev();
    let elements = values.flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
    elements.map(|element| for_parameter(element).unwrap_or("?"))
}

fn for_parameter(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without port and brackets.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    hop.parse::<IpAddr>()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| bare().map(IpAddr::V6))
        .map(|address| address.to_canonical())
}

#[cfg(test)]
#[path = "client_ip/tests.rs"]
mod tests;
