//! Each protocol beside ours: a request, and the beacon that says the same.

use candor_policy::Denial;
use proptest::prelude::*;

use super::*;

const BAD: Rejection = Rejection::Malformed;
const UUID: &str = "94db1cb1-74f4-4a40-ad6c-962362670409";

fn call<'a>(protocol: Protocol, query: &'a str, body: &'a str) -> Read<'a> {
    read(protocol, Call { query, body: body.as_bytes() }, None)
}

/// Our beacons, as JSON; a word stands for a refusal.
#[track_caller]
fn assert_means(read: &Read<'_>, ours: &[Result<&str, Rejection>]) {
    assert_eq!(read.beacons.len(), ours.len());
    for (beacon, ours) in read.beacons.iter().zip(ours) {
        let ours = ours.map(|json| serde_json::from_str::<Beacon<'_>>(json).unwrap());
        assert_eq!(beacon, &ours);
    }
}

#[test]
fn plausible_says() {
    let page = r#""url":"https://a.example/p","site":"a.example""#;
    let cases = [
        (
            // The documentation's first example.
            r#"{"name":"pageview","url":"http://dummy.site","domain":"dummy.site"}"#,
            r#"{"kind":"pageview","url":"http://dummy.site/","site":"dummy.site"}"#.to_owned(),
        ),
        (
            r#"{"n":"pageview","u":"https://a.example/p?utm_source=x#top","d":"A.example","r":"https://b.example/","v":36,"i":false}"#,
            r#"{"kind":"pageview","url":"https://a.example/p?utm_source=x","site":"a.example","referrer":"https://b.example/"}"#.to_owned(),
        ),
        (
            r#"{"n":"pageview","u":"https://www.a.example/p","r":null}"#,
            r#"{"kind":"pageview","url":"https://www.a.example/p","site":"a.example"}"#.to_owned(),
        ),
        (
            r#"{"n":"pageview","u":"https://a.example/app#/me?token=1","h":1,"d":"a.example"}"#,
            r#"{"kind":"pageview","url":"https://a.example/app%23/me","site":"a.example"}"#.to_owned(),
        ),
        (
            r#"{"n":"engagement","u":"https://a.example/p","d":"a.example","sd":71,"e":3007,"v":36}"#,
            format!(r#"{{"kind":"engagement",{page},"dwell_ms":3007,"scroll_percent":71}}"#),
        ),
        (
            r#"{"n":"engagement","u":"https://a.example/p","d":"a.example","sd":255,"e":1}"#,
            format!(r#"{{"kind":"engagement",{page},"dwell_ms":1}}"#),
        ),
        (
            r#"{"n":"engagement","u":"https://a.example/p","d":"a.example","sd":9,"e":2592000000}"#,
            format!(r#"{{"kind":"engagement",{page},"scroll_percent":9}}"#),
        ),
        (
            r#"{"n":"Outbound Link: Click","u":"https://a.example/p","d":"a.example","p":{"url":"https://b.example/"}}"#,
            format!(r#"{{"kind":"click",{page},"props":{{"url":"https://b.example/"}}}}"#),
        ),
        (
            r#"{"n":"File Download","u":"https://a.example/p","d":"a.example","m":"{\"url\":\"/a.pdf\"}"}"#,
            format!(r#"{{"kind":"download",{page},"props":{{"url":"/a.pdf"}}}}"#),
        ),
        (
            r#"{"n":"Form: Submission","u":"https://a.example/p","d":"a.example"}"#,
            format!(r#"{{"kind":"form",{page}}}"#),
        ),
        (
            r#"{"n":404,"u":"https://a.example/p","d":"a.example","p":"no json"}"#,
            format!(r#"{{"kind":"custom","name":"404",{page}}}"#),
        ),
        (
            r#"{"n":"Buy","u":"https://a.example/p","d":"a.example","p":{"a":1,"b":true,"c":null,"d":[1],"e":{}},"$":{"currency":"EUR","amount":12.5}}"#,
            format!(
                r#"{{"kind":"custom","name":"Buy",{page},"props":{{"a":1,"b":true,"revenue_amount":12.5,"revenue_currency":"EUR"}}}}"#
            ),
        ),
    ];
    for (theirs, ours) in &cases {
        assert_means(&call(Protocol::Plausible, "", theirs), &[Ok(ours)]);
    }
    let two = r#"{"n":"pageview","u":"https://a.example/p","d":"a.example, b.example"}"#;
    let of = |site: &str| {
        format!(r#"{{"kind":"pageview","url":"https://a.example/p","site":"{site}"}}"#)
    };
    let (a, b) = (of("a.example"), of("b.example"));
    assert_means(&call(Protocol::Plausible, "", two), &[Ok(&a), Ok(&b)]);
}

#[test]
fn umami_says() {
    let page = format!(r#""url":"https://a.example/p","site":"{UUID}""#);
    let send = |kind: &str, payload: &str| {
        format!(r#"{{"type":"{kind}","payload":{{"website":"{UUID}",{payload}}}}}"#)
    };
    let cases = [
        (
            // The documentation's own example, at a host of its own.
            send(
                "event",
                r#""hostname":"a.example","screen":"1920x1080","language":"en-US","url":"/","referrer":"","title":"dashboard","tag":"t","name":"event-name","data":{"foo":"bar","deep":{"er":1}}"#,
            ),
            Ok(format!(
                r#"{{"kind":"custom","name":"event-name","url":"http://a.example/","site":"{UUID}","title":"dashboard","screen":"1920x1080","language":"en-US","props":{{"tag":"t","foo":"bar"}}}}"#
            )),
        ),
        (
            send(
                "event",
                r#""url":"https://a.example/p","referrer":"https://b.example/","ip":"203.0.113.9","userAgent":"x","timestamp":1,"browser":"x","os":"x","device":"x","data":{"a":1}"#,
            ),
            Ok(format!(r#"{{"kind":"pageview",{page},"referrer":"https://b.example/"}}"#)),
        ),
        (
            send("event", &format!(r#""url":"https://a.example/p","id":"{UUID}""#)),
            Ok(format!(r#"{{"kind":"pageview",{page},"visitor":"{UUID}"}}"#)),
        ),
        (
            send("event", r#""url":"https://a.example/p","id":"jane-from-accounting""#),
            Ok(format!(r#"{{"kind":"pageview",{page}}}"#)),
        ),
        (send("event", r#""hostname":"a@evil.example","url":"/""#), Err(BAD)),
        (send("event", r#""name":"no page""#), Err(BAD)),
        (
            send("identify", r#""data":{"email":"a@a.example"}"#),
            Err(Rejection::Denied(Denial::Kind)),
        ),
        (send("performance", r#""lcp":1"#), Err(Rejection::Denied(Denial::Kind))),
        (send("other", r#""url":"https://a.example/p""#), Err(BAD)),
        (
            r#"{"type":"event","payload":{"link":"x","url":"https://a.example/p"}}"#.to_owned(),
            Err(BAD),
        ),
    ];
    for (theirs, ours) in &cases {
        let ours = ours.as_ref().map(String::as_str).map_err(|rejection| *rejection);
        let read = call(Protocol::Umami, "", theirs);
        assert_eq!(read.reply, Reply::One);
        assert_means(&read, &[ours]);
    }
    let batch = format!("[{},7,{}]", cases[1].0, cases[7].0);
    let read = call(Protocol::Umami, "", &batch);
    assert_eq!(read.reply, Reply::Each);
    let first = cases[1].1.as_ref().unwrap();
    assert_means(&read, &[Ok(first), Err(BAD), Err(Rejection::Denied(Denial::Kind))]);
}

#[test]
fn matomo_says() {
    const START: &str = "idsite=1&rec=1&url=https%3A%2F%2Fa.example%2Fp";
    let page = r#""url":"https://a.example/p","site":"1""#;
    let cases = [
        ("", format!(r#"{{"kind":"pageview",{page}}}"#)),
        (
            "&action_name=A+b&urlref=https%3A%2F%2Fb.example%2F&res=1280x1024&lang=fi&_id=0123456789abcdef&uid=jane%40a.example&rand=1&apiv=1&h=1&m=2&s=3&cookie=1&pv_id=aBcDeF&pf_net=1&cip=203.0.113.9&cdt=1&token_auth=x&country=fi&ua=x&cvar=%7B%7D&new_visit=1",
            format!(
                r#"{{"kind":"pageview",{page},"title":"A b","referrer":"https://b.example/","screen":"1280x1024","language":"fi","visitor":"0123456789abcdef"}}"#
            ),
        ),
        (
            "&cid=fedcba9876543210&_id=0123456789abcdef",
            format!(r#"{{"kind":"pageview",{page},"visitor":"fedcba9876543210"}}"#),
        ),
        (
            "&link=https%3A%2F%2Fb.example%2F",
            format!(r#"{{"kind":"click",{page},"props":{{"url":"https://b.example/"}}}}"#),
        ),
        (
            "&download=https%3A%2F%2Fa.example%2Fa.pdf&dimension2=x&dimensions=y",
            format!(
                r#"{{"kind":"download",{page},"props":{{"url":"https://a.example/a.pdf","dimension2":"x"}}}}"#
            ),
        ),
        (
            "&e_c=Video&e_a=Play&e_n=Intro&e_v=3&ca=1",
            format!(
                r#"{{"kind":"custom","name":"Play",{page},"props":{{"category":"Video","name":"Intro","value":"3"}}}}"#
            ),
        ),
        (
            "&search=shoes&search_cat=&search_count=4",
            format!(
                r#"{{"kind":"custom","name":"search",{page},"props":{{"keyword":"shoes","count":"4"}}}}"#
            ),
        ),
        (
            "&idgoal=3&revenue=9.5",
            format!(
                r#"{{"kind":"custom","name":"goal",{page},"props":{{"goal":"3","revenue":"9.5"}}}}"#
            ),
        ),
        (
            "&idgoal=0&ec_id=A-77&ec_items=%5B%5D&revenue=9&ec_tx=1",
            format!(
                r#"{{"kind":"custom","name":"order",{page},"props":{{"revenue":"9","tax":"1"}}}}"#
            ),
        ),
        (
            "&idgoal=0&revenue=9",
            format!(r#"{{"kind":"custom","name":"cart",{page},"props":{{"revenue":"9"}}}}"#),
        ),
        (
            "&c_n=Ad&c_p=a.png&c_i=click",
            format!(
                r#"{{"kind":"custom","name":"content",{page},"props":{{"name":"Ad","piece":"a.png","interaction":"click"}}}}"#
            ),
        ),
        ("&ping=1", format!(r#"{{"kind":"engagement",{page}}}"#)),
    ];
    for (more, ours) in &cases {
        let theirs = format!("{START}{more}");
        assert_means(&call(Protocol::Matomo, &theirs, ""), &[Ok(ours)]);
        assert_means(&call(Protocol::Matomo, "", &theirs), &[Ok(ours)]);
        let bulk = serde_json::json!({ "requests": [format!("?{theirs}")], "token_auth": "x" });
        let bulk = bulk.to_string();
        let read = call(Protocol::Matomo, "", &bulk);
        assert_eq!(read.reply, Reply::Each);
        assert_means(&read, &[Ok(ours)]);
    }
}

#[test]
fn only_drawn_ids_are_taken() {
    let taken = |id: &str| drawn(id.to_owned()).is_some();
    for id in ["0123456789abcdef", "FEDCBA9876543210", UUID] {
        assert!(taken(id), "{id}");
    }
    let long = "a".repeat(65);
    for id in [
        "",
        "abc",
        "0123456789abcde",
        "1234567890123456",
        "jane-from-accounting",
        "a@a.example",
        &long,
    ] {
        assert!(!taken(id), "{id}");
    }
}

#[test]
fn matomo_says_it_in_lists_and_images() {
    let object = r#"{"requests":[{"idsite":1,"rec":1,"url":"https://a.example/p"},7,"?idsite=1"]}"#;
    let first = r#"{"kind":"pageview","url":"https://a.example/p","site":"1"}"#;
    assert_means(&call(Protocol::Matomo, "", object), &[Ok(first), Err(BAD), Err(BAD)]);
    for bad in
        ["", "idsite=1", "idsite=1&rec=0&url=x", "rec=1&url=x", "idsite=1&rec=1&e_c=only&url=x"]
    {
        assert_means(&call(Protocol::Matomo, bad, ""), &[Err(BAD)]);
    }
    assert_eq!(call(Protocol::Matomo, "send_image=0", "").reply, Reply::Silent);
    let image = Call { query: "idsite=1&rec=1", body: b"" };
    let beacon = r#"{"kind":"pageview","site":"1","url":"https://a.example/here"}"#;
    assert_means(&read(Protocol::Matomo, image, Some("https://a.example/here")), &[Ok(beacon)]);
}

#[test]
fn what_is_no_event_is_refused() {
    let cases = [
        (Protocol::Plausible, ""),
        (Protocol::Plausible, "[]"),
        (Protocol::Plausible, r#"{"n":"pageview","d":"a.example"}"#),
        (Protocol::Plausible, r#"{"u":"https://a.example/","d":"a.example"}"#),
        (Protocol::Plausible, r#"{"n":"pageview","u":"data:text/html,x"}"#),
        (Protocol::Plausible, r#"{"n":"pageview","u":"/path"}"#),
        (Protocol::Plausible, r#"{"n":"engagement","u":"https://a.example/","sd":255}"#),
        (Protocol::Umami, ""),
        (Protocol::Umami, "[]"),
        (Protocol::Umami, "[{},"),
        (Protocol::Umami, r#"{"type":"event"}"#),
        (Protocol::Matomo, "{}"),
        (Protocol::Matomo, r#"{"requests":[]}"#),
        (Protocol::Matomo, r#"{"requests":{}}"#),
    ];
    for (protocol, body) in cases {
        assert_means(&call(protocol, "", body), &[Err(BAD)]);
    }
}

#[test]
fn limits_hold() {
    let large = "x".repeat(BEACON_BYTES_MAX);
    let cases = [
        (Protocol::Plausible, format!(r#"{{"n":"{large}"}}"#)),
        (Protocol::Umami, format!(r#"{{"type":"{large}"}}"#)),
        (Protocol::Umami, format!("[{}1]", "1,".repeat(BEACONS_MAX))),
        (Protocol::Umami, format!(r#"["{large}"]"#)),
        (Protocol::Matomo, format!("url={large}")),
        (Protocol::Matomo, format!(r#"{{"requests":[{}1]}}"#, "1,".repeat(BEACONS_MAX))),
        (Protocol::Matomo, format!(r#"{{"requests":["{large}"]}}"#)),
        (
            Protocol::Plausible,
            format!(r#"{{"n":"a","u":"http://a/","d":"{}"}}"#, "a,".repeat(DOMAINS)),
        ),
    ];
    for (protocol, body) in cases {
        assert_means(&call(protocol, "", &body), &[Err(Rejection::TooLarge)]);
    }
    let long = "x".repeat(600);
    let event = format!(
        r#"{{"n":"A","u":"http://a/","d":"a","r":"http://{}","p":{{"{long}":1,"b":"{long}","c":2}}}}"#,
        "x".repeat(5_000)
    );
    let ours = r#"{"kind":"custom","name":"A","url":"http://a/","site":"a","props":{"c":2}}"#;
    assert_means(&call(Protocol::Plausible, "", &event), &[Ok(ours)]);
}

const DOMAINS: usize = 9;

proptest! {
    #[test]
    fn any_request_is_read_or_refused(query in ".{0,80}", body: Vec<u8>, text in "\\PC{0,80}") {
        for protocol in Protocol::ALL {
            for body in [body.as_slice(), text.as_bytes()] {
                let read = read(*protocol, Call { query: &query, body }, Some(&text));
                prop_assert!(!read.beacons.is_empty());
            }
        }
    }

    /// Right up to a value that may be anything.
    #[test]
    fn any_value_is_read_or_refused(
        name in "n|u|d|r|p|\\$|h|e|sd|type|payload|website|url|hostname|data|id|requests|rec|idsite",
        value in "[-0-9.]{1,6}|null|true|\"[^\"\\\\]{0,30}\"|\\[\\]|\\{\\}|\\{\"a\":1\\}",
        word in "\\PC{0,30}",
    ) {
        let plain = format!(r#"{{"n":"a","u":"http://a/","{name}":{value}}}"#);
        let sent = format!(r#"{{"type":"event","payload":{{"website":"a","url":"/","{name}":{value}}}}}"#);
        let bulk = format!(r#"{{"requests":[{{"rec":1,"idsite":1,"url":"http://a/","{name}":{value}}}]}}"#);
        let query = format!("rec=1&idsite=1&url=http://a/&{name}={word}");
        for protocol in Protocol::ALL {
            for body in [plain.as_str(), &sent, &bulk] {
                prop_assert!(!call(*protocol, &query, body).beacons.is_empty());
            }
        }
    }
}
