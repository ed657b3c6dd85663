//! What the request's headers say about the visitor, read once for all beacons of a request.

use candor_policy::Signals;
use http::{HeaderMap, HeaderValue};

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

/// The most of a user agent that is looked at.
const USER_AGENT_BYTES_MAX: usize = 512;

/// The headers that are read, each by its first value; gathered in one pass, which costs less than to look for each.
#[derive(Default)]
struct Said<'a> {
    signals: Signals,
    hints: Hints<'a>,
    user_agent: Option<&'a HeaderValue>,
    language: Option<&'a HeaderValue>,
    origin: Option<&'a HeaderValue>,
    referer: Option<&'a HeaderValue>,
    fetch_site: Option<&'a HeaderValue>,
    fetch_mode: Option<&'a HeaderValue>,
}

impl<'a> Head<'a> {
    /// Reads the headers.
    pub fn read(peer: &Peer, headers: &'a HeaderMap, trusted: &TrustedProxies) -> Self {
        let said = Said::of(headers);
        Self {
            client: ClientIp::of_request(peer, headers, trusted),
            signals: said.signals,
            user_agent: cut(text(said.user_agent).unwrap_or_default()),
            hints: said.hints,
            language: text(said.language),
            origin: said.origin.map(|origin| text(Some(origin)).unwrap_or("null")),
            referer: text(said.referer),
            sent_by: said.sent_by(),
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

impl<'a> Said<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            said.hear(name.as_str(), value);
        }
        said
    }

    fn hear(&mut self, name: &str, value: &'a HeaderValue) {
        let place = match name {
            "accept-language" => &mut self.language,
            "origin" => &mut self.origin,
            "referer" => &mut self.referer,
            "sec-fetch-mode" => &mut self.fetch_mode,
            "sec-fetch-site" => &mut self.fetch_site,
            "user-agent" => &mut self.user_agent,
            // Extensions may follow; any of several values counts.
            "dnt" => return self.signals.dnt |= value.as_bytes().first() == Some(&b'1'),
            "sec-gpc" => return self.signals.gpc |= value == "1",
            _ => return self.hints.hear(name, value),
        };
        place.get_or_insert(value);
    }

    fn sent_by(&self) -> SentBy {
        let value = |value: Option<&'a HeaderValue>| value.map(HeaderValue::as_bytes);
        match (value(self.fetch_site), value(self.fetch_mode)) {
            (Some(b"none"), _) | (Some(_), Some(b"navigate")) => SentBy::Hand,
            (Some(b"same-origin"), _) => SentBy::OwnOrigin,
            (Some(_), _) => SentBy::OtherOrigin,
            (None, _) => SentBy::Unsaid,
        }
    }
}

/// Some agents are not ASCII; `HeaderValue::to_str` would take them for nothing.
fn text(value: Option<&HeaderValue>) -> Option<&str> {
    std::str::from_utf8(value?.as_bytes()).ok()
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
            let got = Said::of(&headers).signals;
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
            assert_eq!(Said::of(&headers).sent_by(), want, "{site:?} {mode:?}");
        }
    }

    #[test]
    fn long_agents_are_cut_at_a_character() {
        let long = "ä".repeat(400);
        assert_eq!(cut(&long).len(), 512);
        assert_eq!(cut("short"), "short");
    }
}
