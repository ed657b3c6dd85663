//! Access logs through the same gate.

use candor_tests::Candor;

/// The log that the README imports: made up, in the combined format.
const COMBINED: &str = include_str!("../data/access.log");
const WITH_CONSENT: [&str; 4] = ["--site", "demo", "--consent", "statistics"];

#[test]
fn a_combined_log_is_too_old_to_be_kept() {
    let candor = Candor::demo();
    let (status, report) = candor.import(&WITH_CONSENT, COMBINED);
    assert!(status.success(), "{report}");
    let total = COMBINED.lines().count();
    assert!(report.contains(&format!("{total} lines")), "{report}");
    assert!(report.contains(" expired") && !report.contains(" accepted"), "{report}");
}

#[test]
fn an_ndjson_log_ends_now() {
    let candor = Candor::demo();
    let line = |offset: i64, path: &str, status: u16| {
        format!(
            r#"{{"offset_s":{offset},"ip":"198.51.100.7","method":"GET","path":"{path}","status":{status},"referrer":"http://search.example/","user_agent":"Firefox/9"}}"#
        )
    };
    let log = [
        line(0, "/first", 200),
        line(1, "/style.css", 200),
        line(2, "/gone", 404),
        "nonsense".to_owned(),
        line(3_600, "/last?q=1", 200),
    ];
    let (status, report) = candor.import(&WITH_CONSENT, &log.join("\n"));
    assert!(status.success(), "{report}");
    for part in ["5 lines", "2 accepted", "1 not_a_page", "1 failed_request", "1 malformed"] {
        assert!(report.contains(part), "{part}: {report}");
    }
    candor.sql_becomes(
        "SELECT arraySort(groupArray(path)) FROM candor.statistics",
        "['/first','/last']",
    );
    let apart = "SELECT max(received_at) - min(received_at), any(basis), any(address) FROM candor.statistics";
    assert_eq!(candor.sql(apart), "3600\toperator-asserted\t::ffff:198.51.100.0");
    let top =
        "SELECT path, count() FROM candor.statistics GROUP BY path ORDER BY 2 DESC, 1 LIMIT 10";
    assert_eq!(candor.sql(top), "/first\t1\n/last\t1");

    let (status, report) = candor.import(&["--site", "demo"], &log.join("\n"));
    assert!(status.success(), "{report}");
    assert!(report.contains("4 consent_denied") && report.contains("1 malformed"), "{report}");
}

#[test]
fn mistakes_are_told_apart() {
    let candor = Candor::demo();
    let (status, report) = candor.import(&["--site", "other", "--consent", "statistics"], COMBINED);
    assert!(!status.success() && report.contains("no policy names this site"), "{report}");

    let (status, report) = candor.import(&["--site", "demo", "--consent", "statistcs"], COMBINED);
    assert!(!status.success() && report.contains("purposes are: statistics"), "{report}");

    let nobody =
        candor.command("import").args(["--site", "demo", "--admin", "127.0.0.1:1", "x"]).output();
    let text = String::from_utf8_lossy(&nobody.unwrap().stderr).into_owned();
    assert!(text.contains("cannot read x"), "{text}");
}
