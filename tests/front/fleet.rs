//! Collectors that share keys: who gets them, who does not, and what happens without.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candor_tests::{
    Answer, Authority, Candor, Options, Shown, eventually, files, free_address, hash_under, hex,
    policy,
};
use rustls::pki_types::ServerName;
use rustls::version::TLS12;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const HANDED: &str = "candor_fleet_handovers_total";
const REFUSED: &str =
    "collector_connections_closed_total{listener=\"fleet\",why=\"handshake_failed\"}";
/// Where the present epoch's key stands in a handover: after version, time, name, beginning and end.
const KEY_AT: usize = 1 + 8 + 8 + 8 + 8;

struct Fleet {
    authority: Authority,
    /// Where the leader listens.
    address: String,
}

impl Fleet {
    fn new() -> Self {
        Self { authority: Authority::of(&["leader", "follower"]), address: free_address() }
    }

    fn leader(&self) -> Candor {
        Candor::start(self.options("leader", &format!("listen = '{}'", self.address)))
    }

    fn follower(&self) -> Candor {
        let port = self.address.rsplit_once(':').unwrap().1;
        Candor::start(self.options("follower", &format!("leader = 'localhost:{port}'")))
    }

    fn options(&self, name: &str, role: &str) -> Options {
        let dir = self.authority.dir().display();
        Options {
            policy: Some(policy().with("[address]\nmode = \"hash\"").purpose(
                "statistics",
                "consent",
                "1 months",
                &["path", "address"],
            )),
            config: format!(
                "[clickhouse.tables]\ncompressed = false\n[keys.fleet]\n{role}\nca_file = '{dir}/ca.pem'\n\
                 certificate_file = '{dir}/{name}.pem'\nkey_file = '{dir}/{name}.key'\n"
            ),
            ..Options::default()
        }
    }

    fn connect(&self, config: ClientConfig) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(connection, TcpStream::connect(&self.address).unwrap())
    }

    /// What the leader answers to whoever comes with this TLS.
    fn ask(&self, path: &str, config: ClientConfig) -> io::Result<Vec<u8>> {
        let mut stream = self.connect(config);
        let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }

    fn ask_as(&self, of: &Authority) -> io::Result<Vec<u8>> {
        self.ask("/v1/keys", self.authority.client(Some(Shown { of, name: "follower" })))
    }
}

/// The same visitor, wherever he comes.
fn visit(candor: &Candor) -> Answer {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", "198.51.100.77")];
    let body = r#"{"site":"demo","url":"http://localhost/a","consent":true}"#;
    candor.beacons().post("/v1/events", &headers, body)
}

/// The hash of the last visit, and the name of its epoch, once so many rows are there.
fn last(candor: &Candor, rows: usize) -> (String, String) {
    candor.sql_becomes("SELECT count() FROM candor.statistics", &rows.to_string());
    let query = "SELECT replaceAll(toString(address_hash), '-', ''), key_epoch FROM candor.statistics_rows \
                 ORDER BY log_offset DESC LIMIT 1";
    let row = candor.sql(query);
    let (hash, epoch) = row.split_once('\t').unwrap();
    (hash.to_owned(), epoch.to_owned())
}

#[test]
fn without_a_key_of_the_leader_nothing_is_taken() {
    let fleet = Fleet::new();
    let stranger = Authority::of(&["follower"]);
    for name in ["follower.pem", "follower.key"] {
        fleet.authority.write(name, &fs::read_to_string(stranger.path(name)).unwrap());
    }
    let follower = fleet.follower();
    let is_refused = || {
        let answer = visit(&follower);
        assert_eq!((answer.status, answer.outcome.as_str()), (503, "key_missing"));
        let ready = follower.admin().get("/readyz", &[]);
        assert_eq!(ready.status, 503);
        assert!(ready.body.contains("has handed out no key"), "{}", ready.body);
    };
    is_refused();
    assert!(follower.metric("candor_fleet_asks_total{result=\"unreachable\"}") > 0);

    let mut leader = fleet.leader();
    eventually("the stranger was refused", || (leader.metric(REFUSED) > 0).then_some(()));
    is_refused();
    assert_eq!(leader.metric(HANDED), 0);

    fleet.authority.issue("follower");
    follower.wait_until_ready();
    assert_eq!((visit(&leader).status, visit(&follower).status), (202, 202));
    let first = last(&leader, 1);
    assert_eq!(last(&follower, 1), first, "one id, one epoch; what was refused is not counted");

    leader.kill();
    assert_eq!(visit(&follower).status, 202);
    assert_eq!(last(&follower, 2), first, "the epoch goes on without the leader");
    eventually("it is told", || follower.log().contains("asked for keys in vain").then_some(()));

    leader.restart();
    let taken = "pipeline_key_epochs_total{reason=\"taken_over\"}";
    eventually("the epoch that it begins is taken over", || {
        (follower.metric(taken) == 2).then_some(())
    });
    assert_eq!((visit(&leader).status, visit(&follower).status), (202, 202));
    let second = last(&leader, 2);
    assert_eq!(last(&follower, 3), second);
    assert!(first.0 != second.0 && first.1 != second.1, "none across");
}

#[test]
fn a_leader_that_cannot_prove_its_name_is_not_believed() {
    let fleet = Fleet::new();
    fleet.authority.issue_for("leader", &["elsewhere.example"]);
    let leader = fleet.leader();
    let follower = fleet.follower();
    assert!(follower.metric("candor_fleet_asks_total{result=\"handshake\"}") > 0);
    assert_eq!(visit(&follower).status, 503);
    fleet.authority.issue("leader");
    follower.wait_until_ready();
    let reread = "candor_tls_reloads_total{listener=\"fleet\",outcome=\"taken_over\"}";
    eventually("it is counted", || (leader.metric(reread) == 1).then_some(()));
    assert_eq!(visit(&follower).status, 202);
}

#[test]
fn strangers_and_those_who_dawdle_get_nothing() {
    let fleet = Fleet::new();
    let stranger = Authority::of(&["follower"]);
    let leader = fleet.leader();
    let member = |path: &str| {
        let shown = Some(Shown { of: &fleet.authority, name: "follower" });
        let answer = fleet.ask(path, fleet.authority.client(shown)).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(member("/v1/keys").starts_with("HTTP/1.1 200"));
    for path in ["/", "/v1/events", "/metrics", "/v1/keys/"] {
        assert!(member(path).starts_with("HTTP/1.1 404"), "{path}");
    }
    assert_eq!(leader.metric(HANDED), 1);

    assert!(fleet.ask_as(&stranger).is_err(), "a certificate of another authority");
    assert!(fleet.ask("/v1/keys", fleet.authority.client(None)).is_err(), "none");
    assert!(fleet.ask("/v1/keys", former(&fleet.authority)).is_err(), "TLS 1.2");
    eventually("they are counted", || (leader.metric(REFUSED) == 3).then_some(()));

    // No TLS at all, nothing at all, and a member that does not end what it says: all are let go.
    let mut plain = TcpStream::connect(&fleet.address).unwrap();
    plain.write_all(b"GET /v1/keys HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut silent = TcpStream::connect(&fleet.address).unwrap();
    let shown = Some(Shown { of: &fleet.authority, name: "follower" });
    let mut dawdling = fleet.connect(fleet.authority.client(shown));
    dawdling.write_all(b"GET /v1/ke").unwrap();
    let since = Instant::now();
    for stream in [&plain, &silent, &dawdling.sock] {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    }
    for stream in [&mut plain as &mut dyn Read, &mut silent, &mut dawdling] {
        let mut read = Vec::new();
        // A reset is as good an end.
        let ended = stream.read_to_end(&mut read);
        assert!(!matches!(&ended, Err(error) if error.kind() == io::ErrorKind::WouldBlock), "held");
        assert!(!read.starts_with(b"HTTP"), "answered");
    }
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    assert_eq!(leader.metric(HANDED), 1, "nobody else got keys");
    let public = leader.beacons().get("/v1/keys", &[]);
    assert!(public.status == 404 || public.status == 405, "{}", public.status);
}

/// A member that speaks what the fleet does not.
fn former(authority: &Authority) -> ClientConfig {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let read = |name: &str| CertificateDer::from_pem_file(authority.path(name)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(read("ca.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(authority.path("follower.key")).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![read("follower.pem")], key)
        .unwrap()
}

#[test]
fn no_byte_that_either_wrote_or_told_holds_the_key() {
    let fleet = Fleet::new();
    let (mut leader, mut follower) = (fleet.leader(), fleet.follower());
    follower.wait_until_ready();
    assert_eq!((visit(&leader).status, visit(&follower).status), (202, 202));
    let (stored, _) = last(&follower, 1);
    assert_eq!(last(&leader, 1).0, stored);

    let handed = fleet.ask_as(&fleet.authority).unwrap();
    let body = handed.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let key = &handed[body + KEY_AT..][..32];
    assert_eq!(hex(&hash_under(key, [198, 51, 100, 77])), stored, "it is the key");

    let mut told = Vec::new();
    for candor in [&leader, &follower] {
        told.extend(["/metrics", "/readyz"].map(|path| candor.admin().get(path, &[]).body));
    }
    leader.stop();
    follower.stop();
    told.extend([leader.log(), follower.log()]);
    let mut texts: Vec<_> = told.into_iter().map(String::into_bytes).collect();
    for candor in [&leader, &follower] {
        texts.extend(files(&candor.data()).iter().map(|file| fs::read(file).unwrap()));
    }
    assert!(texts.len() > 20, "{}", texts.len());
    for text in texts {
        assert!(!text.windows(32).any(|bytes| bytes == key), "a key");
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains(&hex(key)), "a key in hexadecimal");
    }
}
