//! Certificates from files, followed while it runs; an admin listener that asks for one.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::sync::Arc;

use candor_tests::{Authority, Candor, Client, Options, Shown, eventually};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn authority() -> Authority {
    Authority::of(&["beacons", "admin", "operator"])
}

fn config(authority: &Authority) -> String {
    let dir = authority.dir().display();
    format!(
        "[collector.tls]\ncertificate_file = '{dir}/beacons.pem'\nkey_file = '{dir}/beacons.key'\n\
         [admin.tls]\ncertificate_file = '{dir}/admin.pem'\nkey_file = '{dir}/admin.key'\n\
         client_ca_file = '{dir}/ca.pem'\n"
    )
}

/// Connects, with the operator's certificate when it is to be shown.
fn connect(authority: &Authority, to: &Client, shows: bool) -> Stream {
    let operator = Shown { of: authority, name: "operator" };
    let config = authority.client(shows.then_some(operator));
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let address = to.base().trim_start_matches("http://");
    StreamOwned::new(connection, TcpStream::connect(address).unwrap())
}

const BEACON: &str = r#"{"site":"demo","url":"http://localhost/a","consent":true}"#;

/// Sends a request and reads an answer of which the body, if any, comes with its head.
fn ask(stream: &mut Stream, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let read = stream.read(&mut buffer)?;
        answer.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if read == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Ok(text);
            }
        } else if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn send(stream: &mut Stream) -> std::io::Result<String> {
    let length = BEACON.len();
    ask(
        stream,
        &format!("POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{BEACON}"),
    )
}

fn metrics(authority: &Authority, candor: &Candor) -> String {
    let mut admin = connect(authority, candor.admin(), true);
    ask(&mut admin, "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap()
}

fn shown(stream: &Stream) -> Vec<u8> {
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn certificates_are_followed_and_connections_go_on() {
    let authority = authority();
    let candor = Candor::start(Options { config: config(&authority), ..Options::default() });
    let mut before = connect(&authority, candor.beacons(), false);
    assert!(send(&mut before).unwrap().starts_with("HTTP/1.1 202"));

    let changed = |before: &Stream| {
        let mut stream = connect(&authority, candor.beacons(), false);
        send(&mut stream).unwrap();
        (shown(&stream) != shown(before)).then_some(stream)
    };
    authority.issue("beacons");
    let second = eventually("the new certificate", || changed(&before));
    assert!(send(&mut before).unwrap().starts_with("HTTP/1.1 202"), "the connection goes on");

    authority.write("beacons.key", "nonsense");
    let refused = "candor_tls_refused{listener=\"beacons\"} 1";
    eventually("it is refused", || metrics(&authority, &candor).contains(refused).then_some(()));
    assert!(changed(&second).is_none(), "the one before stays in use");
    let log = candor.log();
    assert!(log.contains("beacons.key holds no private key") && !log.contains("nonsense"), "{log}");

    authority.issue("beacons");
    candor.hang_up();
    eventually("the third certificate", || changed(&second));
    assert!(send(&mut before).unwrap().starts_with("HTTP/1.1 202"));
    let mended = "candor_tls_refused{listener=\"beacons\"} 0";
    assert!(metrics(&authority, &candor).contains(mended));
}

#[test]
fn when_certificates_run_out_is_measured_and_told_in_time() {
    let authority = authority();
    authority.issue_until("beacons", (2_100, 1, 1));
    authority.issue_until("admin", (2_100, 3, 1));
    let candor = Candor::start(Options { config: config(&authority), ..Options::default() });
    let ends = |of: &str, unix: &str| {
        let name = "candor_tls_certificate_expires_timestamp_seconds";
        let line = format!("{name}{{of=\"{of}\"}} {unix}\n");
        metrics(&authority, &candor).contains(&line).then_some(())
    };
    ends("beacons", "4102444800").unwrap();
    ends("admin", "4107542400").unwrap();
    assert!(!candor.log().contains("runs out soon"), "{}", candor.log());

    let soon = candor.sql(
        "SELECT toYear(day), toMonth(day), toDayOfMonth(day), toUnixTimestamp(toDateTime(day, 'UTC')) \
         FROM (SELECT toDate(now(), 'UTC') + 10 AS day)",
    );
    let [year, month, day, unix] = soon.split('\t').collect::<Vec<_>>()[..] else {
        panic!("{soon}")
    };
    let day = (year.parse().unwrap(), month.parse().unwrap(), day.parse().unwrap());
    authority.issue_until("beacons", day);
    eventually("it is measured anew", || ends("beacons", unix));
    let log = candor.log();
    let warning = log.lines().find(|line| line.contains("the certificate runs out soon")).unwrap();
    assert!(warning.contains(r#""of":"beacons""#) && warning.contains(r#""days":9"#), "{warning}");
    assert!(warning.contains("WARN"), "{warning}");
}

#[test]
fn the_admin_listener_asks_for_a_certificate() {
    let authority = authority();
    let candor = Candor::start(Options { config: config(&authority), ..Options::default() });
    let live = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let answer = ask(&mut connect(&authority, candor.admin(), true), live).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(ask(&mut connect(&authority, candor.admin(), false), live).is_err());

    let admin = candor.admin().base().trim_start_matches("http://").to_owned();
    let health = |more: &[&str]| -> Output {
        let mut command = std::process::Command::new(candor_tests::program("candor"));
        command.args(["health", "--admin", &admin]).args(more).output().unwrap()
    };
    let path = |name: &str| authority.path(name).display().to_string();
    let (ca, certificate, key) = (path("ca.pem"), path("operator.pem"), path("operator.key"));
    let ours = ["--tls-ca", &ca, "--tls-certificate", &certificate, "--tls-key", &key];
    eventually("ready", || health(&ours).status.success().then_some(()));
    assert!(!health(&["--tls-ca", &ca]).status.success(), "without a certificate");
    assert!(!health(&[]).status.success(), "without TLS");
    let misnamed = health(&[&ours[..], &["--tls-name", "elsewhere.example"]].concat());
    let said = String::from_utf8_lossy(&misnamed.stderr).into_owned();
    assert!(!misnamed.status.success() && said.contains("no TLS"), "{said}");
    assert!(health(&[&ours[..], &["--tls-name", "localhost"]].concat()).status.success());

    let log = candor.data().join("access.log");
    fs::write(&log, "{\"path\":\"/\"}\n").unwrap();
    let mut import = candor.command("import");
    import.args(["--site", "demo", "--admin", &admin]).args(ours).arg(&log);
    let imported = import.output().unwrap();
    let said = String::from_utf8_lossy(&imported.stdout).into_owned();
    assert!(imported.status.success() && said.contains("1 lines"), "{imported:?}");
}

#[test]
fn a_key_that_others_can_read_is_refused_at_the_start() {
    let authority = authority();
    fs::set_permissions(authority.path("beacons.key"), Permissions::from_mode(0o644)).unwrap();
    let mut candor = Candor::demo();
    candor.stop();
    candor.configure(&config(&authority));
    let said = candor.run_until_it_ends();
    assert!(said.contains("chmod 600") && said.contains("beacons.key"), "{said}");
}
