//! Who sends too much must wait, and nobody else.

use std::sync::Arc;
use std::time::Duration;

use candor_collector::{Config, Limits};
use candor_event::Outcome;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep};

use crate::support::{Front, Options, ask, beacon, body, post, some, within};

fn limited(limits: Limits) -> Options {
    Options { config: Config { limits, ..Config::default() }, ..Options::default() }
}

#[tokio::test]
async fn a_network_that_sends_too_much_waits_and_others_do_not() {
    let limits =
        Limits { network_per_second: some(1), network_burst: some(5), ..Limits::default() };
    let front = Front::start(limited(limits)).await;
    for visitor in ["192.0.2.1", "192.0.2.77", "192.0.2.254", "192.0.2.1", "192.0.2.1"] {
        assert_eq!(front.send("one", visitor).await.status, 202);
    }
    for visitor in ["192.0.2.1", "192.0.2.99"] {
        let refused = front.send("two", visitor).await;
        assert_eq!((refused.status, refused.outcome()), (429, "rate_limited"));
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert!(refused.body.contains("send less") && !refused.body.contains("192.0.2"));
    }
    assert_eq!(front.send("one", "192.0.3.1").await.status, 202, "the network beside it");
    assert_eq!(front.send("one", "2001:db8::1").await.status, 202);
    assert_eq!(front.door.tally().count(Outcome::RateLimited), 2);

    let mut stream = front.connect().await;
    let from = "x-forwarded-for: 192.0.2.5\r\n";
    let plausible = r#"{"n":"pageview","u":"https://one.example/","d":"one.example"}"#;
    let refused = ask(&mut stream, &post("/api/event", from, plausible.as_bytes())).await;
    assert_eq!((refused.status, refused.outcome()), (429, "rate_limited"));
    let pixel = format!("GET /v1/pixel.gif?site=one HTTP/1.1\r\nhost: a\r\n{from}\r\n");
    assert_eq!(ask(&mut stream, pixel.as_bytes()).await.status, 429);

    let batch = format!("[{}]", vec![body("one"); 4].join(","));
    let batch = |visitor: &str| {
        post("/v1/events", &format!("x-forwarded-for: {visitor}\r\n"), batch.as_bytes())
    };
    assert_eq!(ask(&mut stream, &batch("198.51.100.1")).await.status, 202);
    let refused = ask(&mut stream, &batch("198.51.100.2")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("3")));
    let nine = format!("[{}]", vec![body("one"); 9].join(","));
    let nine = post("/v1/events", "x-forwarded-for: 203.0.113.1\r\n", nine.as_bytes());
    let answer = ask(&mut stream, &nine).await;
    assert_eq!(answer.status, 202, "more than a burst counts as one, or it could never come");
    // Whoever is trusted is not counted: a site's own server.
    for _ in 0..10 {
        assert_eq!(
            ask(&mut stream, &post("/v1/events", "", body("one").as_bytes())).await.status,
            202
        );
    }
    let tally = front.door.tally();
    assert_eq!(tally.count(Outcome::RateLimited), 2 + 2 + 4);
    assert_eq!(tally.received(), tally.count(Outcome::Accepted) + 8);
}

#[tokio::test]
async fn a_site_that_sends_too_much_waits_and_others_do_not() {
    let limits = Limits { site_per_second: some(1), site_burst: some(3), ..Limits::default() };
    let front = Front::start(limited(limits)).await;
    for last in 1..=3 {
        assert_eq!(front.send("one", &format!("192.0.{last}.1")).await.status, 202);
    }
    let refused = front.send("one", "192.0.9.1").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(front.send("two", "192.0.9.1").await.status, 202);

    let mixed = format!("[{},{},{}]", body("two"), body("one"), body("two"));
    let mut stream = front.connect().await;
    let answer = ask(&mut stream, &post("/v1/events", "", mixed.as_bytes())).await;
    assert_eq!(answer.status, 202);
    let told = r#""outcomes":["accepted","rate_limited","accepted"]"#;
    assert!(answer.body.contains(told), "{}", answer.body);
}

/// Before a log that stores 500 beacons a second, a hot site sends as fast as 200 connections can.
#[tokio::test(flavor = "multi_thread")]
async fn a_hot_site_does_not_starve_a_small_one_before_a_slow_log() {
    let front = Front::start(Options { each: Duration::from_millis(2), ..Options::default() });
    let front = Arc::new(front.await);
    let hot: Vec<_> = (0..200)
        .map(|number| {
            let front = Arc::clone(&front);
            tokio::spawn(async move {
                let beacons = format!("[{}]", vec![body("one"); 20].join(","));
                let from = format!("x-forwarded-for: 10.{number}.0.1\r\n");
                let request = post("/v1/events", &from, beacons.as_bytes());
                let mut stream = front.connect().await;
                loop {
                    if ask(&mut stream, &request).await.status != 202 {
                        sleep(Duration::from_millis(20)).await;
                    }
                }
            })
        })
        .collect();
    // What came before the collector saw how slow the log is waits for as long as it takes.
    within(async {
        while front.door.tally().count(Outcome::Accepted) < 6_000 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let mut tick = interval(Duration::from_millis(100));
    let mut waits = Vec::new();
    let mut stream = front.connect().await;
    for number in 0..50 {
        tick.tick().await;
        let began = Instant::now();
        let answer = ask(&mut stream, &beacon("two", "192.0.2.1")).await;
        assert_eq!(answer.status, 202, "beacon {number} of the small site");
        waits.push(began.elapsed());
    }
    hot.iter().for_each(JoinHandle::abort);
    let longest = waits.iter().max().unwrap();
    println!("the small site waited {longest:?} at most");
    assert!(*longest < Duration::from_secs(3), "{longest:?}");
    let tally = front.door.tally();
    assert!(tally.count(Outcome::RateLimited) > 0, "the hot site was held back");
    assert_eq!(tally.count(Outcome::Unavailable), 0, "and nobody waited in vain");
}
