//! Compressed bodies.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{Answer, Front, Options, ask, body, post};

const GZIP: &str = "content-encoding: gzip\r\n";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

async fn send(front: &Front, path: &str, headers: &str, body: &[u8]) -> Answer {
    ask(&mut front.connect().await, &post(path, headers, body)).await
}

#[tokio::test]
async fn gzip_is_read_within_limits() {
    let front = Front::start(Options::default()).await;
    let batch = format!("[{}]", vec![body("one"); 500].join(","));
    let bomb = format!(r#"{{"site":"one","title":"{}"}}"#, "x".repeat(1_000_000));
    let table = [
        (GZIP, gzip(&body("one")), 202),
        (GZIP, gzip(&batch), 202),
        (GZIP, gzip(&bomb), 413),
        (GZIP, body("one").into_bytes(), 400),
        (GZIP, gzip(&body("one"))[..40].to_vec(), 400),
        ("content-encoding: identity\r\n", body("one").into_bytes(), 202),
        ("content-encoding: br\r\n", gzip(&body("one")), 415),
        ("content-encoding: gzip, gzip\r\n", gzip(&body("one")), 415),
    ];
    for (headers, sent, status) in table {
        let answer = send(&front, "/v1/events", headers, &sent).await;
        assert_eq!(answer.status, status, "{headers} {}", answer.body);
    }
    let plausible = r#"{"n":"pageview","u":"https://one.example/","d":"one.example"}"#;
    let answer = send(&front, "/api/event", GZIP, &gzip(plausible)).await;
    assert_eq!((answer.status, answer.outcome()), (202, "accepted"));
    let tally = front.door.tally();
    assert_eq!(tally.count(candor_event::Outcome::Accepted), 1 + 500 + 1 + 1);
}
