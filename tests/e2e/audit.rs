//! `candor audit` says nothing of what is right, also while it changes, and finds every violation that is
//! planted.

use candor_tests::{Audit, Candor, Load, Options, policy};

/// A candor with so many ranges of one event each, at rest.
fn stored(ranges: usize) -> Candor {
    let candor = Candor::start(Options {
        config: "[sink]\nbatch_age_ms = 200\n".to_owned(),
        ..Options::default()
    });
    for range in 1..=ranges {
        assert_eq!(candor.send(&super::pageview("")).status, 202);
        candor.sql_becomes("SELECT count() FROM candor.batches", &range.to_string());
    }
    clean(&candor);
    candor
}

/// The sink counts a range last, when it has confirmed it.
fn clean(candor: &Candor) -> Audit {
    let ranges = candor.sql("SELECT count() FROM candor.batches").parse().unwrap();
    candor.admin().metric_becomes("sink_batches_total", ranges);
    let audit = candor.audit(&[]);
    audit.assert_clean();
    audit
}

/// What is found, once something was done to the tables.
fn found(candor: &Candor, done: &[&str]) -> Vec<String> {
    for sql in done {
        candor.sql(&format!("{sql} SETTINGS mutations_sync = 2, insert_deduplicate = 0"));
    }
    let audit = candor.audit(&[]);
    assert_eq!(audit.status, Some(1), "{audit:?}");
    let findings = audit.report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|it| it["advice"].as_str().unwrap().len() > 50), "{audit:?}");
    audit.findings()
}

/// The statement that enters a range like the one at `first` into the ledger, with other ends.
fn range_like(first: u64, from: &str, to: &str) -> String {
    format!(
        "INSERT INTO candor.batches SELECT * REPLACE ({from} AS first_offset, {to} AS last_offset) \
         FROM (SELECT * FROM candor.batches WHERE first_offset = {first})"
    )
}

#[test]
fn a_row_that_is_missing_or_there_twice_is_found() {
    let candor = stored(4);
    let audit = clean(&candor);
    assert_eq!((audit.sum("complete", "ranges"), audit.sum("complete", "found")), (4, 4));
    let twice = "INSERT INTO candor.statistics_rows SELECT * FROM candor.statistics_rows \
                 WHERE log_offset = 1";
    assert_eq!(found(&candor, &[twice]), ["rows twice"]);
    let missing = "ALTER TABLE candor.statistics_rows DELETE WHERE log_offset = 2";
    assert_eq!(found(&candor, &[missing]), ["rows missing", "rows twice"]);
    let run = candor.command("audit").arg("--data").arg(candor.data()).output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(text.contains("FOUND missing in statistics_rows: log "), "{text}");
    assert!(text.contains("offsets 2 to 2: 0 of 1 rows in 1 ranges"), "{text}");
    assert!(String::from_utf8_lossy(&run.stderr).contains("2 findings"), "{run:?}");
}

#[test]
fn rows_that_nobody_accounts_for_are_found() {
    let candor = stored(3);
    let row = |offset: &str, index: u8| {
        format!(
            "INSERT INTO candor.statistics_rows SELECT * REPLACE ({offset} AS log_offset, {index} AS log_index) \
             FROM (SELECT * FROM candor.statistics_rows WHERE log_offset = 1 AND log_index = 0)"
        )
    };
    assert_eq!(found(&candor, &[&row("log_offset", 7)]), ["rows surplus"]);
    assert_eq!(found(&candor, &[&row("log_offset + 100", 0)]), ["rows beyond", "rows surplus"]);
}

#[test]
fn a_range_that_is_missing_is_found() {
    let candor = stored(4);
    let middle = "ALTER TABLE candor.batches DELETE WHERE first_offset = 1";
    assert_eq!(found(&candor, &[middle]), ["gap", "rows outside"]);
    let last = "ALTER TABLE candor.batches DELETE WHERE first_offset = 3";
    assert_eq!(found(&candor, &[last]), ["behind", "gap", "rows outside"]);
}

#[test]
fn a_range_that_is_there_twice_is_found() {
    let candor = stored(3);
    assert_eq!(found(&candor, &[&range_like(1, "first_offset", "last_offset")]), ["doubled"]);
}

#[test]
fn ranges_that_overlap_or_do_not_add_up_are_found() {
    let candor = stored(3);
    let wide = range_like(0, "toUInt64(0)", "toUInt64(1)");
    let kinds = ["overlap", "rows missing", "unaccounted"];
    assert_eq!(found(&candor, &[&wide]), kinds, "and one row cannot be of two ranges");
    let more = "ALTER TABLE candor.batches UPDATE held = 9 WHERE first_offset = 2";
    assert_eq!(found(&candor, &[more]), ["overlap", "rows missing", "unaccounted", "unbalanced"]);
}

#[test]
fn a_range_beyond_the_end_is_found() {
    let candor = stored(3);
    let beyond = range_like(2, "toUInt64(3)", "toUInt64(3)");
    assert_eq!(found(&candor, &[&beyond]), ["beyond"]);
    let audit = candor.audit(&["--ledger-only"]);
    assert_eq!(
        audit.findings(),
        ["rows missing"],
        "whoever does not ask the log believes the ledger"
    );
}

#[test]
fn a_range_of_a_partition_without_a_cursor_is_found() {
    let candor = stored(2);
    let stray = "INSERT INTO candor.batches SELECT * REPLACE (toUInt32(7) AS log_partition) \
                 FROM (SELECT * FROM candor.batches WHERE first_offset = 1)";
    assert_eq!(found(&candor, &[stray]), ["beyond", "no_cursor"]);
}

#[test]
fn what_died_or_may_have_been_deleted_is_not_missed() {
    let mut candor =
        Candor::with_policy(policy().purpose("statistics", "consent", "24 months", &["path"]));
    let body = r#"{"site":"demo","url":"http://localhost/a","kind":"chat","consent":true}"#;
    assert_eq!(candor.send(body).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.batches", "1");
    clean(&candor);
    let strict = policy().purpose("statistics", "consent", "24 months", &["path"]);
    candor.change_policy(strict.with("kinds = [\"pageview\"]"));
    let (ok, said) = super::schema::migrate(&candor, &[]);
    assert!(ok, "{said}");
    candor.sql_becomes("SELECT count() FROM candor.statistics_rows", "0");
    let audit = clean(&candor);
    assert_eq!(audit.sum("changed", "ranges"), 1, "{audit:?}");

    let old = "ALTER TABLE candor.batches UPDATE stored_at = stored_at - INTERVAL 8 DAY WHERE 1";
    candor.sql(&format!("{old} SETTINGS mutations_sync = 2"));
    assert_eq!(clean(&candor).sum("too_old", "ranges"), 1);
}

#[test]
fn an_audit_beside_a_busy_sink_cries_no_wolf() {
    let candor = Candor::start(Options {
        config: "[sink]\nbatch_age_ms = 200\n".to_owned(),
        ..Options::default()
    });
    let load = Load::start(&[candor.beacons()]);
    for _ in 0..12 {
        load.wait_for(60);
        candor.audit(&[]).assert_clean();
        candor.audit(&["--ledger-only"]).assert_clean();
    }
    load.finish();
}

#[test]
fn what_cannot_be_asked_is_no_finding() {
    let mut candor = stored(1);
    candor.stop();
    let audit = candor.audit(&[]);
    assert_eq!(audit.status, Some(2), "ClickHouse is away: {audit:?}");
    let wrong = candor.command("audit").args(["--config", "nowhere.toml"]).output().unwrap();
    assert_ne!(wrong.status.code(), Some(1), "{wrong:?}");
}
