//! What the request's headers say about the visitor, read once for all beacons of a request.

use candor_policy::Signals;
use http::header::{ACCEPT_LANGUAGE, DNT, ORIGIN, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::client_ip::{ClientIp, Peer, TrustedProxies};
use crate::enrich::hints::Hints;

/// The headers of a request. Lives as long as the request, because it holds the visitor's address.
#[expect(missing_debug_implementations, reason = "an address must not print")]
pub struct Head<'a> {
    pub(crate) client: ClientIp,
    pub(crate) signals: Signals,
    pub(crate) user_agent: &'a str,
    pub(crate) hints: Hints<'a>,
    pub(crate) language: Option<&'a str>,
    pub(crate) origin: Option<&'a str>,
    pub(crate) referer: Option<&'a str>,
    pub(crate) sent_by: SentBy,
}

/// Who sent a request, as the browser itself says (`Sec-Fetch-Site`, `Sec-Fetch-Mode`): pages cannot forge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SentBy {
    /// A person who followed a link, or typed an address.
    Hand,
    /// A page of another origin.
    OtherOrigin,
    /// A page of the collector's own origin: a site that passes beacons on under its own name.
    OwnOrigin,
    /// The client does not say: no browser of today.
    Unsaid,
}

// Names that are ready: a name that is text is checked letter by letter before it is looked for.
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");

/// The most of a user agent that is looked at.
const USER_AGENT_BYTES_MAX: usize = 512;

impl<'a> Head<'a> {
    /// Reads the headers.
    pub fn read(peer: &Peer, headers: &'a HeaderMap, trusted: &TrustedProxies) -> Self {
        // Some agents are not ASCII; `HeaderValue::to_str` would take them for nothing.
        let text = |name| headers.get(name).and_then(|v| std::str::from_utf8(v.as_bytes()).ok());
        Self {
            client: ClientIp::of_request(peer, headers, trusted),
            signals: signals(headers),
            user_agent: cut(text(USER_AGENT).unwrap_or_default()),
            hints: Hints::read(headers),
            language: text(ACCEPT_LANGUAGE),
            origin: text(ORIGIN).or_else(|| headers.contains_key(ORIGIN).then_some("null")),
            referer: text(REFERER),
            sent_by: SentBy::read(headers),
        }
    }

    /// The head that a line of an access log stands for.
    pub(crate) fn of_line(client: ClientIp, user_agent: &'a str) -> Self {
        Self {
            client,
            signals: Signals::default(),
            user_agent: cut(user_agent),
            hints: Hints::default(),
            language: None,
            origin: None,
            referer: None,
            sent_by: SentBy::Unsaid,
        }
    }
}

impl SentBy {
    fn read(headers: &HeaderMap) -> Self {
        let value = |name| headers.get(name).map(HeaderValue::as_bytes);
        match (value(&SEC_FETCH_SITE), value(&SEC_FETCH_MODE)) {
            (Some(b"none"), _) | (Some(_), Some(b"navigate")) => Self::Hand,
            (Some(b"same-origin"), _) => Self::OwnOrigin,
            (Some(_), _) => Self::OtherOrigin,
            (None, _) => Self::Unsaid,
        }
    }
}

/// `DNT` counts when it begins with `1` (extensions may follow); `Sec-GPC` when any of its values is
/// exactly `1`.
fn signals(headers: &HeaderMap) -> Signals {
    let any = |name, says_no: fn(&[u8]) -> bool| {
        headers.get_all(name).iter().any(|value| says_no(value.as_bytes()))
    };
    Signals {
        dnt: any(&DNT, |value| value.first() == Some(&b'1')),
        gpc: any(&SEC_GPC, |value| value == b"1"),
        ..Signals::default()
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(USER_AGENT_BYTES_MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_read_as_their_texts_say() {
        let cases: [(&'static str, &[&'static str], bool); 9] = [
            ("dnt", &["1"], true),
            ("dnt", &["1xyz"], true),
            ("dnt", &["0"], false),
            ("dnt", &[""], false),
            ("sec-gpc", &["1"], true),
            ("sec-gpc", &["0", "1"], true),
            ("sec-gpc", &["1x"], false),
            ("sec-gpc", &["true"], false),
            ("sec-gpc", &[], false),
        ];
        for (name, values, want) in cases {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(name, HeaderValue::from_static(value));
            }
            let got = signals(&headers);
            assert_eq!(got.dnt || got.gpc, want, "{name}: {values:?}");
        }
    }

    #[test]
    fn browsers_say_who_sent_it() {
        let cases = [
            (None, None, SentBy::Unsaid),
            (Some("none"), None, SentBy::Hand),
            (Some("none"), Some("navigate"), SentBy::Hand),
            (Some("cross-site"), Some("navigate"), SentBy::Hand),
            (Some("cross-site"), Some("no-cors"), SentBy::OtherOrigin),
            (Some("same-site"), Some("cors"), SentBy::OtherOrigin),
            (Some("same-origin"), Some("cors"), SentBy::OwnOrigin),
            (Some("news-from-the-future"), None, SentBy::OtherOrigin),
        ];
        for (site, mode, want) in cases {
            let mut headers = HeaderMap::new();
            let said = [("sec-fetch-site", site), ("sec-fetch-mode", mode)];
            for (name, value) in said.into_iter().filter_map(|(name, v)| Some((name, v?))) {
                headers.insert(name, HeaderValue::from_static(value));
            }
            assert_eq!(SentBy::read(&headers), want, "{site:?} {mode:?}");
        }
    }

    #[test]
    fn long_agents_are_cut_at_a_character() {
        let long = "ä".repeat(400);
        assert_eq!(cut(&long).len(), 512);
        assert_eq!(cut("short"), "short");
    }
}
