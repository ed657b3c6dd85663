//! One beacon through all stages: what is kept, and which rejection answers what.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test binary")]

mod support;

use candor_event::{Basis, Event, Kind, Timestamp, wire};
use candor_pipeline::{Head, Import, Media, Peer, Pipeline, RawBeacons, Rejection, TrustedProxies};
use candor_policy::{DEMO, Denial};
use http::{HeaderMap, HeaderName, HeaderValue};

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);
const RULES: &str = r"
user_agent_parsers:
  - regex: '(Firefox)/(\d+)'
os_parsers: []
device_parsers: []
";

fn pipeline(policy: &str) -> Pipeline {
    support::pipeline(policy, RULES)
}

fn hashing(address: &str, visitor: &str) -> String {
    format!(
        "[controller]\nid = \"a\"\nname = \"A\"\ncontact = \"a@example.org\"\n\
         [[sites]]\nname = \"demo\"\nhosts = [\"localhost\"]\n\
         [address]\nmode = \"{address}\"\n[visitor]\nmode = \"{visitor}\"\n\
         [purposes.statistics]\nbasis = \"consent\"\nretention = \"1 months\"\n\
         fields = [\"path\"{}{}]\n",
        if address == "drop" { "" } else { ", \"address\"" },
        if visitor == "none" { "" } else { ", \"visitor\"" },
    )
}

struct Request {
    from: &'static str,
    headers: &'static [(&'static str, &'static str)],
    now: Timestamp,
}

const PLAIN: Request = Request { from: "192.0.2.77:4000", headers: &[], now: NOW };

impl Request {
    fn send(&self, pipeline: &Pipeline, body: &str) -> Result<Event, Rejection> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let peer = Peer::new(self.from.parse().unwrap());
        let head = Head::read(&peer, &headers, &TrustedProxies::default());
        let raw = RawBeacons::split(body.as_bytes(), Media::Json)?;
        let kept = pipeline.run(raw.iter().next().unwrap(), &head, self.now)?;
        Ok(wire::decode(&kept.record).unwrap().events.remove(0))
    }
}

const PAGE: &str = r#"{"site":"demo","url":"http://localhost:8080/a?page=2&email=jane&utm_source=news#x",
"referrer":"https://www.search.example/find?q=secret","title":"A\u0007b","screen":"1920x1080",
"consent":true,"props":{"plan":"pro"}}"#;

#[test]
fn what_the_demo_policy_keeps() {
    let request = Request {
        headers: &[("user-agent", "Firefox/140"), ("accept-language", "fi-FI,fi;q=0.9")],
        ..PLAIN
    };
    let event = request.send(&pipeline(DEMO), PAGE).unwrap();
    assert_eq!(event.kind, i32::from(Kind::Pageview));
    assert_eq!((event.path.as_str(), event.title.as_str()), ("/a", "A b"));
    assert_eq!(event.referrer_host, "search.example");
    assert_eq!(event.campaign.unwrap().source, "news");
    assert!(event.query.iter().all(|pair| pair.name != "email"));
    assert_eq!((event.browser.as_str(), event.language.as_str()), ("Firefox", "fi-FI"));
    assert_eq!((event.screen_width, event.screen_height), (1920, 1080));
    assert_eq!(event.props[0].value, "pro");
    assert_eq!(event.address[10..], [255, 255, 192, 0, 2, 0]);
    assert_eq!(event.address_prefix, 24);
    assert!(event.visitor.is_empty() && event.address_hash.is_empty());
    assert_eq!(event.grants.len(), 1);
    assert_eq!(event.grants[0].basis, i32::from(Basis::Consent));
}

#[test]
fn what_is_rejected_and_why() {
    let pipeline = pipeline(DEMO);
    let send = |body: &str| PLAIN.send(&pipeline, body).unwrap_err();
    let cases = [
        (r#"{"site":"demo","url":"http://localhost/"}"#, Rejection::Denied(Denial::Consent)),
        (
            r#"{"site":"demo","url":"http://localhost/","consent":false}"#,
            Rejection::Denied(Denial::Consent),
        ),
        (r#"{"site":"other","url":"http://localhost/","consent":true}"#, Rejection::UnknownSite),
        (r#"{"site":"demo","url":"http://evil.example/","consent":true}"#, Rejection::HostDenied),
        (r#"{"site":"demo","url":"ftp://localhost/","consent":true}"#, Rejection::HostDenied),
        (r#"{"site":"demo","url":"no url","consent":true}"#, Rejection::Malformed),
        (
            r#"{"site":"demo","url":"http://localhost/","kind":"unheard","consent":true}"#,
            Rejection::Malformed,
        ),
        (
            r#"{"site":"demo","url":"http://localhost/","kind":"custom","consent":true}"#,
            Rejection::Malformed,
        ),
        (r#"{"site":"demo""#, Rejection::Malformed),
    ];
    for (body, want) in cases {
        assert_eq!(send(body), want, "{body}");
    }
    let origins = [
        ("http://localhost:8080", None),
        ("https://evil.example", Some(Rejection::HostDenied)),
        ("null", Some(Rejection::HostDenied)),
    ];
    for (origin, want) in origins {
        let headers = vec![("origin", origin)].leak();
        assert_eq!(Request { headers, ..PLAIN }.send(&pipeline, PAGE).err(), want, "{origin}");
    }
}

#[test]
fn a_hash_is_stable_within_an_epoch_and_not_across() {
    let pipeline = pipeline(&hashing("hash", "none"));
    let hash =
        |from, now| Request { from, now, ..PLAIN }.send(&pipeline, PAGE).unwrap().address_hash;
    let first = hash("192.0.2.77:1", NOW);
    assert_eq!(first.len(), 16);
    assert_eq!(first, hash("192.0.2.77:2", NOW.plus_seconds(60)));
    assert_ne!(first, hash("192.0.2.78:1", NOW));
    assert_ne!(first, hash("192.0.2.77:1", NOW.plus_seconds(86_400)));
}

#[test]
fn a_rotating_visitor_is_recognised_over_a_rotation_for_half_an_hour() {
    let pipeline = pipeline(&hashing("drop", "rotating"));
    let at = |now| Request { now, ..PLAIN }.send(&pipeline, PAGE).unwrap();
    let midnight = Timestamp::from_unix((NOW.unix() / 86_400 + 1) * 86_400);
    let before = at(midnight.plus_seconds(-60));
    let after = at(midnight.plus_seconds(60));
    assert_ne!(before.visitor, after.visitor);
    assert_eq!(before.visitor, after.visitor_previous);
    assert!(at(midnight.plus_seconds(1_800)).visitor_previous.is_empty());
}

#[test]
fn a_consented_visitor_is_stable() {
    let pipeline = pipeline(&hashing("drop", "consented"));
    let body =
        r#"{"site":"demo","url":"http://localhost/","consent":true,"visitor":"0123456789abcdef"}"#;
    let at = |now| Request { now, ..PLAIN }.send(&pipeline, body).unwrap().visitor;
    assert_eq!(at(NOW).len(), 16);
    assert_eq!(at(NOW), at(NOW.plus_seconds(10 * 86_400)));
}

#[test]
fn an_id_makes_a_retry_the_same_event() {
    let pipeline = pipeline(DEMO);
    let id = |id: &str| {
        let body = format!(r#"{{"site":"demo","url":"http://localhost/","consent":true{id}}}"#);
        PLAIN.send(&pipeline, &body).unwrap().id
    };
    assert_eq!(id(r#","id":"a""#), id(r#","id":"a""#));
    assert_ne!(id(r#","id":"a""#), id(r#","id":"b""#));
    assert_ne!(id(""), id(""));
    let known = pipeline.event_id("demo", "a").unwrap();
    assert_eq!(id(r#","id":"a""#), known.to_vec());
    // Another collector, or this one after a restart: it has another key.
    let other = self::pipeline(DEMO);
    assert_eq!(other.event_id("demo", "a").unwrap(), known);
}

#[test]
fn a_log_goes_through_the_same_gate() {
    let pipeline = pipeline(DEMO);
    let line = |path: &str, offset: i64| {
        format!(
            r#"{{"offset_s":{offset},"ip":"192.0.2.77","method":"GET","path":"{path}","status":200,"referrer":"-","user_agent":"Firefox/9"}}"#
        )
    };
    let run = |consent: &[&str], line: &str| {
        let consent = consent.iter().map(ToString::to_string).collect();
        let import = Import { site: "demo".to_owned(), consent, end: (NOW, 0) };
        pipeline.run_line(line.as_bytes(), &import, NOW)
    };
    let kept = run(&["statistics"], &line("/a?page=1", -3_600)).unwrap();
    let event = wire::decode(&kept.record).unwrap().events.remove(0);
    assert_eq!(event.received_at, NOW.unix() - 3_600);
    assert_eq!(event.grants[0].basis, i32::from(Basis::OperatorAsserted));
    assert_eq!((event.path.as_str(), event.browser.as_str()), ("/a", "Firefox"));
    assert_eq!(event.address[12..], [192, 0, 2, 0]);

    let rejection = |consent: &[&str], line: &str| run(consent, line).unwrap_err();
    assert_eq!(rejection(&[], &line("/", 0)), Rejection::Denied(Denial::Consent));
    let three_years = -3 * 366 * 86_400;
    assert_eq!(
        rejection(&["statistics"], &line("/", three_years)),
        Rejection::Denied(Denial::Expired)
    );
    assert_eq!(rejection(&["statistics"], &line("/a.css", 0)), Rejection::NotAPage);
}
