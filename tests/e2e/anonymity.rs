//! The canary: addresses that are sent in by every way there is, and then looked for in every byte that
//! is left: files, logs, metrics, answers, decoded records and columns.

use candor_tests::{Canary, Candor, Leak, MARKED, MARKED_INTERFACE, Options};

use super::{log, pageview};

const V4_TEXT: &str = MARKED[0];
const V6_TEXT: &str = MARKED[1];

/// No codec and no compression, so that every byte is there to be read.
const BARE: &str = "[clickhouse.tables]\ncompressed = false\nttl_timeout_seconds = 3600\n";
/// Batches stay open, so that the log keeps its records.
const HELD: &str = "[clickhouse.tables]\ncompressed = false\n[sink]\nbatch_age_ms = 600000\n";

/// Beacons from the marked addresses, good ones and others; gives back all that was answered.
fn send_all(candor: &Candor) -> String {
    let mut answers = String::new();
    let forwarded = [
        ("x-forwarded-for", V4_TEXT.to_owned()),
        ("x-forwarded-for", V6_TEXT.to_owned()),
        ("x-forwarded-for", format!("203.0.113.9, {V4_TEXT}")),
        ("x-forwarded-for", format!("[{V6_TEXT}]:4711")),
        ("forwarded", format!("for={V4_TEXT}")),
        ("forwarded", format!("for=\"[{V6_TEXT}]\"")),
        ("x-forwarded-for", format!("{V4_TEXT}, nonsense")),
    ];
    let bodies = [
        pageview(""),
        pageview(r#","props":{"a":1}"#),
        "nonsense".to_owned(),
        r#"{"site":"demo","url":"http://localhost/"}"#.to_owned(),
        r#"{"site":"other","url":"http://localhost/","consent":true}"#.to_owned(),
        "x".repeat(2_000_000),
        format!("{}\nbad\n{}", pageview(""), pageview("")),
    ];
    for (name, value) in &forwarded {
        let headers = [("content-type", "text/plain"), (*name, value.as_str())];
        for body in &bodies {
            let answer = candor.beacons().post("/v1/events", &headers, body);
            answers.push_str(&answer.headers);
            answers.push_str(&answer.body);
        }
        let pixel = "/v1/pixel.gif?site=demo&consent=false";
        let answer = candor.beacons().get(pixel, &[(*name, value.as_str())]);
        answers.push_str(&answer.headers);
    }
    let line = |ip: &str, path: &str| {
        format!(r#"{{"offset_s":0,"ip":"{ip}","method":"GET","path":"{path}","status":200}}"#)
    };
    let log = [
        line(V4_TEXT, "/"),
        line(V6_TEXT, "/"),
        line(V4_TEXT, "/a.css"),
        format!("{V4_TEXT} - junk"),
    ];
    let args = ["--site", "demo", "--consent", "statistics"];
    // The file itself is the operator's; it lies outside of the data.
    let (status, report) = candor.import(&args, &log.join("\n"));
    assert!(status.success(), "{report}");
    answers + &report
}

fn find(text: &str, place: &str) -> Option<Leak> {
    Canary::marked().find_in(text.as_bytes(), place)
}

fn find_in_data(candor: &Candor) -> Option<Leak> {
    let dirs = [vec![candor.data()], candor.log_dirs()].concat();
    let marked = Canary::marked();
    dirs.iter().find_map(|dir| marked.find_below(dir))
}

#[test]
fn no_byte_holds_an_address() {
    let mut candor = Candor::start(Options { config: HELD.to_owned(), ..Options::default() });
    let answers = send_all(&candor);
    assert_eq!(find(&answers, "answers"), None);
    assert_eq!(find(&candor.admin().get("/metrics", &[]).body, "metrics"), None);
    assert_eq!(find_in_data(&candor), None, "while the records lie in the log");
    candor.kill();
    assert_eq!(find(&candor.log(), "log"), None);
    let events: Vec<_> = log::events(&candor).iter().map(readable).collect();
    assert!(events.iter().any(|event| event.contains("/a")), "the log was read");
    assert_eq!(events.iter().find_map(|event| find(event, "log")), None);

    candor.configure(BARE);
    candor.restart();
    candor.sql_becomes("SELECT count() > 20 FROM candor.statistics", "1");
    for table in candor.sql("SELECT name FROM system.tables WHERE database = 'candor'").lines() {
        let rows = candor.sql(&format!("SELECT * FROM candor.{table} FORMAT JSONEachRow"));
        assert_eq!(find(&rows, table), None);
    }
    let kept = "SELECT countIf(address LIKE '%198.51.100.0') > 0, countIf(address LIKE '2001:db8:77::') > 0 \
                FROM (SELECT toString(address) AS address FROM candor.statistics)";
    assert_eq!(candor.sql(kept), "1\t1", "the networks are kept, as the policy says");
    assert_eq!(find_in_data(&candor), None, "while the engine runs");
    candor.stop();
    assert_eq!(find_in_data(&candor), None, "and after it stopped");
    assert_eq!(find(&candor.log(), "log"), None);
}

/// The search finds what is there: in a file, in a row, in every form.
#[test]
fn a_planted_leak_is_found() {
    let candor = Candor::start(Options { config: BARE.to_owned(), ..Options::default() });
    assert_eq!(find_in_data(&candor), None);
    // As text it would be replaced; the label of a host is kept.
    let body = pageview(r#","referrer":"http://c63364ed.example/""#);
    assert_eq!(candor.send(&body).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.statistics", "1");
    assert!(find_in_data(&candor).is_some(), "in a part of a table");
    assert!(find(&candor.sql("SELECT * FROM candor.statistics"), "a row").is_some());

    let forms: [&[u8]; 5] =
        [V6_TEXT.as_bytes(), &MARKED_INTERFACE, b"DEADBEEFCAFEF00D", b"c63364ed", b"3325256941"];
    for form in forms {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), [b"before", form, b"after"].concat()).unwrap();
        let found = Canary::marked().find_below(dir.path()).is_some();
        assert!(found, "{}", String::from_utf8_lossy(form));
    }
}

/// All fields: text as it is, bytes in hexadecimal.
fn readable(event: &candor_event::Event) -> String {
    let ids =
        [&event.id, &event.address, &event.address_hash, &event.visitor, &event.visitor_previous];
    let ids: Vec<_> = ids.into_iter().map(|id| candor_tests::hex(id)).collect();
    format!("{event:?} {}", ids.join(" "))
}
