//! A policy that becomes stricter holds for what is stored already; one that becomes looser does not.

use candor_tests::{Candor, Policy, eventually, policy};

use super::schema::{is_idle, migrate};

const ALL: &[&str] = &["path", "title", "query", "address", "bot"];

/// Consented statistics for so long, with these fields, and what these need.
fn statistics(retention: &str, fields: &[&str]) -> Policy {
    let policy = policy().purpose("statistics", "consent", retention, fields);
    let policy = if fields.contains(&"query") {
        policy.with("[page]\nkeep_query = [\"page\", \"q\"]")
    } else {
        policy
    };
    if fields.contains(&"address") {
        policy.with("[address]\nmode = \"truncate\"\nv4 = 24\nv6 = 48")
    } else {
        policy
    }
}

/// Puts a row there that was received so many days ago, under a promise of 24 months.
fn old_row(candor: &Candor, table: &str, columns: &str, values: &str, days: u32) {
    candor.sql(&format!(
        "INSERT INTO candor.{table}_rows (site, received_at, expires_at, {columns}) \
         SELECT 'demo', now() - INTERVAL {days} DAY AS received, addMonths(received, 24), {values}"
    ));
}

/// Brings the database to another policy; gives back what was said.
fn change(candor: &mut Candor, policy: Policy) -> String {
    candor.change_policy(policy);
    let (ok, text) = migrate(candor, &[]);
    assert!(ok, "{text}");
    let (ok, again) = migrate(candor, &["--dry-run"]);
    assert!(ok && is_idle(&again), "a second time there is nothing to do: {again}");
    text
}

#[test]
fn a_shorter_period_holds_at_once_and_a_longer_one_for_rows_to_come() {
    let mut candor = Candor::with_policy(statistics("24 months", &["path"]));
    assert_eq!(candor.send(&super::pageview("")).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.statistics", "1");
    old_row(&candor, "statistics", "kind, path", "'pageview', '/overdue'", 40);
    old_row(&candor, "statistics", "kind, path", "'pageview', '/old'", 20);
    let rows = "SELECT arraySort(groupArray(path)) FROM candor.statistics_rows";
    let before = candor.sql("SELECT * FROM candor.statistics_rows ORDER BY path");

    candor.change_policy(statistics("30 days", &["path"]));
    let (ok, text) = migrate(&candor, &["--dry-run"]);
    let said = "-- 3 rows of demo in statistics: kept for up to 731 days, now for 30 days\n";
    assert!(ok && text.contains(said), "{text}");
    assert!(text.contains("AND NOT (site IN ('demo') AND addDays(received_at, 30) <= now())"));
    let after = candor.sql("SELECT * FROM candor.statistics_rows ORDER BY path");
    assert_eq!(before, after, "a dry run changes nothing");

    let text = change(&mut candor, statistics("30 days", &["path"]));
    assert!(text.contains(said), "{text}");
    assert_eq!(candor.sql(rows), "['/a','/old']", "what is overdue is gone from the parts");
    let kept = "SELECT uniqExact(expires_at - received_at), any(expires_at - received_at) / 86400 \
                FROM candor.statistics";
    assert_eq!(candor.sql(kept), "1\t30");
    let view = "SELECT as_select FROM system.tables WHERE name = 'statistics'";
    assert!(!candor.sql(view).contains("NOT"), "the view shows everything again");

    let text = change(&mut candor, statistics("24 months", &["path"]));
    assert!(text.contains("-- 0 statements"), "{text}");
    assert_eq!(candor.sql(kept), "1\t30", "who was promised 30 days keeps them");
    candor.stop();
    candor.restart();
    assert_eq!(candor.send(&super::pageview("")).status, 202);
    candor.sql_becomes(
        "SELECT count() FROM candor.statistics WHERE expires_at = addMonths(received_at, 24)",
        "1",
    );
}

#[test]
fn starting_is_enough() {
    let mut candor = Candor::with_policy(statistics("24 months", &["path", "title"]));
    old_row(&candor, "statistics", "kind, path, title", "'pageview', '/old', 'Title'", 20);
    candor.stop();
    candor.change_policy(statistics("13 months", &["path"]));
    candor.restart();
    let row =
        "SELECT path, title, expires_at = addMonths(received_at, 13) FROM candor.statistics_rows";
    assert_eq!(candor.sql(row), "/old\t\t1");
    let log = candor.log();
    for said in ["kept for up to 731 days, now for 13 months", "title no longer kept, emptied"] {
        assert!(log.contains(said), "{log}");
    }
    let (ok, text) = migrate(&candor, &["--dry-run"]);
    assert!(ok && is_idle(&text), "{text}");
}

#[test]
fn fields_parameters_and_bits_that_are_no_longer_kept_go() {
    let mut candor = Candor::with_policy(statistics("24 months", ALL));
    let headers = [("content-type", "application/json"), ("x-forwarded-for", "198.51.100.77")];
    let body =
        r#"{"site":"demo","url":"http://localhost/a?page=2&q=cats","title":"A","consent":true}"#;
    assert_eq!(candor.beacons().post("/v1/events", &headers, body).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.statistics", "1");
    let columns = "kind, path, title, query, address, address_prefix";
    let v6 = "'pageview', '/b', 'B', map('q', 'dogs'), '2001:db8:77::', 48";
    old_row(&candor, "statistics", columns, v6, 3);

    let strict = policy()
        .purpose("statistics", "consent", "24 months", &["path", "query", "address", "bot"])
        .with("[page]\nkeep_query = [\"page\"]\n[address]\nmode = \"truncate\"\nv4 = 16\nv6 = 32");
    let text = change(&mut candor, strict);
    for said in [
        "2 rows of demo in statistics: title no longer kept, emptied",
        "2 query parameters of demo in statistics: q no longer kept, removed",
        "2 rows of demo in statistics: addresses cut to 16 bits of IPv4 and 32 bits of IPv6",
        "no policy asks for the column title of statistics_rows",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let rows = "SELECT path, title, query, address, address_prefix FROM candor.statistics_rows ORDER BY path";
    assert_eq!(
        candor.sql(rows),
        "/a\t\t{'page':'2'}\t::ffff:198.51.0.0\t16\n/b\t\t{}\t2001:db8::\t32"
    );
    let team = candor.sql("SELECT * FROM candor.statistics__test FORMAT JSONEachRow");
    assert!(!team.contains("title") && team.lines().count() == 2, "{team}");

    change(&mut candor, policy().purpose("statistics", "consent", "24 months", &["path"]));
    assert_eq!(candor.sql(rows), "/a\t\t{}\t::\t0\n/b\t\t{}\t::\t0");
}

#[test]
fn kinds_and_purposes_that_are_no_longer_there_take_their_rows_along() {
    let support = |policy: Policy| policy.purpose("support", "contract", "24 months", &["path"]);
    let mut candor = Candor::with_policy(support(statistics("24 months", &["path"])));
    for table in ["statistics", "support"] {
        old_row(&candor, table, "kind, path", "'pageview', '/a'", 3);
        old_row(&candor, table, "kind, path", "'chat', '/b'", 3);
    }
    candor.sql(
        "INSERT INTO candor.support_rows (site, kind, received_at, expires_at) \
         VALUES ('other.example', 'chat', now(), now() + 1000)",
    );

    let strict = statistics("24 months", &["path"]).with("kinds = [\"pageview\"]");
    let text = change(&mut candor, strict);
    for said in [
        "1 row of demo in statistics: chat no longer kept, deleted",
        "2 rows of demo in support: the policy no longer has the purpose, deleted",
        "no policy asks for the table candor.support_rows: it is left as it is",
        "no policy asks for the view candor.support__test: it is left as it is",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(candor.sql("SELECT path FROM candor.statistics_rows"), "/a");
    let left = "SELECT site FROM candor.support_rows";
    assert_eq!(candor.sql(left), "other.example", "of whom nobody says anything any more");
}

/// Whatever statement is the last one that was run: nobody reads what is overdue, and the next run ends
/// what was begun.
#[test]
fn a_change_that_breaks_off_is_safe_and_mended() {
    for done in 1..=3 {
        let mut candor = Candor::with_policy(statistics("24 months", &["path"]));
        old_row(&candor, "statistics", "kind, path", "'pageview', '/overdue'", 40);
        candor.change_policy(statistics("30 days", &["path"]));
        let (_, text) = migrate(&candor, &["--dry-run"]);
        let statements: Vec<_> = text.split(";\n").filter(|it| it.contains("candor.")).collect();
        assert!(statements.len() > done, "{text}");
        for statement in statements.iter().take(done) {
            candor.sql(statement);
            assert_eq!(candor.sql("SELECT count() FROM candor.statistics"), "0", "{statement}");
        }
        change(&mut candor, statistics("30 days", &["path"]));
        let view = "SELECT as_select FROM system.tables WHERE name = 'statistics'";
        assert!(!candor.sql(view).contains("NOT"));
        let rows = "SELECT count() FROM candor.statistics_rows";
        eventually("gone", || (candor.sql(rows) == "0").then_some(()));
    }
}

#[test]
fn roles_are_shown_for_whoever_can_make_them() {
    let roles = "[roles.analyst]\nreads = [\"statistics\"]\n[roles.support]\nreads = []";
    let mut candor = Candor::with_policy(statistics("24 months", &["path"]).with(roles));
    let (ok, text) = migrate(&candor, &["--dry-run"]);
    assert!(ok && is_idle(&text), "the embedded engine keeps no roles: {text}");
    let (_, shown) = text.split_once("the roles of the policies were left out").unwrap();
    let lines = shown.lines().filter_map(|line| line.strip_prefix("-- "));
    let statements: Vec<_> = lines.filter(|line| line.ends_with(';')).collect();
    assert_eq!(
        statements,
        [
            "CREATE ROLE IF NOT EXISTS candor__test__analyst;",
            "GRANT SELECT ON candor.statistics__test TO candor__test__analyst;",
            "CREATE ROLE IF NOT EXISTS candor__test__support;",
        ]
    );
    let revokes = [
        "REVOKE SELECT ON candor.statistics__test FROM candor__test__analyst;",
        "REVOKE SELECT(path) ON candor.statistics_rows FROM candor__test__analyst;",
        "REVOKE CREATE ROLE ON *.* FROM candor__test__analyst;",
        "REVOKE candor_reader FROM candor__test__analyst;",
    ];
    for statement in statements.into_iter().chain(revokes) {
        let read = candor.sql_answer(&format!("EXPLAIN AST {}", statement.trim_end_matches(';')));
        assert_eq!(read.status, 200, "{statement}: {}", read.body);
    }
    let text = change(&mut candor, statistics("24 months", &["path"]));
    assert!(!text.contains("ROLE"), "without roles there is nothing to say: {text}");
}
