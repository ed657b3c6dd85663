//! Other products' protocols: requests as their documentation writes them, and their own clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use candor_tests::{Answer, Candor, Policy, files, policy};

const WEBSITE: &str = "94db1cb1-74f4-4a40-ad6c-962362670409";
const JSON: (&str, &str) = ("content-type", "application/json");
const FIELDS: &[&str] =
    &["path", "title", "referrer_host", "screen", "language", "dwell", "scroll", "props"];

/// The site `demo` under three other names; whatever else is said of it follows.
fn known_elsewhere(more: &str) -> Policy {
    policy().with(&format!(
        "also = [\"plausible:demo.example\", \"umami:{WEBSITE}\", \"matomo:7\"]\n{more}"
    ))
}

fn after_consent() -> Policy {
    let visitor = [FIELDS, &["visitor"]].concat();
    known_elsewhere("scripts = \"after-consent\"\n[visitor]\nmode = \"consented\"").purpose(
        "statistics",
        "consent",
        "24 months",
        &visitor,
    )
}

fn plausible(candor: &Candor, headers: &[(&str, &str)], event: &str) -> Answer {
    let headers = [&[("content-type", "text/plain")], headers].concat();
    candor.beacons().post("/api/event", &headers, event)
}

const PLAUSIBLE: &str = r#"{"n":"pageview","u":"http://localhost/plausible","d":"demo.example"}"#;

#[test]
fn documented_requests_become_rows() {
    let candor = Candor::with_policy(after_consent());
    let beacons = candor.beacons();
    let answer = plausible(&candor, &[], PLAUSIBLE);
    assert_eq!((answer.status, answer.body.as_str()), (202, "ok"));
    let engagement = r#"{"n":"engagement","u":"http://localhost/plausible","d":"demo.example","e":4100,"sd":60,"v":36}"#;
    assert_eq!(plausible(&candor, &[], engagement).outcome, "accepted");

    let umami = format!(
        r#"{{"type":"event","payload":{{"hostname":"localhost","language":"en-US","referrer":"https://news.example/","screen":"1920x1080","title":"U","url":"/umami","website":"{WEBSITE}","name":"event-name","data":{{"foo":"bar"}},"id":"{WEBSITE}","ip":"203.0.113.99","timestamp":1}}}}"#
    );
    let answer = beacons.post("/api/send", &[JSON], &umami);
    assert_eq!((answer.status, answer.outcome.as_str()), (200, "accepted"));
    let batch = format!(r#"[{umami},{{"type":"event","payload":{{"website":"{WEBSITE}"}}}}]"#);
    let answer = beacons.post("/api/batch", &[JSON], batch);
    assert!(answer.body.contains(r#""errors":1"#) && answer.status == 200, "{}", answer.body);

    let matomo = "idsite=7&rec=1&url=http%3A%2F%2Flocalhost%2Fmatomo&_id=0123456789abcdef&uid=jane.doe.of.accounting";
    let image = beacons.get(&format!("/matomo.php?{matomo}&action_name=M"), &[]);
    assert!(image.status == 200 && image.body.starts_with("GIF89a"), "{}", image.body);
    let form = ("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
    let silent = beacons.post("/matomo.php", &[form], format!("{matomo}&ping=1&send_image=0"));
    assert_eq!((silent.status, silent.outcome.as_str()), (204, "accepted"));
    let bulk = format!(
        r#"{{"requests":["?{matomo}&link=http%3A%2F%2Fb.example%2F",{{"idsite":8,"rec":1,"url":"http://localhost/"}}],"token_auth":"33dc3f2536d3025974cccb4b4d2d98f4"}}"#
    );
    let answer = beacons.post("/matomo.php", &[JSON], bulk);
    assert_eq!(answer.body, r#"{"invalid":1,"status":"success","tracked":1}"#);

    let rows = "SELECT kind, path, title, name, props['foo'], dwell_ms, screen_width, referrer_host, count() \
                FROM candor.statistics GROUP BY ALL ORDER BY path, kind";
    let want = [
        "click\t/matomo\t\t\t\t0\t0\t\t1",
        "engagement\t/matomo\t\t\t\t0\t0\t\t1",
        "pageview\t/matomo\tM\t\t\t0\t0\t\t1",
        "engagement\t/plausible\t\t\t\t4100\t0\t\t1",
        "pageview\t/plausible\t\t\t\t0\t0\t\t1",
        "custom\t/umami\tU\tevent-name\tbar\t0\t1920\tnews.example\t2",
    ];
    candor.sql_becomes(rows, &want.join("\n"));
    let all = "SELECT DISTINCT site, basis FROM candor.statistics";
    assert_eq!(candor.sql(all), "demo\toperator-asserted", "the controller vouches for consent");
    let visitors = "SELECT uniqExact(visitor) FROM candor.statistics";
    assert_eq!(candor.sql(visitors), "3", "Umami's, Matomo's, and none");
    assert_eq!(candor.metric(r#"collector_foreign_requests_total{protocol="umami"}"#), 2);
    assert_eq!(candor.metric("collector_beacons_received_total"), 9);
}

#[test]
fn ids_and_tokens_are_nowhere() {
    let mut candor = Candor::with_policy(after_consent());
    let umami = format!(
        r#"{{"type":"event","payload":{{"website":"{WEBSITE}","url":"http://localhost/","id":"feedfacefeedfacefeed"}}}}"#
    );
    assert_eq!(candor.beacons().post("/api/send", &[JSON], umami).outcome, "accepted");
    let matomo = "/matomo.php?idsite=7&rec=1&url=http%3A%2F%2Flocalhost%2F&cid=abadcafeabadcafe&uid=accounting-jane-doe\
                  &token_auth=0badc0de0badc0de&cip=203.0.113.99&idgoal=0&ec_id=order-no-77&cdt=2020-01-01";
    assert_eq!(candor.beacons().get(matomo, &[]).outcome, "accepted");
    candor.sql_becomes("SELECT count() FROM candor.statistics", "2");
    assert_eq!(
        candor.sql("SELECT count() FROM candor.statistics WHERE received_at < now() - 60"),
        "0"
    );
    candor.stop();
    let marks = ["feedface", "abadcafe", "jane-doe", "0badc0de", "203.0.113.99", "order-no-77"];
    for file in files(&candor.data()) {
        let bytes = fs::read(&file).unwrap();
        for mark in marks {
            let found = bytes.windows(mark.len()).any(|window| window == mark.as_bytes());
            assert!(!found, "{mark} in {}", file.display());
        }
    }
    assert!(marks.iter().all(|mark| !candor.log().contains(mark)));
}

#[test]
fn without_a_word_there_is_no_consent_and_signals_beat_the_word() {
    let candor = Candor::with_policy(
        known_elsewhere("").purpose("statistics", "consent", "24 months", FIELDS).purpose(
            "security",
            "legitimate-interest",
            "7 days",
            &["path"],
        ),
    );
    assert_eq!(plausible(&candor, &[], PLAUSIBLE).outcome, "accepted");
    candor
        .sql_becomes("SELECT path, basis FROM candor.security", "/plausible\tlegitimate-interest");
    assert_eq!(candor.sql("SELECT count() FROM candor.statistics"), "0");

    let silent = known_elsewhere("").purpose("statistics", "consent", "24 months", FIELDS);
    let candor = Candor::with_policy(silent);
    let answer = plausible(&candor, &[], PLAUSIBLE);
    assert_eq!((answer.status, answer.outcome.as_str()), (202, "consent_denied"));
    assert!(answer.headers.contains("x-plausible-dropped"), "{}", answer.headers);

    let candor = Candor::with_policy(after_consent());
    for (signal, outcome) in [("dnt", "denied_by_dnt"), ("sec-gpc", "denied_by_gpc")] {
        let answer = plausible(&candor, &[(signal, "1")], PLAUSIBLE);
        assert_eq!((answer.status, answer.outcome.as_str()), (202, outcome));
    }
    assert_eq!(candor.sql("SELECT count() FROM candor.batches"), "0", "the log stayed empty");
}

#[test]
fn clients_are_answered_as_they_expect() {
    let candor = Candor::with_policy(after_consent());
    let beacons = candor.beacons();
    let elsewhere = PLAUSIBLE.replace("demo.example", "elsewhere.example");
    assert_eq!(plausible(&candor, &[], &elsewhere).outcome, "unknown_site");
    let ours = PLAUSIBLE.replace("demo.example", "demo");
    assert_eq!(plausible(&candor, &[], &ours).outcome, "unknown_site", "ours is not Plausible's");
    let health = candor.beacons().get("/api/health", &[]);
    let said: serde_json::Value = serde_json::from_str(&health.body).unwrap();
    assert_eq!((health.status, &said["clickhouse"]), (200, &"ok".into()), "as its monitors expect");
    let bad = plausible(&candor, &[], r#"{"n":"visitor-made-text"}"#);
    assert!(bad.status == 400 && bad.body.contains("errors"), "{}", bad.body);
    assert!(!bad.body.contains("visitor-made-text"));
    let large = plausible(&candor, &[], &"x".repeat(1 << 20));
    assert_eq!((large.status, large.outcome.as_str()), (413, "too_large"));

    let page = ("origin", "http://localhost:3000");
    let foreign = beacons.get("/matomo.php?idsite=9&rec=1&url=http://localhost/", &[page]);
    assert_eq!((foreign.status, foreign.outcome.as_str()), (400, "unknown_site"));
    for part in ["http://localhost:3000", "access-control-allow-credentials"] {
        assert!(foreign.headers.contains(part), "{part} in {}", foreign.headers);
    }
    let evil = ("origin", "https://evil.example");
    assert_eq!(plausible(&candor, &[evil], PLAUSIBLE).outcome, "host_denied");
    for path in ["/api/event", "/api/send", "/api/batch", "/matomo.php", "/piwik.php"] {
        let preflight = beacons.send("OPTIONS", path, &[page], b"").unwrap();
        assert_eq!(preflight.status, 204, "{path}");
        assert!(preflight.headers.contains("access-control-allow-headers"), "{path}");
        assert_eq!(beacons.send("PUT", path, &[], b"").unwrap().status, 405, "{path}");
    }
    assert_eq!(beacons.get("/api/send", &[]).status, 405);
}

#[test]
fn umami_and_matomo_by_their_own_clients() {
    let candor = Candor::with_policy(after_consent());
    run_client(&candor, "servers.mjs");
    let rows = "SELECT kind, path, title, name, props FROM candor.statistics ORDER BY path, kind";
    let want = [
        "custom\t/matomo\t\tPlay\t{'category':'Video','name':'Intro'}",
        "download\t/matomo\t\t\t{'url':'http://localhost/matomo/a.pdf'}",
        "pageview\t/matomo\tMatomo\t\t{}",
        "custom\t/umami\t\tpaid\t{'plan':'pro'}",
        "pageview\t/umami\tUmami\t\t{}",
    ];
    candor.sql_becomes(rows, &want.join("\n"));
}

#[test]
fn plausible_by_its_own_tracker_in_a_browser() {
    let candor = Candor::with_policy(after_consent());
    run_client(&candor, "browser.mjs");
    let rows =
        "SELECT kind, path, name, count() FROM candor.statistics GROUP BY ALL ORDER BY path, kind";
    let want = [
        "click\t/first\t\t1",
        "custom\t/first\tSignup\t1",
        "download\t/first\t\t1",
        "engagement\t/first\t\t1",
        "form\t/first\t\t1",
        "pageview\t/first\t\t1",
        "pageview\t/second\t\t1",
    ];
    candor.sql_becomes(rows, &want.join("\n"));
    let props = "SELECT props['plan'], props['revenue_amount'] FROM candor.statistics WHERE name = 'Signup'";
    assert_eq!(candor.sql(props), "pro\t9.5");
    let scrolled = "SELECT scroll_percent <= 100 FROM candor.statistics WHERE kind = 'engagement'";
    assert_eq!(candor.sql(scrolled), "1");
}

/// Runs a script of `tests/clients/protocols`, whose packages are installed once for each build.
fn run_client(candor: &Candor, script: &str) {
    let home = installed();
    let ids = format!(r#"{{"websiteId":"{WEBSITE}","domain":"{}"}}"#, domain_of(script));
    let mut node = Command::new("node");
    node.arg(home.join(script)).current_dir(&home);
    node.env("CANDOR_BEACONS_URL", candor.beacons().base()).env("CANDOR_IDS", ids);
    run(&mut node);
}

/// Plausible calls the site by a name, the others by the host of its pages.
fn domain_of(script: &str) -> &'static str {
    if script == "browser.mjs" { "demo.example" } else { "localhost" }
}

fn installed() -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _installing = ONE_AT_A_TIME.lock().unwrap();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/protocols");
    // These tests are a part of two programs, which may run beside each other.
    let name = concat!(env!("CARGO_CRATE_NAME"), "-protocols");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&home).unwrap();
    let names = ["servers.mjs", "browser.mjs", ".npmrc", "package.json", "package-lock.json"];
    for file in names {
        fs::copy(suite.join(file), home.join(file)).unwrap();
    }
    let wanted = fs::read_to_string(suite.join("package-lock.json")).unwrap();
    let stamp = home.join("installed.json");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(wanted.as_str()) {
        run(Command::new("npm").args(["ci", "--silent"]).current_dir(&home));
        fs::write(&stamp, wanted).unwrap();
    }
    home
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot run {command:?}: {error}; the clients need node, npm and chromium")
    });
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{command:?} failed\n{said}");
}
