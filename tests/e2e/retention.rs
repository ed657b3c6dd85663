//! Rows die on time: out of the views at once, out of the parts soon after.

use std::time::{SystemTime, UNIX_EPOCH};

use candor_tests::{Candor, Options, policy};

#[expect(clippy::disallowed_methods, reason = "a line of a log has a time")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn line(path: &str, time: u64) -> String {
    format!(
        "{{\"time\":{time},\"ip\":\"198.51.100.7\",\"method\":\"GET\",\"path\":\"{path}\",\"status\":200}}\n"
    )
}

#[test]
fn an_overdue_row_vanishes_from_view_and_parts() {
    const DAY: u64 = 86_400;
    let candor = Candor::start(Options {
        policy: Some(policy().purpose("statistics", "consent", "1 days", &["path"])),
        config: "[clickhouse.tables]\nttl_timeout_seconds = 0\n".to_owned(),
        ..Options::default()
    });
    let log =
        line("/old", now() - DAY + 4) + &line("/new", now()) + &line("/late", now() - DAY - 5);
    let (status, report) = candor.import(&["--site", "demo", "--consent", "statistics"], &log);
    assert!(status.success(), "{report}");
    assert!(report.contains("2 accepted") && report.contains("1 expired"), "{report}");

    candor.sql_becomes("SELECT count() FROM candor.statistics WHERE path = '/old'", "1");
    candor.sql_becomes("SELECT count() FROM candor.statistics WHERE path = '/old'", "0");
    let overdue = "SELECT countIf(now() >= expires_at) FROM candor.statistics";
    assert_eq!(candor.sql(overdue), "0", "the view hides what is overdue");
    candor
        .sql_becomes("SELECT arraySort(groupArray(path)) FROM candor.statistics_rows", "['/new']");
    let parts = "SELECT sum(rows) FROM system.parts WHERE active AND table = 'statistics_rows'";
    candor.sql_becomes(parts, "1");
}

#[test]
fn each_purpose_has_its_own_period() {
    let candor = Candor::with_policy(
        policy().purpose("statistics", "consent", "24 months", &["path"]).purpose(
            "security",
            "legitimate-interest",
            "7 days",
            &["path"],
        ),
    );
    assert_eq!(candor.send(&super::pageview("")).status, 202);
    candor
        .sql_becomes("SELECT expires_at = addMonths(received_at, 24) FROM candor.statistics", "1");
    candor
        .sql_becomes("SELECT expires_at = received_at + INTERVAL 7 DAY FROM candor.security", "1");
}
