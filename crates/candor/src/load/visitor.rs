//! One visitor who was made up: browser, address and page, drawn by lot.

use fastrand::Rng;
use serde_json::{Value, json};

use super::requests::{AGENT, Agents, DWELL, ID, Visits};
use crate::cli::Protocol;

/// How common they are, and the browsers.
const AGENTS: [(u32, &str); 10] = [
    (
        34,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    (
        22,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    ),
    (
        20,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    ),
    (
        8,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    ),
    (
        5,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    ),
    (4, "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"),
    (3, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"),
    (
        2,
        "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    ),
    (
        1,
        "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1",
    ),
    (
        1,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 OPR/123.0.0.0",
    ),
];
/// Where visitors come from; most follow a link of the site itself.
const REFERRERS: [(u32, &str); 6] = [
    (60, ""),
    (24, "https://www.google.com/"),
    (4, "https://duckduckgo.com/"),
    (6, "https://l.facebook.com/"),
    (3, "https://www.linkedin.com/feed/"),
    (3, "https://news.example/articles/winter"),
];
const SECTIONS: [&str; 5] = ["shop", "articles", "help", "about", "offers"];
const LANGUAGES: [(u32, &str); 4] = [(50, "fi-FI"), (25, "en-US"), (20, "sv-SE"), (5, "nb-NO")];
const SCREENS: [(u32, &str); 3] = [(40, "1920x1080"), (40, "390x844"), (20, "2560x1440")];

/// What a browser behind a proxy sends with every beacon. The networks are set aside for measurements
/// (RFC 2544) and documentation (RFC 3849).
pub(super) fn head(visits: &Visits, random: &mut Rng) -> String {
    let address = if random.u8(..10) < 8 {
        format!("198.{}.{}.{}", random.u8(18..20), random.u8(..), random.u8(1..255))
    } else {
        let [a, b] = [random.u16(..), random.u16(1..)];
        format!("2001:db8:{a:x}::{b:x}")
    };
    let (agent, language) = (weighted(&AGENTS, random), weighted(&LANGUAGES, random));
    let own = match visits.agents {
        Agents::Common => String::new(),
        Agents::NeverSeen => format!(" Own/{AGENT}"),
    };
    format!(
        "Host: {}\r\nOrigin: {}\r\nX-Forwarded-For: {address}\r\nUser-Agent: {agent}{own}\r\n\
         Accept: */*\r\nAccept-Language: {language},{};q=0.9\r\n",
        visits.target,
        visits.origin,
        language.get(..2).unwrap_or_default(),
    )
}

/// A page view.
#[derive(Debug)]
pub(super) struct Visit {
    url: String,
    title: String,
    referrer: &'static str,
    language: &'static str,
    screen: &'static str,
    consent: Value,
}

impl Visit {
    pub(super) fn draw(visits: &Visits, run: &str, random: &mut Rng) -> Self {
        let section = random.choice(SECTIONS).unwrap_or_default();
        // A few pages have most visitors.
        let item = (random.f32().powi(3) * 500.0).floor();
        let campaign =
            if random.u8(..100) < 5 { "?utm_source=letter&utm_medium=email" } else { "" };
        let consent = match random.u8(..100) {
            percent if percent >= visits.consent => json!(false),
            percent if percent % 10 == 0 => json!({ "statistics": true, "marketing": false }),
            _ => json!(true),
        };
        Self {
            url: format!("{}/{run}/{section}/item-{item}{campaign}", visits.origin),
            title: format!("Things of the {section}, number {item}"),
            referrer: weighted(&REFERRERS, random),
            language: weighted(&LANGUAGES, random),
            screen: weighted(&SCREENS, random),
            consent,
        }
    }

    pub(super) fn beacon(&self, visits: &Visits) -> Value {
        let Self { url, title, referrer, language, screen, consent } = self;
        let site = &visits.site;
        match visits.protocol {
            Protocol::Candor => {
                let mut beacon = json!({
                    "site": site, "url": url, "title": title, "referrer": referrer, "id": ID,
                    "language": language, "screen": screen, "consent": consent,
                });
                if let (true, Some(keys)) = (visits.is_numbered, beacon.as_object_mut()) {
                    keys.insert("dwell_ms".to_owned(), json!(DWELL.parse::<u32>().ok()));
                }
                beacon
            }
            Protocol::Pixel => json!({
                "site": site, "url": url, "title": title, "referrer": referrer, "id": ID,
                "consent": consent.as_bool().unwrap_or(true),
            }),
            Protocol::Plausible => {
                json!({ "n": "pageview", "u": url, "d": site, "r": referrer })
            }
            Protocol::Umami => json!({ "type": "event", "payload": {
                "website": site, "url": url, "title": title, "referrer": referrer,
                "language": language, "screen": screen,
            } }),
            Protocol::Matomo => json!({
                "idsite": site, "rec": 1, "url": url, "action_name": title, "urlref": referrer,
                "lang": language, "res": screen,
            }),
        }
    }
}

fn weighted(from: &[(u32, &'static str)], random: &mut Rng) -> &'static str {
    let all: u32 = from.iter().map(|(weight, _)| weight).sum();
    let mut drawn = random.u32(..all.max(1));
    for (weight, text) in from {
        if drawn < *weight {
            return text;
        }
        drawn -= weight;
    }
    ""
}
