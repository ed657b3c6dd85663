//! A visit of which there is everything to know.

use candor_event::Kind;
use serde_json::{Value, json};

/// A visit, with all that a beacon can say.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    page: String,
    kind: Kind,
    consent: Value,
    objects: bool,
    from: &'static str,
    agent: &'static str,
    signal: Option<&'static str>,
}

/// Of this address MaxMind's test database knows the city.
pub(crate) const FROM_CHANGCHUN: &str = "175.16.199.77";
/// Of this one it knows the network.
pub(crate) const FROM_TELSTRA: &str = "1.128.7.9";

const FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// A visit to this page by a person who consented to everything.
pub(crate) fn page(page: &str) -> Visit {
    Visit {
        page: page.to_owned(),
        kind: Kind::Pageview,
        consent: json!(true),
        objects: false,
        from: FROM_CHANGCHUN,
        agent: FIREFOX,
        signal: None,
    }
}

// === impl Visit ===

impl Visit {
    pub(crate) fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Consented to this and no more.
    pub(crate) fn consent(self, consent: Value) -> Self {
        Self { consent, ..self }
    }

    /// Consented to nothing.
    pub(crate) fn without_consent(self) -> Self {
        self.consent(Value::Null)
    }

    /// Objects to being counted.
    pub(crate) fn objecting(self) -> Self {
        Self { objects: true, ..self }
    }

    /// With a browser that sends this header.
    pub(crate) fn signal(self, header: &'static str) -> Self {
        Self { signal: Some(header), ..self }
    }

    pub(crate) fn from(self, from: &'static str) -> Self {
        Self { from, ..self }
    }

    /// By a machine.
    pub(crate) fn by_a_crawler(self) -> Self {
        Self { agent: CRAWLER, ..self }
    }

    pub(crate) fn headers(&self) -> Vec<(&'static str, &'static str)> {
        let mut headers = vec![
            ("content-type", "application/json"),
            ("user-agent", self.agent),
            ("x-forwarded-for", self.from),
            ("accept-language", "sv-SE,sv;q=0.9"),
        ];
        headers.extend(self.signal.map(|header| (header, "1")));
        headers
    }

    pub(crate) fn body(&self, site: &str) -> String {
        let url = format!(
            "https://www.{site}{}?q=boots&utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e",
            self.page
        );
        let mut body = json!({
            "site": site,
            "kind": self.kind.label(),
            "url": url,
            "referrer": "https://www.search.example/find/boots?q=boots",
            "title": "Boots",
            "screen": "1920x1080",
            "language": "sv-SE",
            "visitor": "0123456789abcdef",
            "dwell_ms": 1_500,
            "scroll_percent": 40,
            "props": { "plan": "pro" },
            "consent": self.consent,
            "objection": self.objects,
        });
        if self.kind == Kind::Custom {
            body["name"] = json!("call");
        }
        body.to_string()
    }
}
