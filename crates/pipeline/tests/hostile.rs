//! Requests as no browser sends them, from addresses that are looked for in all that comes out: nothing panics,
//! and no address is kept, in whatever form. Another address stands in the texts of beacons: it is not kept either.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test binary")]

mod support;

use candor_event::{Event, Timestamp, wire};
use candor_hostile::{Canary, IN_TEXT, V4, V6, attack};
use candor_pipeline::{
    Call, Head, HopsHeader, Import, Kept, Media, Peer, Pipeline, Protocol, RawBeacons, Rejection,
    TrustedProxies,
};
use http::{HeaderMap, HeaderValue};

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);
const RULES: &str = r"
user_agent_parsers:
  - regex: '(Firefox)/(\d+)'
os_parsers:
  - regex: '(Windows NT|Linux)'
device_parsers: []
";
/// Keeps all that a policy can keep of a beacon, without being asked for consent.
const POLICY: &str = r#"
[controller]
id = "a"
name = "A"
contact = "a@example.org"
[[sites]]
name = "demo"
hosts = ["localhost", "*.a.example"]
also = ["plausible:demo", "umami:94db1cb1-74f4-4a40-ad6c-962362670409", "matomo:1"]
scripts = "after-consent"
[address]
mode = "truncate"
v4 = 24
v6 = 48
[visitor]
mode = "rotating"
[page]
keep_query = ["page", "q"]
[referrer]
keep = "path"
[purposes.statistics]
basis = "consent"
retention = "1 months"
fields = ["path", "query", "title", "referrer_host", "referrer_path", "campaign", "source", "channel",
  "language", "screen", "browser", "browser_version", "os", "os_version", "device", "bot", "address",
  "visitor", "dwell", "scroll", "props"]
"#;

const FROM_V4: &str = "203.0.113.77:4000";
const FROM_V6: &str = "[2001:db8:a11:ce:5eed:dead:beef:77]:4000";

/// Policies for an address that is cut short and for one that is hashed, and a visitor's id beside that.
fn pipelines() -> [Pipeline; 2] {
    let hashed = POLICY.replace("mode = \"truncate\"\nv4 = 24\nv6 = 48", "mode = \"hash\"");
    assert_ne!(hashed, POLICY);
    let truncated =
        POLICY.replace("\n  \"visitor\",", "").replace("mode = \"rotating\"", "mode = \"none\"");
    [pipeline(&truncated), pipeline(&hashed)]
}

fn pipeline(policy: &str) -> Pipeline {
    support::pipeline(policy, RULES)
}

/// A request that says its address wherever it can.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("user-agent", format!("Mozilla/5.0 (X11; Linux x86_64; {V4}) Firefox/140.0 {V6}")),
        ("referer", format!("http://localhost/from/{IN_TEXT}?ip={IN_TEXT}")),
        ("x-forwarded-for", format!("{V4}, {V6}")),
        ("forwarded", format!("for={V4};proto=https, for=\"[{V6}]\"")),
        ("x-real-ip", V4.to_owned()),
        ("accept-language", "fi-FI,fi;q=0.9".to_owned()),
    ] {
        headers.insert(name, HeaderValue::from_str(&value).unwrap());
    }
    headers
}

/// Kept or refused, and how often.
#[derive(Default)]
struct Tally {
    is_log: bool,
    kept: u64,
    refused: u64,
}

impl Tally {
    fn count(&mut self, result: Result<Kept, Rejection>) {
        match result {
            Err(rejection) => {
                self.refused += 1;
                let said = format!("{rejection:?} {}", rejection.outcome().label());
                assert_eq!(Canary::in_text(said.as_bytes()), None, "{said}");
            }
            Ok(kept) => {
                self.kept += 1;
                let mut events = wire::decode(&kept.record).unwrap().events;
                let mut event = events.remove(0);
                assert!(events.is_empty());
                clear_random(&mut event);
                let shown = format!("{event:?}");
                assert_eq!(Canary::stands_free(&shown), None, "{shown}");
                // Only lines of logs hold the visitor's own address: nowhere else can it be a part of a word.
                let record = wire::encode(&event);
                let found = if self.is_log {
                    Canary::is_packed_in(&record)
                } else {
                    Canary::of_visitor_in(&record)
                };
                assert!(!found, "{shown}");
            }
        }
    }

    #[track_caller]
    fn both(&self) {
        assert!(self.kept > 0 && self.refused > 0, "{} kept, {} refused", self.kept, self.refused);
    }
}

fn clear_random(event: &mut Event) {
    for random in [&mut event.id, &mut event.visitor, &mut event.address_hash] {
        random.clear();
    }
    event.policy_version.clear();
}

/// Takes both addresses in turn.
fn run(number: &mut u64, headers: &HeaderMap, one: impl FnOnce(&Head<'_>)) {
    *number += 1;
    let from = if number.is_multiple_of(2) { FROM_V4 } else { FROM_V6 };
    let peer = Peer::new(from.parse().unwrap());
    one(&Head::read(&peer, headers, &TrustedProxies::default()));
}

fn page() -> String {
    format!(
        r#"{{"site":"demo","url":"http://localhost:8080/a/{IN_TEXT}/b?page=2&q={IN_TEXT}&utm_source={IN_TEXT}#x",
"referrer":"https://www.search.example/find/{IN_TEXT}?q=secret","title":"From {IN_TEXT} here","screen":"1920x1080",
"language":"fi","dwell_ms":1200,"scroll_percent":50,"consent":true,"visitor":"abcdefghij0123456789",
"id":"0123456789abcdef","props":{{"plan":"pro","where":"{IN_TEXT}","n":3}}}}"#
    )
}

const WORDS: [&str; 7] = [
    "\"kind\":\"custom\",\"name\":\"x\",",
    "\"consent\":{\"statistics\":true}",
    "null",
    "true",
    "http://localhost/",
    "\\u0031",
    "demo",
];

#[test]
fn hostile_beacons() {
    let (pipelines, headers) = (pipelines(), headers());
    let one = page();
    let array = format!("[{one},{one}]");
    let lines = format!("{}\n{}\n", one.replace('\n', ""), one.replace('\n', ""));
    let (mut tally, mut number) = (Tally::default(), 0);
    let seeds = [one.as_bytes(), array.as_bytes(), lines.as_bytes()];
    attack("beacon", &seeds, &WORDS, |body| {
        run(&mut number, &headers, |head| {
            for media in [Media::Json, Media::Ndjson] {
                match RawBeacons::split(body, media) {
                    Err(rejection) => tally.count(Err(rejection)),
                    Ok(raw) => {
                        for pipeline in &pipelines {
                            raw.iter().for_each(|raw| tally.count(pipeline.run(raw, head, NOW)));
                        }
                    }
                }
            }
        });
    });
    tally.both();
}

#[test]
fn hostile_pixels() {
    let (pipelines, headers) = (pipelines(), headers());
    let query = format!(
        "site=demo&url=http%3A%2F%2Flocalhost%2Fa%2F{IN_TEXT}%3Fpage%3D2&title=From+{IN_TEXT}&consent=true&screen=1x2"
    );
    let without = "site=demo&consent=statistics&kind=engagement&dwell_ms=5";
    let (mut tally, mut number) = (Tally::default(), 0);
    attack("pixel", &[query.as_bytes(), without.as_bytes()], &WORDS, |bytes| {
        let Ok(query) = str::from_utf8(bytes) else { return };
        run(&mut number, &headers, |head| {
            for pipeline in &pipelines {
                tally.count(pipeline.run_pixel(query, head, NOW));
            }
        });
    });
    tally.both();
}

#[test]
fn hostile_beacons_of_other_products() {
    let (pipelines, headers) = (pipelines(), headers());
    let plausible = format!(
        r#"{{"n":"pageview","u":"http://localhost/p/{IN_TEXT}?q={IN_TEXT}","d":"demo","r":"https://b.example/{IN_TEXT}","p":{{"a":"{IN_TEXT}"}}}}"#
    );
    let umami = format!(
        r#"{{"type":"event","payload":{{"website":"94db1cb1-74f4-4a40-ad6c-962362670409","hostname":"localhost","url":"/p/{IN_TEXT}","title":"{IN_TEXT}","screen":"1x2","language":"fi","ip":"{IN_TEXT}","userAgent":"{IN_TEXT}"}}}}"#
    );
    let matomo = format!(
        "idsite=1&rec=1&url=http%3A%2F%2Flocalhost%2Fp%2F{IN_TEXT}&action_name={IN_TEXT}&cip={IN_TEXT}&res=1x2&_id=0123456789abcdef"
    );
    let several = format!(r#"{{"requests":["?{matomo}","?{matomo}"]}}"#);
    let umamis = format!("[{umami},{umami}]");
    let cases: [(&'static str, Protocol, [&[u8]; 2]); 3] = [
        ("plausible", Protocol::Plausible, [plausible.as_bytes(), plausible.as_bytes()]),
        ("umami", Protocol::Umami, [umami.as_bytes(), umamis.as_bytes()]),
        ("matomo", Protocol::Matomo, [matomo.as_bytes(), several.as_bytes()]),
    ];
    for (name, protocol, seeds) in cases {
        let (mut tally, mut number) = (Tally::default(), 0);
        attack(name, &seeds, &WORDS, |bytes| {
            run(&mut number, &headers, |head| {
                let query = str::from_utf8(bytes).unwrap_or_default();
                for call in [Call { query, body: b"" }, Call { query: "", body: bytes }] {
                    for pipeline in &pipelines {
                        let (_, results) = pipeline.run_foreign(protocol, call, head, NOW);
                        assert!(!results.is_empty());
                        for result in results {
                            tally.count(result);
                        }
                    }
                }
            });
        });
        tally.both();
    }
}

#[test]
fn hostile_lines_of_logs() {
    let pipelines = pipelines();
    let combined = format!(
        r#"{V4} - - [15/Sep/2026:10:11:12 +0200] "GET /p/{IN_TEXT}?q={IN_TEXT} HTTP/1.1" 200 12 "http://localhost/{IN_TEXT}" "Mozilla/5.0 ({V4}) Firefox/140.0""#
    );
    let json = format!(
        r#"{{"time":1789990000,"ip":"{V6}","method":"GET","path":"/p/{IN_TEXT}","status":200,"referrer":"","user_agent":"Firefox/140 {V6}"}}"#
    );
    let offset = json.replace(r#""time":1789990000"#, r#""offset_s":-5"#);
    let import =
        Import { site: "demo".to_owned(), consent: vec!["statistics".to_owned()], end: (NOW, 0) };
    let mut tally = Tally { is_log: true, ..Tally::default() };
    let seeds = [combined.as_bytes(), json.as_bytes(), offset.as_bytes()];
    attack("access-log", &seeds, &WORDS, |line| {
        for pipeline in &pipelines {
            tally.count(pipeline.run_line(line, &import, NOW));
        }
    });
    tally.both();
}

#[test]
fn hostile_headers() {
    let (pipelines, peer) = (pipelines(), Peer::new("10.0.0.1:9".parse().unwrap()));
    let proxies: Vec<ipnet::IpNet> =
        vec!["10.0.0.0/8".parse().unwrap(), "203.0.113.0/28".parse().unwrap()];
    let body = br#"{"site":"demo","url":"http://localhost/","consent":true}"#;
    let seeds = [
        format!("{V4}, 10.0.0.2"),
        format!("unknown, [{V6}]:443, 10.1.1.1"),
        format!("for={V4}:80;by=10.0.0.3;proto=https, for=\"[{V6}]:17\", for=_hidden"),
        format!("Mozilla/5.0 ({V4}) Firefox/140.0"),
        format!("\"Chromium\";v=\"140\", \"Not={V4}\";v=\"8\""),
        format!("https://localhost:8080/{IN_TEXT}?q={IN_TEXT}"),
        "fi-FI,fi;q=0.9,*;q=0".to_owned(),
    ];
    let seeds: Vec<_> = seeds.iter().map(String::as_bytes).collect();
    let mut tally = Tally::default();
    attack("headers", &seeds, &WORDS, |bytes| {
        let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
        let mut headers = HeaderMap::new();
        for name in [
            "x-forwarded-for",
            "forwarded",
            "user-agent",
            "referer",
            "accept-language",
            "dnt",
            "sec-gpc",
            "sec-ch-ua",
            "sec-ch-ua-platform",
            "sec-ch-ua-mobile",
            "sec-ch-ua-model",
            "origin",
        ] {
            headers.append(name, value.clone());
        }
        for header in [HopsHeader::Forwarded, HopsHeader::XForwardedFor] {
            let trusted = TrustedProxies::from(proxies.clone()).saying_in(header);
            let head = Head::read(&peer, &headers, &trusted);
            let raw = RawBeacons::split(body, Media::Json).unwrap().iter().next().unwrap();
            for pipeline in &pipelines {
                pipeline.allows_origin(&value);
                pipeline.mark_of_request(&peer, &headers, &trusted, NOW);
                tally.count(pipeline.run(raw, &head, NOW));
            }
        }
        let media = value.to_str().ok();
        if let Err(rejection) = Media::of_content_type(media) {
            tally.count(Err(rejection));
        }
    });
    tally.both();
}
