//! The truth table: consent × DNT × Sec-GPC × basis. Each cell says what is kept and which outcome is
//! told; what is denied leaves nothing but a counter.

use candor_tests::{Candor, policy};

/// One purpose on consent, one on another basis. GPC denies both, DNT the consented one only.
fn two_purposes() -> Candor {
    Candor::with_policy(
        policy()
            .with("[signals]\ngpc = \"all\"\ndnt = [\"statistics\"]")
            .purpose("statistics", "consent", "24 months", &["path"])
            .purpose("security", "legitimate-interest", "7 days", &["path"]),
    )
}

struct Cell {
    consent: &'static str,
    dnt: bool,
    gpc: bool,
    kept: &'static [&'static str],
    outcome: &'static str,
}

const BOTH: &[&str] = &["security", "statistics"];
const SECURITY: &[&str] = &["security"];
const STATISTICS: &[&str] = &["statistics"];
const NONE: &[&str] = &[];

const fn cell(
    consent: &'static str,
    dnt: bool,
    gpc: bool,
    kept: &'static [&'static str],
    outcome: &'static str,
) -> Cell {
    Cell { consent, dnt, gpc, kept, outcome }
}

/// What the two purposes keep together.
const TABLE: [Cell; 16] = [
    cell("", false, false, SECURITY, "accepted"),
    cell("", true, false, SECURITY, "accepted"),
    cell("", false, true, NONE, "denied_by_gpc"),
    cell("", true, true, NONE, "denied_by_gpc"),
    cell(r#","consent":true"#, false, false, BOTH, "accepted"),
    cell(r#","consent":true"#, true, false, SECURITY, "accepted"),
    cell(r#","consent":true"#, false, true, NONE, "denied_by_gpc"),
    cell(r#","consent":true"#, true, true, NONE, "denied_by_gpc"),
    cell(r#","consent":false"#, false, false, SECURITY, "accepted"),
    cell(r#","consent":false"#, true, false, SECURITY, "accepted"),
    cell(r#","consent":false"#, false, true, NONE, "denied_by_gpc"),
    cell(r#","consent":{"statistics":true}"#, false, false, BOTH, "accepted"),
    cell(r#","consent":{"statistics":true}"#, true, false, SECURITY, "accepted"),
    cell(r#","consent":{"statistics":true}"#, false, true, NONE, "denied_by_gpc"),
    cell(r#","consent":{"statistics":false}"#, false, false, SECURITY, "accepted"),
    cell(r#","consent":{"other":true}"#, false, false, SECURITY, "accepted"),
];

/// What a purpose on consent alone keeps, where every signal denies everything.
const CONSENT_ONLY: [Cell; 8] = [
    cell("", false, false, NONE, "consent_denied"),
    cell("", true, true, NONE, "consent_denied"),
    cell(r#","consent":true"#, false, false, STATISTICS, "accepted"),
    cell(r#","consent":true"#, true, false, NONE, "denied_by_dnt"),
    cell(r#","consent":true"#, false, true, NONE, "denied_by_gpc"),
    cell(r#","consent":true"#, true, true, NONE, "denied_by_gpc"),
    cell(r#","consent":false"#, false, true, NONE, "consent_denied"),
    cell(r#","consent":{"statistics":true}"#, true, false, NONE, "denied_by_dnt"),
];

fn check(candor: &Candor, cells: &[Cell], purposes: &[&str]) {
    for (n, cell) in cells.iter().enumerate() {
        let path = format!("/cell-{n}");
        let body = format!(r#"{{"site":"demo","url":"http://localhost{path}"{}}}"#, cell.consent);
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(cell.dnt.then_some(("dnt", "1")));
        headers.extend(cell.gpc.then_some(("sec-gpc", "1")));
        let answer = candor.beacons().post("/v1/events", &headers, body);
        assert_eq!(answer.outcome, cell.outcome, "{path}: {}", cell.consent);
        assert_eq!(answer.status, if cell.kept.is_empty() { 204 } else { 202 }, "{path}");
    }
    for purpose in purposes {
        let of_purpose = |cell: &&Cell| cell.kept.contains(purpose);
        let kept = cells.iter().enumerate().filter(|(_, cell)| of_purpose(cell));
        let want: Vec<_> = kept.map(|(n, _)| format!("'/cell-{n}'")).collect();
        let query = format!("SELECT arraySort(groupArray(path)) FROM candor.{purpose}");
        let mut want = want;
        want.sort();
        candor.sql_becomes(&query, &format!("[{}]", want.join(",")));
    }
}

#[test]
fn consent_and_another_basis_beside_each_other() {
    check(&two_purposes(), &TABLE, BOTH);
}

#[test]
fn consent_alone() {
    let candor =
        Candor::with_policy(policy().purpose("statistics", "consent", "1 months", &["path"]));
    check(&candor, &CONSENT_ONLY, STATISTICS);
}

#[test]
fn what_is_denied_leaves_nothing_but_a_counter() {
    let mut candor =
        Candor::with_policy(policy().purpose("statistics", "consent", "1 months", &["path"]));
    for _ in 0..5 {
        let body =
            r#"{"site":"demo","url":"http://localhost/denied-marker","title":"denied-marker"}"#;
        assert_eq!(candor.send(body).status, 204);
    }
    assert_eq!(candor.metric("collector_beacons_total{outcome=\"consent_denied\"}"), 5);
    assert_eq!(candor.metric("collector_beacons_received_total"), 5);
    assert_eq!(candor.sql("SELECT count() FROM candor.batches"), "0", "the log stayed empty");
    candor.stop();
    let marker = b"denied-marker";
    for file in candor_tests::files(&candor.data()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(marker.len()).any(|window| window == marker), "{}", file.display());
    }
    assert!(!candor.log().contains("denied-marker"));
}

#[test]
fn a_field_is_kept_by_those_purposes_only_that_name_it() {
    let candor = Candor::with_policy(
        policy().purpose("statistics", "consent", "1 months", &["path", "title"]).purpose(
            "security",
            "legitimate-interest",
            "7 days",
            &["path", "browser"],
        ),
    );
    let agent = [("content-type", "application/json"), ("user-agent", "Mozilla/5.0 Firefox/140.0")];
    let body = super::pageview(r#","title":"T""#);
    assert_eq!(candor.beacons().post("/v1/events", &agent, body).status, 202);
    candor.sql_becomes("SELECT path, title FROM candor.statistics", "/a\tT");
    candor.sql_becomes("SELECT path, browser FROM candor.security", "/a\tFirefox");
    let missing = candor.sql_answer("SELECT title FROM candor.security");
    assert!(missing.body.contains("UNKNOWN_IDENTIFIER"), "{}", missing.body);
}
