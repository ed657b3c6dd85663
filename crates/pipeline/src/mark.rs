//! Pseudonyms for counting: of how many connections and beacons come from one network.

use candor_event::Timestamp;
use http::HeaderMap;

use crate::client_ip::{ClientIp, Peer, TrustedProxies};
use crate::key::KeyRing;

/// Stands for the network of a client, /24 or /48, for as long as the key lives. It serves to count, and is
/// never stored, logged or shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_debug_implementations, reason = "a pseudonym must not print")]
pub struct Mark(u64);

impl Mark {
    /// Its bits, evenly spread.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Of the network that a connection comes from. None of a trusted proxy, which speaks for many.
    pub(crate) fn of_peer(
        peer: &Peer,
        trusted: &TrustedProxies,
        keys: &KeyRing,
        now: Timestamp,
    ) -> Option<Self> {
        trusted.stranger(peer).map(|client| Self::of(&client, keys, now))
    }

    /// Of the network that a request comes from. None of a trusted proxy that asks for itself.
    pub(crate) fn of_request(
        peer: &Peer,
        headers: &HeaderMap,
        trusted: &TrustedProxies,
        keys: &KeyRing,
        now: Timestamp,
    ) -> Option<Self> {
        trusted.asking(peer, headers).map(|client| Self::of(&client, keys, now))
    }

    /// Those whose address is unknown are counted together; all are when there is no key.
    fn of(client: &ClientIp, keys: &KeyRing, now: Timestamp) -> Self {
        let Ok(epoch) = keys.at(now) else {
            return Self(0);
        };
        let mut hasher = epoch.hasher("network mark");
        client.hash_network_into(&mut hasher);
        let mut bits = [0; 8];
        hasher.finalize_xof().fill(&mut bits);
        Self(u64::from_le_bytes(bits))
    }
}

#[cfg(test)]
mod tests {
    use candor_event::ManualClock;
    use http::HeaderValue;

    use super::*;
    use crate::{HopsHeader, KeyPeriod};

    const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

    fn peer(address: &str) -> Peer {
        Peer::new(address.parse().unwrap())
    }

    fn keys() -> KeyRing {
        KeyRing::new(KeyPeriod::default(), None)
    }

    #[test]
    fn a_network_has_one_mark() {
        let (keys, trusted) = (keys(), TrustedProxies::default());
        let mark =
            |address: &str| Mark::of_peer(&peer(address), &trusted, &keys, NOW).map(Mark::bits);
        assert_eq!(mark("192.0.2.1:1"), mark("192.0.2.254:2"));
        assert_eq!(mark("192.0.2.1:1"), mark("[::ffff:192.0.2.9]:2"));
        assert_ne!(mark("192.0.2.1:1"), mark("192.0.3.1:1"));
        assert_eq!(mark("[2001:db8:7:1::1]:1"), mark("[2001:db8:7:2::9]:1"));
        assert_ne!(mark("[2001:db8:7::1]:1"), mark("[2001:db8:8::1]:1"));
        assert_eq!(mark("127.0.0.1:1"), None, "a trusted proxy speaks for many");
    }

    #[test]
    fn a_mark_dies_with_its_key() {
        let (keys, another, trusted) = (keys(), keys(), TrustedProxies::default());
        let clock = ManualClock::at(NOW);
        let mark = |keys: &KeyRing, clock: &ManualClock| {
            let now = candor_event::Clock::now(clock);
            Mark::of_peer(&peer("192.0.2.1:1"), &trusted, keys, now).map(Mark::bits)
        };
        let before = mark(&keys, &clock);
        assert_eq!(before, mark(&keys, &clock));
        clock.advance(86_400);
        assert_ne!(before, mark(&keys, &clock), "another day");
        assert_ne!(mark(&keys, &clock), mark(&another, &clock), "another process");
    }

    #[test]
    fn a_request_has_the_mark_of_the_nearest_stranger() {
        let (keys, trusted) = (keys(), TrustedProxies::default());
        let mark = |from: &str, hops: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(hops) = hops {
                headers.insert("x-forwarded-for", HeaderValue::from_static(hops));
            }
            Mark::of_request(&peer(from), &headers, &trusted, &keys, NOW).map(Mark::bits)
        };
        let direct = mark("192.0.2.1:1", None);
        assert_eq!(mark("127.0.0.1:1", Some("198.51.100.7, 192.0.2.1")), direct);
        assert_eq!(mark("192.0.2.1:1", Some("198.51.100.7")), direct, "no stranger is believed");
        assert_eq!(mark("127.0.0.1:1", None), None, "the proxy asks for itself");
        assert_eq!(mark("127.0.0.1:1", Some("127.0.0.9")), None, "so does one before it");
        let unknown = mark("127.0.0.1:1", Some("junk"));
        assert!(unknown.is_some() && unknown == mark("127.0.0.1:1", Some("192.0.2.1, other junk")));
        assert_ne!(unknown, direct);
    }

    #[test]
    fn one_header_is_read_and_the_other_is_not() {
        let keys = keys();
        let mark = |trusted: &TrustedProxies| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
            headers.insert("forwarded", HeaderValue::from_static("for=198.51.100.7"));
            Mark::of_request(&peer("127.0.0.1:1"), &headers, trusted, &keys, NOW).map(Mark::bits)
        };
        let usual = TrustedProxies::default();
        let standard = TrustedProxies::default().saying_in(HopsHeader::Forwarded);
        let of = |address: &str| Mark::of_peer(&peer(address), &usual, &keys, NOW).map(Mark::bits);
        assert_eq!(mark(&usual), of("192.0.2.1:1"));
        assert_eq!(mark(&standard), of("198.51.100.7:1"));
    }
}
