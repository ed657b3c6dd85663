//! Visitors that were made up: their requests are written beforehand, and differ in what matters for the
//! cost: page, agent, network, referrer, language, consent. One seed makes the same visitors each time.
#![expect(clippy::disallowed_types, reason = "the address of the collector")]

use std::net::SocketAddr;

use fastrand::Rng;
use form_urlencoded::Serializer;
use serde_json::Value;

use super::visitor::{Visit, head};
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
pub(super) const ID: &str = "IIIIIIIIIIIIIIIIIIIIIIII";
const ID_DIGITS: usize = ID.len();
/// Takes the place of what makes an agent another: 8 hexadecimal digits.
pub(super) const AGENT: &str = "AAAAAAAA";
const AGENT_DIGITS: usize = AGENT.len();
/// Takes the place of a dwell time, and the least of those: a day has no more milliseconds of eight digits.
pub(super) const DWELL: &str = "77777777";
pub(crate) const DWELL_MS_MIN: u64 = 10_000_000;
/// Digits of an id that count; those before are the run's.
const COUNTED_BITS: usize = 40;

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
