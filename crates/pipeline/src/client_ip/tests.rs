use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn peer(text: &str) -> Peer {
    Peer::new(SocketAddr::new(text.parse().unwrap(), 4_000))
}

fn client(peer_address: &str, name: &'static str, values: &[&str]) -> [u8; 16] {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let header =
        if name == "forwarded" { HopsHeader::Forwarded } else { HopsHeader::XForwardedFor };
    let trusted = TrustedProxies::default().saying_in(header);
    ClientIp::of_request(&peer(peer_address), &headers, &trusted).octets
}

fn octets(text: &str) -> [u8; 16] {
    match text.parse().unwrap() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

#[test]
fn only_a_trusted_peer_may_speak_for_others() {
    let name = "x-forwarded-for";
    let cases: [(&str, &[&str], &str); 9] = [
        ("203.0.113.9", &["192.0.2.1"], "203.0.113.9"),
        ("127.0.0.1", &["192.0.2.1"], "192.0.2.1"),
        ("::1", &["192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", &["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", &["198.51.100.7", "192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", &["192.0.2.1, 127.0.0.9"], "192.0.2.1"),
        ("127.0.0.1", &["192.0.2.1:8080"], "192.0.2.1"),
        ("127.0.0.1", &["[2001:db8::5]:8080"], "2001:db8::5"),
        ("127.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1"),
    ];
    for (from, values, want) in cases {
        assert_eq!(client(from, name, values), octets(want), "{from} {values:?}");
    }
}

#[test]
fn what_is_no_address_is_unknown() {
    for values in [&["192.0.2.1, junk"], &[""], &["unknown"]] {
        assert_eq!(client("127.0.0.1", "x-forwarded-for", values), [0; 16]);
    }
}

#[test]
fn the_standard_header_is_read_as_its_text_says() {
    let cases: [(&[&str], &str); 8] = [
        (&["for=198.51.100.7, for=\"[2001:db8::5]:80\";proto=https"], "2001:db8::5"),
        (&["for=198.51.100.7", "For=192.0.2.1;by=203.0.113.43"], "192.0.2.1"),
        (&["proto=https;FOR=\"192.0.2.1:4711\""], "192.0.2.1"),
        (&["for=192.0.2.1, for=127.0.0.2"], "192.0.2.1"),
        // A quote that the visitor left open swallows nothing of what the proxy appends.
        (&["for=\"198.51.100.7, for=192.0.2.1"], "192.0.2.1"),
        (&["for=_hidden"], "::"),
        (&["for=192.0.2.1, proto=https"], "::"),
        (&["for=192.0.2.1, "], "::"),
    ];
    for (values, want) in cases {
        assert_eq!(client("127.0.0.1", "forwarded", values), octets(want), "{values:?}");
    }
}

#[test]
fn a_header_that_the_proxy_does_not_set_is_the_visitors() {
    let mut headers = HeaderMap::new();
    headers.insert("forwarded", HeaderValue::from_static("for=198.51.100.7"));
    let of = |headers: &HeaderMap| {
        ClientIp::of_request(&peer("127.0.0.1"), headers, &TrustedProxies::default()).octets
    };
    assert_eq!(of(&headers), octets("127.0.0.1"));
    headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
    assert_eq!(of(&headers), octets("192.0.2.1"));
}

proptest! {
    #[test]
    fn any_header_is_read(value in "[ -~]{0,80}") {
        client("127.0.0.1", "x-forwarded-for", &[value.as_str()]);
        client("127.0.0.1", "forwarded", &[value.as_str()]);
    }

    #[test]
    fn nothing_past_24_and_48_bits_is_looked_up(v4: [u8; 4], v6: [u8; 16]) {
        let prefix = ClientIp::from_ip(IpAddr::from(v4)).lookup_prefix(24, 48).unwrap();
        prop_assert_eq!(prefix.network(), IpAddr::from([v4[0], v4[1], v4[2], 0]));
        let six = ClientIp::from_ip(IpAddr::from(v6));
        if six.family == Family::V6 {
            let IpAddr::V6(network) = six.lookup_prefix(24, 48).unwrap().network() else {
                return Err(TestCaseError::fail("family"));
            };
            prop_assert_eq!(&network.octets()[6..], &[0; 10]);
        }
    }
}

#[test]
fn nothing_is_looked_up_by_more_than_is_asked_for() {
    let network = |address: &str, v4, v6| {
        let client = ClientIp::from_ip(address.parse().unwrap());
        client.lookup_prefix(v4, v6).map(|prefix| prefix.network().to_string())
    };
    let cases = [
        ("192.0.2.77", 24, 48, Some("192.0.2.0")),
        ("192.0.2.77", 16, 48, Some("192.0.0.0")),
        ("192.0.2.77", 32, 48, None),
        ("2001:db8:77::1", 24, 48, Some("2001:db8:77::")),
        ("2001:db8:77::1", 24, 32, Some("2001:db8::")),
        ("2001:db8:77::1", 24, 64, None),
    ];
    for (address, v4, v6, want) in cases {
        assert_eq!(network(address, v4, v6).as_deref(), want, "{address}/{v4}/{v6}");
    }
    assert!(ClientIp::unknown().lookup_prefix(24, 48).is_none());
}
