//! What is left of what a beacon says: never an id that somebody wrote into a page, and never more than
//! the policy lets.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test binary")]

mod support;

use candor_event::{Event, Timestamp, wire};
use candor_pipeline::{Head, Media, Peer, Pipeline, RawBeacons, Rejection, TrustedProxies};
use candor_policy::Denial;
use http::{HeaderMap, HeaderValue};

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);
const RULES: &str = r"
user_agent_parsers:
  - regex: '(\S+)/(\d+)'
os_parsers: []
device_parsers: []
";

/// A policy of the site `demo`, which keeps these fields.
fn pipeline(settings: &str, fields: &str) -> Pipeline {
    let policy = format!(
        "controller = {{ id = 'a', name = 'A', contact = 'a@a.example' }}
         sites = [{{ name = 'demo', hosts = ['localhost'] }}]
         {settings}
         [purposes.statistics]
         basis = 'consent'
         retention = '1 month'
         fields = [{fields}]"
    );
    support::pipeline(&policy, RULES)
}

fn send(pipeline: &Pipeline, agent: &'static str, more: &str) -> Result<Event, Rejection> {
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", HeaderValue::from_static(agent));
    let peer = Peer::new("192.0.2.77:4000".parse().unwrap());
    let head = Head::read(&peer, &headers, &TrustedProxies::default());
    let body = format!(r#"{{"site":"demo","consent":true,{more}}}"#);
    let raw = RawBeacons::split(body.as_bytes(), Media::Json)?;
    let kept = pipeline.run(raw.iter().next().unwrap(), &head, NOW)?;
    Ok(wire::decode(&kept.record).unwrap().events.remove(0))
}

#[test]
fn no_text_keeps_what_somebody_could_be_known_by() {
    let pipeline = pipeline(
        "page = { keep_query = ['q', 'to'], replace_path = ['/orders/*'] }\nreferrer.keep = 'path'",
        "'path', 'query', 'title', 'referrer_host', 'referrer_path', 'campaign', 'language', 'browser', 'props'",
    );
    let ids = [
        "jane@mail.example",
        "jane%40mail.example",
        "jane%2540mail.example",
        "040-1234567",
        "010190-123A",
        "811218-9876",
        "01019012345",
        "3f9a8c7e6d5b4a3f",
        "123456789",
        "198.51.100.77",
    ];
    for id in ids {
        let more = format!(
            r#""kind":"custom","name":"n {id}","title":"t {id}","language":"{id}",
            "url":"http://localhost/a/{id}?q={id}&to=/b%3Fc={id}&utm_source={id}&utm_term={id}&ref={id}&other={id}#{id}",
            "referrer":"https://www.search.example/r/{id}?q={id}","props":{{"p":"{id}","{id}":1}}"#
        );
        let event = send(&pipeline, "Mozilla/5.0", &more).unwrap();
        let all = format!("{event:?}");
        let marks = ["jane", "1234567", "123A", "9876", "01019012345", "3f9a8c7e", "198.51"];
        for mark in marks {
            assert!(!all.contains(mark), "{id}: {all}");
        }
        assert!(event.path.starts_with("/a/[") && event.referrer_path.starts_with("/r/["));
        assert!(event.title.starts_with("t [") && event.name.starts_with("n ["));
        let campaign = event.campaign.unwrap();
        assert!(campaign.source.starts_with('[') && campaign.term.starts_with('['));
        assert!(event.query.len() == 2 && event.query.iter().all(|pair| pair.value.contains('[')));
        assert!(event.props.iter().any(|prop| prop.value.starts_with('[')));
        assert!(event.props.iter().any(|prop| prop.name.starts_with('[')));
    }
    let url = r#""url":"http://localhost/%6Frders/4711/lines""#;
    assert_eq!(send(&pipeline, "", url).unwrap().path, "/orders/*/lines");
    let event = send(&pipeline, "jane@mail.example/7", r#""url":"http://localhost/""#).unwrap();
    assert_eq!(event.browser, "[e-mail]", "a name that an agent gives itself");
}

#[test]
fn a_referrer_is_kept_as_far_as_the_policy_says() {
    let both = "'path', 'referrer_host', 'referrer_path'";
    let cases = [
        ("host", "'path', 'referrer_host'", "https://www.search.example:8443/a", "search.example"),
        (
            "origin",
            "'path', 'referrer_host'",
            "https://www.search.example/a",
            "https://search.example",
        ),
        (
            "origin",
            "'path', 'referrer_host'",
            "http://search.example:8080/a",
            "http://search.example:8080",
        ),
        (
            "origin",
            "'path', 'referrer_host'",
            "https://search.example:443",
            "https://search.example",
        ),
        ("origin", "'path', 'referrer_host'", "http://localhost:1/a", ""),
        ("path", both, "https://jane:secret@search.example:8443/a", "search.example"),
        ("path", both, "https://192.0.2.1/a", ""),
        ("path", both, "ftp://search.example/a", ""),
    ];
    for (keep, fields, referrer, host) in cases {
        let pipeline = pipeline(&format!("referrer.keep = '{keep}'"), fields);
        let more = format!(r#""url":"http://localhost/","referrer":"{referrer}""#);
        let event = send(&pipeline, "", &more).unwrap();
        let path = if keep == "path" && !host.is_empty() { "/a" } else { "" };
        assert_eq!((event.referrer_host.as_str(), event.referrer_path.as_str()), (host, path));
    }
}

#[test]
fn an_objection_is_one_beacons_own() {
    let pipeline = pipeline("[signals]\ndnt = []\nobjection = ['statistics']", "'path'");
    let objects = |more: &str| {
        let more = format!(r#""url":"http://localhost/"{more}"#);
        send(&pipeline, "", &more).err()
    };
    let denied = Some(Rejection::Denied(Denial::Objection));
    assert_eq!(objects(r#","objection":true"#), denied);
    assert_eq!(objects(r#","objection":false"#), None);
    assert_eq!(objects(""), None);
    assert_eq!(objects(r#","objection":"yes""#), Some(Rejection::Malformed));

    let (peer, headers) = (Peer::new("192.0.2.77:4000".parse().unwrap()), HeaderMap::new());
    let head = Head::read(&peer, &headers, &TrustedProxies::default());
    let pixel = |objection: &str| {
        let query = format!("site=demo&consent=true&url=http://localhost/{objection}");
        pipeline.run_pixel(&query, &head, NOW).err()
    };
    assert_eq!(pixel("&objection=1"), denied);
    assert_eq!(pixel("&objection=0"), None);
}
