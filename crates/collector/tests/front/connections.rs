//! Connections: how many, for how long, and how they end.

use std::time::Duration;

use bytes::Bytes;
use candor_collector::server::Drained;
use candor_collector::{Config, Limits};
use candor_event::Outcome;
use candor_pipeline::TrustedProxies;
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::support::{Front, Options, answer, ask, beacon, body, closed, post, within};

const VISITOR: &str = "192.0.2.1";

#[tokio::test]
async fn a_network_has_so_many_connections_and_no_more() {
    let limits = Limits { connections_of_network: 3, ..Limits::default() };
    let strangers = TrustedProxies::from(Vec::new());
    let config = Config { limits, trusted_proxies: strangers, ..Config::default() };
    let front = Front::start(Options { config: config.clone(), ..Options::default() }).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = front.connect().await;
        assert_eq!(ask(&mut stream, &beacon("one", VISITOR)).await.status, 202);
        held.push(stream);
    }
    let mut refused = front.connect().await;
    assert!(closed(&mut refused).await < Duration::from_secs(2), "at once");
    assert_eq!(ask(&mut held[0], &beacon("one", VISITOR)).await.status, 202, "others stay");
    drop(held.pop());
    within(async {
        loop {
            let mut stream = front.connect().await;
            stream.write_all(&beacon("one", VISITOR)).await.ok();
            if stream.read_u8().await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;

    let trusted = Config { trusted_proxies: TrustedProxies::default(), ..config };
    let front = Front::start(Options { config: trusted, ..Options::default() }).await;
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut stream = front.connect().await;
        assert_eq!(ask(&mut stream, &beacon("one", VISITOR)).await.status, 202);
        held.push(stream);
    }
}

#[tokio::test]
async fn who_is_idle_makes_room_when_it_is_crowded() {
    let config = Config { connections_max: 8, ..Config::default() };
    let front = Front::start(Options { config, ..Options::default() }).await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        let mut stream = front.connect().await;
        assert_eq!(ask(&mut stream, &beacon("one", VISITOR)).await.status, 202);
        idle.push(stream);
    }
    // Alone, an idle connection is held for half a minute.
    let waited = tokio::time::Instant::now();
    assert_eq!(front.send("one", VISITOR).await.status, 202);
    assert!(waited.elapsed() < Duration::from_secs(12), "{:?}", waited.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_ones_are_closed_and_those_who_come_again_are_not() {
    let front = Front::start(Options::default()).await;
    let seconds = Duration::from_secs;
    let silent = async {
        let took = closed(&mut front.connect().await).await;
        assert!((seconds(4)..seconds(8)).contains(&took), "silent: {took:?}");
    };
    let dripping_headers = async {
        let mut stream = front.connect().await;
        let (mut read, mut write) = stream.split();
        let drip = async {
            for byte in b"GET / HTTP/1.1\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" {
                if write.write_all(&[*byte]).await.is_err() {
                    break;
                }
                sleep(Duration::from_millis(300)).await;
            }
            std::future::pending::<()>().await;
        };
        let took = tokio::select! {
            took = closed(&mut read) => took,
            () = drip => return,
        };
        assert!((seconds(4)..seconds(8)).contains(&took), "headers: {took:?}");
    };
    let dripping_body = async {
        let mut stream = front.connect().await;
        let head = "POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n{";
        let told = ask(&mut stream, head.as_bytes()).await;
        assert_eq!((told.status, told.outcome()), (408, "too_slow"));
        assert!(closed(&mut stream).await < seconds(2), "it does not wait for the rest");
    };
    let coming_again = async {
        let mut stream = front.connect().await;
        for pause in [0, 8, 12] {
            sleep(seconds(pause)).await;
            assert_eq!(ask(&mut stream, &beacon("one", VISITOR)).await.status, 202);
        }
        stream.write_all(b"POST /v1/ev").await.unwrap();
        let took = closed(&mut stream).await;
        assert!((seconds(4)..seconds(8)).contains(&took), "the next headers: {took:?}");
    };
    let idle = async {
        let mut stream = front.connect().await;
        assert_eq!(ask(&mut stream, &beacon("one", VISITOR)).await.status, 202);
        let took = closed(&mut stream).await;
        assert!((seconds(28)..seconds(36)).contains(&took), "idle: {took:?}");
    };
    let never_reading = never_reads(&front);
    tokio::join!(silent, dripping_headers, dripping_body, coming_again, idle, never_reading);
    assert_eq!(front.door.tally().count(Outcome::TooSlow), 1);
}

/// Asks on and on without taking an answer: until its end, and ours, are full.
async fn never_reads(front: &Front) {
    let mut stream = front.connect().await;
    let request = post("/v1/events", "", b"nonsense").repeat(100);
    let began = tokio::time::Instant::now();
    let wrote = within(async {
        loop {
            if let Err(error) = stream.write_all(&request).await {
                return error;
            }
        }
    })
    .await;
    let took = began.elapsed();
    assert!(took > Duration::from_secs(4), "{wrote} after {took:?}");
}

#[tokio::test]
async fn a_drain_answers_what_is_under_way() {
    let front = Front::start(Options { each: Duration::from_secs(2), ..Options::default() }).await;
    let mut idle = front.connect().await;
    assert_eq!(ask(&mut idle, b"GET /robots.txt HTTP/1.1\r\nhost: a\r\n\r\n").await.status, 200);
    let mut silent = front.connect().await;
    let mut asking = front.connect().await;
    asking.write_all(&beacon("one", VISITOR)).await.unwrap();
    within(async {
        while front.door.tally().received() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let address = front.address;
    let drained = front.stop();
    assert!(closed(&mut idle).await < Duration::from_secs(1), "who asks nothing is let go");
    assert!(TcpStream::connect(address).await.is_err(), "nobody else is taken");
    let late = ask(&mut silent, b"GET /robots.txt HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(late.status, 200, "who had come is heard");
    assert!(closed(&mut silent).await < Duration::from_secs(1), "and let go then");
    assert_eq!(answer(&mut asking).await.status, 202);
    closed(&mut asking).await;
    assert_eq!(within(drained).await.unwrap(), Drained::InTime);
}

#[tokio::test]
async fn http2_without_tls_is_spoken_by_who_knows() {
    let front =
        Front::start(Options { each: Duration::from_millis(5), ..Options::default() }).await;
    let stream = TokioIo::new(front.connect().await);
    let (sender, connection) =
        http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    // With its first answer the client has heard how many requests may be under way.
    let mut first = sender.clone();
    let request = Request::get("http://a/robots.txt").body(Full::default()).unwrap();
    assert_eq!(within(first.send_request(request)).await.unwrap().status(), 200);
    let mut answers = Vec::new();
    for _ in 0..200 {
        let mut sender = sender.clone();
        sender.ready().await.unwrap();
        let request = Request::post("http://a/v1/events").body(body("one").into()).unwrap();
        answers.push(sender.send_request(request));
    }
    for answer in answers {
        assert_eq!(within(answer).await.unwrap().status(), 202);
    }
    let drained = front.stop();
    assert_eq!(within(drained).await.unwrap(), Drained::InTime, "it says goodbye");
    within(connection).await.unwrap().ok();
}
