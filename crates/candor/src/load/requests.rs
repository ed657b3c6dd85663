//! Visitors that were made up: their requests are written beforehand, and differ in what matters for the
//! cost: page, agent, network, referrer, language, consent. One seed makes the same visitors each time.
#![expect(clippy::disallowed_types, reason = "the address of the collector")]

use std::net::SocketAddr;

use fastrand::Rng;
use form_urlencoded::Serializer;
use serde_json::{Value, json};

use crate::cli::Protocol;

/// Whose beacons are sent, and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct Visits {
    /// The collector.
    pub(crate) target: SocketAddr,
    /// The site, as the protocol names it.
    pub(crate) site: String,
    /// Where its pages are.
    pub(crate) origin: String,
    /// Beacons in a request.
    pub(crate) batch: u32,
    pub(crate) protocol: Protocol,
    /// How many visitors of 100 consent.
    pub(crate) consent: u8,
    pub(crate) seed: u64,
    pub(crate) agents: Agents,
    /// Whether each says its number as its dwell time, so that its row can be told from all others.
    pub(crate) is_numbered: bool,
}

/// Which browsers visitors have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agents {
    /// Some, as often as they are.
    Common,
    /// Each another, which nobody has seen before.
    NeverSeen,
}

/// Requests that are sent in turn, each time with ids of their own.
#[derive(Debug)]
pub(crate) struct Requests {
    templates: Vec<Template>,
    batch: u64,
    /// The first digits of every id.
    run: u128,
}

/// A request, and where ids stand in it.
#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    ids: Vec<usize>,
    agent: Option<usize>,
    dwell: Option<usize>,
}

/// Beacons that are different.
const BEACONS: u32 = 16_384;
/// Takes the place of an id: 24 hexadecimal digits.
const ID: &str = "IIIIIIIIIIIIIIIIIIIIIIII";
const ID_DIGITS: usize = ID.len();
/// Takes the place of what makes an agent another: 8 hexadecimal digits.
const AGENT: &str = "AAAAAAAA";
const AGENT_DIGITS: usize = AGENT.len();
/// Takes the place of a dwell time, and the least of those: a day has no more milliseconds of eight digits.
const DWELL: &str = "77777777";
pub(crate) const DWELL_MS_MIN: u64 = 10_000_000;
/// Digits of an id that count; those before are the run's.
const COUNTED_BITS: usize = 40;

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

/// A name for the first step of all its pages, by which its rows are found. Another one for each run, whatever its
/// seed: of two runs with one name, the second would find the rows of the first.
pub(crate) fn name_of_run() -> String {
    let mut random = Rng::new();
    let letters: String = (0..8).map(|_| random.lowercase()).collect();
    format!("load-{letters}")
}

impl Requests {
    /// The requests of a run.
    pub(crate) fn new(visits: &Visits, run: &str) -> Self {
        let mut random = Rng::with_seed(visits.seed);
        let requests = (BEACONS / visits.batch).max(64);
        let template = |_| Template::new(&request(visits, run, &mut random));
        let mut of_run =
            Rng::with_seed(run.bytes().fold(0, |all: u64, it| all.rotate_left(7) ^ u64::from(it)));
        Self {
            templates: (0..requests).map(template).collect(),
            batch: visits.batch.into(),
            run: of_run.u128(..1 << (4 * ID_DIGITS - COUNTED_BITS)) << COUNTED_BITS,
        }
    }

    /// Writes the request of this number; how many beacons it has.
    pub(super) fn write(&self, number: u64, into: &mut Vec<u8>) -> u64 {
        into.clear();
        let index = number % self.templates.len().max(1) as u64;
        let Some(template) = usize::try_from(index).ok().and_then(|it| self.templates.get(it))
        else {
            return 0;
        };
        into.extend_from_slice(&template.bytes);
        for (id, place) in (number * self.batch..).zip(&template.ids) {
            put(into, *place, &format!("{:0ID_DIGITS$x}", self.run | u128::from(id)));
        }
        if let Some(place) = template.agent {
            put(into, place, &format!("{:0AGENT_DIGITS$x}", number & 0xffff_ffff));
        }
        if let Some(place) = template.dwell {
            put(into, place, &(DWELL_MS_MIN + number).to_string());
        }
        self.batch
    }
}

fn put(into: &mut [u8], place: usize, text: &str) {
    if let Some(digits) = into.get_mut(place..place + text.len()) {
        digits.copy_from_slice(text.as_bytes());
    }
}

impl Template {
    fn new(text: &str) -> Self {
        let ids = text.match_indices(ID).map(|(place, _)| place).collect();
        let (agent, dwell) = (text.find(AGENT), text.find(DWELL));
        Self { bytes: text.as_bytes().to_vec(), ids, agent, dwell }
    }
}

fn request(visits: &Visits, run: &str, random: &mut Rng) -> String {
    let beacons: Vec<_> = (0..visits.batch).map(|_| Visit::draw(visits, run, random)).collect();
    let one = beacons.first().map(|visit| visit.beacon(visits)).unwrap_or_default();
    let head = head(visits, random);
    match visits.protocol {
        Protocol::Candor if beacons.len() == 1 => post("/v1/events", &head, &one),
        Protocol::Candor => {
            let all: Vec<_> = beacons.iter().map(|visit| visit.beacon(visits)).collect();
            post("/v1/events", &head, &Value::Array(all))
        }
        Protocol::Pixel => get("/v1/pixel.gif", &head, &one),
        Protocol::Plausible => post("/api/event", &head, &one),
        Protocol::Umami => post("/api/send", &head, &one),
        Protocol::Matomo => get("/matomo.php", &head, &one),
    }
}

fn post(path: &str, head: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\n{head}Content-Type: text/plain;charset=UTF-8\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

fn get(path: &str, head: &str, parameters: &Value) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in parameters.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => query.append_pair(name, text),
            other => query.append_pair(name, &other.to_string()),
        };
    }
    format!("GET {path}?{} HTTP/1.1\r\n{head}\r\n", query.finish())
}

/// What a browser behind a proxy sends with every beacon. The networks are set aside for measurements
/// (RFC 2544) and documentation (RFC 3849).
fn head(visits: &Visits, random: &mut Rng) -> String {
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
struct Visit {
    url: String,
    title: String,
    referrer: &'static str,
    language: &'static str,
    screen: &'static str,
    consent: Value,
}

impl Visit {
    fn draw(visits: &Visits, run: &str, random: &mut Rng) -> Self {
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

    fn beacon(&self, visits: &Visits) -> Value {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn visits(more: &[&str]) -> Visits {
        match Cli::try_parse_from([&["candor", "load"], more].concat()).unwrap().command {
            Command::Load(args) => args.visits(),
            other => panic!("{other:?}"),
        }
    }

    fn text(requests: &Requests, number: u64) -> String {
        let mut bytes = Vec::new();
        requests.write(number, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn one_seed_makes_the_same_visitors() {
        let of = |seed| Requests::new(&visits(&["--seed", seed]), "load-a");
        assert_eq!(text(&of("5"), 7), text(&of("5"), 7));
        assert_ne!(text(&of("5"), 7), text(&of("6"), 7));
    }

    #[test]
    fn no_two_runs_have_a_name_or_an_id_in_common() {
        let names: BTreeSet<_> = (0..1_000).map(|_| name_of_run()).collect();
        assert_eq!(names.len(), 1_000);
        let visits = visits(&[]);
        let id = |run: &String| {
            let text = text(&Requests::new(&visits, run), 0);
            text.split_once("\"id\":\"").unwrap().1.get(..14).unwrap().to_owned()
        };
        assert_eq!(names.iter().take(20).map(id).collect::<BTreeSet<_>>().len(), 20);
    }

    #[test]
    fn each_beacon_has_an_id_of_its_own() {
        let requests = Requests::new(&visits(&["--batch", "3"]), "load-a");
        let mut ids = BTreeSet::new();
        for number in 0..20_000 {
            let text = text(&requests, number);
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            for beacon in serde_json::from_str::<Vec<Value>>(body).unwrap() {
                assert!(ids.insert(beacon["id"].as_str().unwrap().to_owned()));
            }
        }
        assert_eq!(ids.len(), 60_000);
    }

    #[test]
    fn consent_comes_as_often_as_it_is_said() {
        for (percent, most) in [("0", 0.0), ("70", 0.7), ("100", 1.0)] {
            let requests = Requests::new(&visits(&["--consent", percent]), "load-a");
            let given = (0..BEACONS.into())
                .filter(|number| !text(&requests, *number).contains(r#""consent":false"#))
                .count();
            let share = f64::from(u32::try_from(given).unwrap()) / f64::from(BEACONS);
            assert!((share - most).abs() < 0.02, "{share} of {percent}");
        }
    }

    #[test]
    fn numbers_and_agents_are_each_other_ones() {
        let numbered = Visits {
            is_numbered: true,
            agents: Agents::NeverSeen,
            ..visits(&["--consent", "100"])
        };
        let requests = Requests::new(&numbered, "load-a");
        let of = |number| {
            let text = text(&requests, number);
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let beacon: Value = serde_json::from_str(body).unwrap();
            let agent = head.split("Own/").nth(1).unwrap().split("\r\n").next().unwrap().to_owned();
            (agent, beacon["dwell_ms"].as_u64().unwrap())
        };
        assert_eq!(of(3), ("00000003".to_owned(), DWELL_MS_MIN + 3));
        let later = 3 + u64::from(BEACONS);
        assert_eq!(of(later), (format!("{later:08x}"), DWELL_MS_MIN + later));
    }
}
