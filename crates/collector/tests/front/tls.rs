//! TLS: both protocols, certificates that change, clients that must show theirs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use candor_collector::tls::{Certificates, Tls, TlsFiles};
use candor_tests::{Authority, Shown};
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Front, Options, ask, beacon, body, closed, within};

fn authority() -> Authority {
    Authority::of(&["beacons"])
}

fn files(authority: &Authority) -> TlsFiles {
    TlsFiles {
        certificate_file: authority.path("beacons.pem"),
        key_file: authority.path("beacons.key"),
        client_ca_file: None,
    }
}

/// A client that trusts it, speaks these protocols, and shows a certificate when it has one.
fn client(authority: &Authority, protocols: &[&[u8]], shown: Option<Shown<'_>>) -> TlsConnector {
    let mut config = authority.client(shown);
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn front(tls: &Tls) -> Front {
    Front::start(Options { tls: Some(tls.clone()), ..Options::default() }).await
}

async fn connect(front: &Front, client: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    client.connect(name, front.connect().await).await
}

fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn both_protocols_are_spoken_within_tls() {
    let authority = authority();
    let front = front(&Tls::load(files(&authority)).unwrap()).await;
    let liking = client(&authority, &[b"h2", b"http/1.1"], None);
    let stream = connect(&front, &liking).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "it is liked best");
    let (mut sender, connection) =
        http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let request = Request::post("https://localhost/v1/events");
        let answer = sender.send_request(request.body(body("one").into()).unwrap());
        assert_eq!(within(answer).await.unwrap().status(), 202);
    }
    for protocols in [&[&b"http/1.1"[..]][..], &[]] {
        let mut stream = connect(&front, &client(&authority, protocols, None)).await.unwrap();
        assert_eq!(ask(&mut stream, &beacon("one", "192.0.2.1")).await.status, 202);
        assert_eq!(ask(&mut stream, &beacon("one", "192.0.2.1")).await.status, 202);
    }
}

#[tokio::test]
async fn who_does_not_shake_hands_is_let_go() {
    let authority = authority();
    let front = front(&Tls::load(files(&authority)).unwrap()).await;
    let silent = async {
        let took = closed(&mut front.connect().await).await;
        assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");
    };
    let plain = async {
        let mut stream = front.connect().await;
        stream.write_all(&beacon("one", "192.0.2.1")).await.unwrap();
        assert!(closed(&mut stream).await < Duration::from_secs(3), "no HTTP without TLS");
    };
    let silent_after = async {
        let mut stream = connect(&front, &client(&authority, &[], None)).await.unwrap();
        let took = closed(&mut stream).await;
        assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");
    };
    tokio::join!(silent, plain, silent_after);
}

#[tokio::test]
async fn a_certificate_changes_and_no_connection_is_lost() {
    let authority = authority();
    let tls = Tls::load(files(&authority)).unwrap();
    let front = front(&tls).await;
    let client = client(&authority, &[], None);
    let mut before = connect(&front, &client).await.unwrap();
    assert_eq!(ask(&mut before, &beacon("one", "192.0.2.1")).await.status, 202);

    authority.write("beacons.pem", "nonsense");
    tls.reload().unwrap_err();
    let still = connect(&front, &client).await.unwrap();
    assert_eq!(shown(&before), shown(&still), "what cannot be used changes nothing");

    authority.issue("beacons");
    tls.reload().unwrap();
    let mut after = connect(&front, &client).await.unwrap();
    assert_ne!(shown(&before), shown(&after));
    assert_eq!(ask(&mut after, &beacon("one", "192.0.2.1")).await.status, 202);
    assert_eq!(ask(&mut before, &beacon("one", "192.0.2.1")).await.status, 202);
}

#[tokio::test]
async fn who_must_show_a_certificate_is_not_heard_without() {
    let authority = authority();
    let asking = TlsFiles { client_ca_file: Some(authority.path("ca.pem")), ..files(&authority) };
    let front = front(&Tls::load(asking).unwrap()).await;
    let shown = Some(Shown { of: &authority, name: "beacons" });
    let mut stream = connect(&front, &client(&authority, &[], shown)).await.unwrap();
    assert_eq!(ask(&mut stream, &beacon("one", "192.0.2.1")).await.status, 202);

    let stranger = self::authority();
    for shown in [None, Some(Shown { of: &stranger, name: "beacons" })] {
        // In TLS 1.3 the client learns of it with its first read.
        if let Ok(mut stream) = connect(&front, &client(&authority, &[], shown)).await {
            stream.write_all(&beacon("one", "192.0.2.1")).await.ok();
            let mut read = Vec::new();
            let ended = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut read).await;
            assert!(ended.is_err() && read.is_empty(), "shows: {}", shown.is_some());
        }
    }
    assert_eq!(front.door.tally().received(), 1);
}
