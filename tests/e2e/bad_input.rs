//! Whatever comes in: a clear answer without an echo, the process lives, nothing else is lost.

use std::io::{Read, Write};
use std::net::TcpStream;

use candor_tests::{Answer, Candor};

use super::pageview;

const MARK: &str = "visitor-made-text";

fn post(candor: &Candor, content_type: &str, body: &[u8]) -> Answer {
    candor.beacons().post("/v1/events", &[("content-type", content_type)], body)
}

#[test]
fn every_bad_input_has_its_answer_and_none_is_echoed() {
    let candor = Candor::demo();
    let json = "application/json";
    let one_mib = "x".repeat(1 << 20);
    let deep = format!(r#"{{"site":"demo","props":{}"#, "[".repeat(30_000));
    let marked = |more: &str| format!(r#"{{"site":"demo","title":"{MARK}",{more}}}"#);
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        (json, format!(r#"{{"site":"demo","{MARK}"#).into(), 400, "malformed"),
        (json, b"".to_vec(), 400, "malformed"),
        (json, format!(r#"{{"site":"demo","title":"{one_mib}"}}"#).into(), 413, "too_large"),
        (
            json,
            format!(r#"{{"site":"demo","title":"{}"}}"#, "x".repeat(70_000)).into(),
            413,
            "too_large",
        ),
        (json, marked(&format!(r#""url":"{}""#, "x".repeat(9_000))).into(), 400, "malformed"),
        ("application/octet-stream", MARK.into(), 415, "unsupported_media"),
        (
            json,
            marked(r#""url":"http://localhost/","site2":1,"kind":"nonsense""#).into(),
            400,
            "malformed",
        ),
        (
            json,
            format!(r#"{{"site":"{MARK}","url":"http://localhost/"}}"#).into(),
            403,
            "unknown_site",
        ),
        (json, marked(&format!(r#""url":"http://{MARK}.example/""#)).into(), 403, "host_denied"),
        (json, b"{\"site\":\"demo\",\"title\":\"\xff\xfe\"}".to_vec(), 400, "malformed"),
        (json, deep.into_bytes(), 400, "malformed"),
        (json, format!("[{}1]", "1,".repeat(1_000)).into(), 413, "too_large"),
        (json, vec![0; 500], 400, "malformed"),
    ];
    let total = cases.len();
    for (content_type, body, status, outcome) in cases {
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = post(&candor, content_type, &body);
        assert_eq!((answer.status, answer.outcome.as_str()), (status, outcome), "{start}");
        let said = format!("{}{}", answer.headers, answer.body);
        assert!(!said.contains(MARK), "an echo of {start}: {said}");
        assert!(answer.body.contains("\"title\""), "it says what to do: {}", answer.body);
    }
    assert_eq!(candor.send(&pageview("")).status, 202, "it lives");
    assert_eq!(candor.metric("collector_beacons_received_total"), total as u64 + 1);
    candor.sql_becomes("SELECT count() FROM candor.statistics", "1");
    assert!(!candor.log().contains(MARK), "nor is it logged");
}

#[test]
fn one_bad_line_rejects_only_itself() {
    let candor = Candor::demo();
    let lines = format!("{}\nnonsense\n{}\n", pageview(""), pageview(""));
    let answer = post(&candor, "application/x-ndjson", lines.as_bytes());
    assert_eq!(answer.status, 202);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["accepted"], 2);
    assert_eq!(body["outcomes"], serde_json::json!(["accepted", "malformed", "accepted"]));

    let denied = r#"{"site":"demo","url":"http://localhost/"}"#;
    let array = format!("[{},{denied},{{\"site\":7}}]", pageview(""));
    let answer = post(&candor, "application/json", array.as_bytes());
    assert_eq!(answer.status, 202);
    assert!(
        answer.body.contains(r#"["accepted","consent_denied","malformed"]"#),
        "{}",
        answer.body
    );
    candor.sql_becomes("SELECT count() FROM candor.statistics", "3");

    let none = post(&candor, "application/json", format!("[{denied},{{}}]").as_bytes());
    assert_eq!(none.status, 400);
    assert!(none.body.contains(r#""outcomes":["consent_denied","malformed"]"#), "{}", none.body);
}

#[test]
fn what_is_not_http_is_dropped() {
    let candor = Candor::demo();
    let address = candor.beacons().base().trim_start_matches("http://").to_owned();
    let huge_header = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    let many = "a: b\r\n".repeat(500);
    let many_headers = format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n");
    let junk: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\ncontent-length: 5, 6\r\n\r\nabcdef",
        huge_header.as_bytes(),
        many_headers.as_bytes(),
    ];
    for bytes in junk {
        let mut stream = TcpStream::connect(&address).unwrap();
        // The other side may hang up before it has everything.
        stream.write_all(bytes).ok();
        stream.shutdown(std::net::Shutdown::Write).ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(candor.send(&pageview("")).status, 202, "it lives");
}

#[test]
fn a_client_that_leaves_is_counted() {
    let candor = Candor::demo();
    let address = candor.beacons().base().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{\"site\":";
    stream.write_all(head.as_bytes()).unwrap();
    candor_tests::eventually("it is heard", || {
        (candor.metric("collector_beacons_received_total") > 0).then_some(())
    });
    drop(stream);
    candor_tests::eventually("received is the sum of all outcomes", || {
        let malformed = candor.metric("collector_beacons_total{outcome=\"malformed\"}");
        let abandoned = candor.metric("collector_beacons_total{outcome=\"abandoned\"}");
        (malformed + abandoned >= 1).then_some(())
    });
}

#[test]
fn routes_and_methods() {
    let candor = Candor::demo();
    assert_eq!(candor.beacons().get("/v1/events", &[]).status, 405);
    assert_eq!(candor.beacons().get("/nowhere", &[]).status, 404);
    assert_eq!(candor.beacons().get("/metrics", &[]).status, 404, "that is for the admin listener");
    let preflight =
        candor.beacons().send("OPTIONS", "/v1/events", &[("origin", "https://a.example")], b"");
    let preflight = preflight.unwrap();
    assert_eq!(preflight.status, 204);
    assert!(preflight.headers.contains("access-control-allow-headers"), "{}", preflight.headers);
    let foreign = candor.beacons().post(
        "/v1/events",
        &[("content-type", "text/plain"), ("origin", "https://evil.example")],
        pageview(""),
    );
    assert_eq!((foreign.status, foreign.outcome.as_str()), (403, "host_denied"));
}

#[test]
fn who_says_nothing_is_hung_up_on() {
    let candor = Candor::demo();
    let address = candor.beacons().base().trim_start_matches("http://").to_owned();
    let beginnings: [&[u8]; 3] = [b"", b"P", b"PRI * HT"];
    let streams: Vec<_> = beginnings
        .iter()
        .map(|beginning| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(beginning).unwrap();
            stream.set_read_timeout(Some(std::time::Duration::from_secs(15))).unwrap();
            stream
        })
        .collect();
    for mut stream in streams {
        let ended = stream.read_to_end(&mut Vec::new());
        let timed_out = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
        assert!(!ended.as_ref().is_err_and(timed_out), "still open: {ended:?}");
    }
}
