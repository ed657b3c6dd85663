//! Turns web pages away.
//!
//! A page in the operator's browser can send requests to loopback. It cannot hide its `Origin` on a
//! POST, the fetch metadata on a GET, nor, after rebinding a name of its own to 127.0.0.1, the name
//! in `Host`; database clients send none of the first two and a loopback name in the third.

use hyper::header::HeaderValue;
use hyper::{HeaderMap, Uri};

use crate::exception::{Exception, Kind};

/// Passes requests of programs on this machine.
///
/// # Errors
///
/// `ACCESS_DENIED` (403) for requests that a web page caused or that name another host.
pub(crate) fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), Exception> {
    let denied = |message| Err(Exception::new(Kind::AccessDenied, message));
    if headers.contains_key("origin") {
        return denied("Requests of web pages are refused: leave the Origin header out");
    }
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"none") {
        return denied("Requests of web pages are refused: leave the Sec-Fetch-Site header out");
    }
    let named = headers
        .get_all("host")
        .iter()
        .map(|value| value.to_str().ok())
        .chain(uri.authority().map(|authority| Some(authority.as_str())));
    for host in named {
        if !host.is_some_and(is_loopback) {
            return denied("This server answers on loopback only: use localhost or 127.0.0.1");
        }
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if port.is_empty() || is_port(port) => return address == "::1",
            _ => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return false,
            None => host,
        },
    };
    name.eq_ignore_ascii_case("localhost") || is_loopback_v4(name)
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_loopback_v4(name: &str) -> bool {
    let mut parts = name.split('.').map(str::parse::<u8>);
    parts.next() == Some(Ok(127))
        && parts.by_ref().take(3).all(|part| part.is_ok())
        && name.split('.').count() == 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(name: &'static str, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header"));
        check(&Uri::from_static("/"), &headers).is_ok()
    }

    #[test]
    fn web_pages_are_turned_away() {
        for (name, value) in [
            ("origin", "null"),
            ("origin", "http://localhost:8123"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "same-origin"),
        ] {
            assert!(!passes(name, value), "{name}: {value}");
        }
    }

    #[test]
    fn only_loopback_hosts_pass() {
        for host in
            ["localhost", "LOCALHOST:8123", "127.0.0.1", "127.255.1.2:1", "[::1]", "[::1]:8123"]
        {
            assert!(passes("host", host), "{host}");
        }
        for host in [
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "127.0.0",
            "1.2.3.4",
            "127.0.0.1:x",
            "[::2]",
            "[::1]x",
            "localhost:80@example.org",
            "0.0.0.0",
            "127.0.0.1.1",
        ] {
            assert!(!passes("host", host), "{host}");
        }
    }

    #[test]
    fn the_absolute_form_counts_too() {
        let check = |uri| check(&Uri::from_static(uri), &HeaderMap::new()).is_ok();
        assert!(check("http://localhost:8123/"));
        assert!(!check("http://example.org/"));
    }
}
