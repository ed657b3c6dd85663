//! TLS: both protocols, certificates that change, clients that must show theirs.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use candor_collector::tls::{Tls, TlsFiles};
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Front, Options, ask, beacon, body, closed, within};

/// An authority, and a directory with a certificate of its for `localhost`.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, dir: tempfile::tempdir().unwrap() };
        authority.write("ca.pem", &authority.issuer.pem());
        authority.issue();
        authority
    }

    /// Issues a certificate, and puts it and its key where the last one was.
    fn issue(&self) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.write("certificate.pem", &certificate.pem());
        self.write("key.pem", &key.serialize_pem());
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate_file: self.path("certificate.pem"),
            key_file: self.path("key.pem"),
            client_ca_file: None,
        }
    }

    /// A client that trusts it, speaks these protocols, and shows a certificate when it has one.
    fn client(&self, protocols: &[&[u8]], shows: bool) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = if shows {
            let chain = CertificateDer::pem_file_iter(self.path("certificate.pem")).unwrap();
            let key = PrivateKeyDer::from_pem_file(self.path("key.pem")).unwrap();
            builder.with_client_auth_cert(chain.map(Result::unwrap).collect(), key).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
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
    let authority = Authority::new();
    let front = front(&Tls::load(authority.files()).unwrap()).await;
    let client = authority.client(&[b"h2", b"http/1.1"], false);
    let stream = connect(&front, &client).await.unwrap();
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
        let mut stream = connect(&front, &authority.client(protocols, false)).await.unwrap();
        assert_eq!(ask(&mut stream, &beacon("one", "192.0.2.1")).await.status, 202);
        assert_eq!(ask(&mut stream, &beacon("one", "192.0.2.1")).await.status, 202);
    }
}

#[tokio::test]
async fn who_does_not_shake_hands_is_let_go() {
    let authority = Authority::new();
    let front = front(&Tls::load(authority.files()).unwrap()).await;
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
        let mut stream = connect(&front, &authority.client(&[], false)).await.unwrap();
        let took = closed(&mut stream).await;
        assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");
    };
    tokio::join!(silent, plain, silent_after);
}

#[tokio::test]
async fn a_certificate_changes_and_no_connection_is_lost() {
    let authority = Authority::new();
    let tls = Tls::load(authority.files()).unwrap();
    let front = front(&tls).await;
    let client = authority.client(&[], false);
    let mut before = connect(&front, &client).await.unwrap();
    assert_eq!(ask(&mut before, &beacon("one", "192.0.2.1")).await.status, 202);

    authority.write("certificate.pem", "nonsense");
    tls.reload().unwrap_err();
    let still = connect(&front, &client).await.unwrap();
    assert_eq!(shown(&before), shown(&still), "what cannot be used changes nothing");

    authority.issue();
    tls.reload().unwrap();
    let mut after = connect(&front, &client).await.unwrap();
    assert_ne!(shown(&before), shown(&after));
    assert_eq!(ask(&mut after, &beacon("one", "192.0.2.1")).await.status, 202);
    assert_eq!(ask(&mut before, &beacon("one", "192.0.2.1")).await.status, 202);
}

#[tokio::test]
async fn who_must_show_a_certificate_is_not_heard_without() {
    let authority = Authority::new();
    let files = TlsFiles { client_ca_file: Some(authority.path("ca.pem")), ..authority.files() };
    let front = front(&Tls::load(files).unwrap()).await;
    let mut stream = connect(&front, &authority.client(&[], true)).await.unwrap();
    assert_eq!(ask(&mut stream, &beacon("one", "192.0.2.1")).await.status, 202);

    // Its answers trust the authority; its own certificate is another's.
    let stranger = Authority::new();
    fs::copy(authority.path("ca.pem"), stranger.path("ca.pem")).unwrap();
    fs::copy(stranger.path("certificate.pem"), authority.path("certificate.pem")).unwrap();
    fs::copy(stranger.path("key.pem"), authority.path("key.pem")).unwrap();
    for shows in [false, true] {
        // In TLS 1.3 the client learns of it with its first read.
        if let Ok(mut stream) = connect(&front, &authority.client(&[], shows)).await {
            stream.write_all(&beacon("one", "192.0.2.1")).await.ok();
            let mut read = Vec::new();
            let ended = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut read).await;
            assert!(ended.is_err() && read.is_empty(), "shows: {shows}");
        }
    }
    assert_eq!(front.door.tally().received(), 1);
}
