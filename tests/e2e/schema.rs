//! `candor migrate`: idempotent, shown before it is done, and never from the future.

use candor_tests::{Candor, policy};

pub(crate) fn migrate(candor: &Candor, args: &[&str]) -> (bool, String) {
    let run = candor.command("migrate").args(args).output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    (run.status.success(), text.into_owned())
}

/// Whether nothing is to be done: nothing is said but comments.
pub(crate) fn is_idle(text: &str) -> bool {
    text.lines().all(|line| line.starts_with("--"))
}

#[test]
fn a_migrated_database_is_left_alone() {
    let candor = Candor::demo();
    let (ok, text) = migrate(&candor, &["--dry-run"]);
    assert!(ok && is_idle(&text), "{text}");
    let (ok, text) = migrate(&candor, &[]);
    assert!(ok && text.contains("0 statements"), "{text}");
}

#[test]
fn what_was_undone_is_shown_and_mended() {
    let candor = Candor::demo();
    candor.sql("ALTER TABLE candor.statistics_rows REMOVE TTL");
    candor.sql("ALTER TABLE candor.statistics_rows DROP CONSTRAINT address_is_truncated");
    candor.sql("ALTER TABLE candor.statistics_rows DROP COLUMN title");
    candor.sql("DROP VIEW candor.statistics_people");

    let (ok, text) = migrate(&candor, &["--dry-run"]);
    assert!(ok, "{text}");
    for part in ["MODIFY TTL expires_at", "ADD CONSTRAINT", "ADD COLUMN title", "statistics_people"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let gone = candor.sql_answer("SELECT 1 FROM candor.statistics_people");
    assert!(gone.body.contains("UNKNOWN_TABLE"), "a dry run does nothing: {}", gone.body);

    let (ok, text) = migrate(&candor, &[]);
    assert!(ok, "{text}");
    let (ok, text) = migrate(&candor, &["--dry-run"]);
    assert!(ok && is_idle(&text), "{text}");
}

#[test]
fn a_ledger_of_an_earlier_version_is_brought_up_to_date() {
    let candor = Candor::demo();
    let made = candor.sql("SHOW CREATE TABLE candor.batches");
    assert!(made.contains("`marks`"), "{made}");
    candor.sql("ALTER TABLE candor.batches DROP COLUMN marks, DROP COLUMN held, DROP COLUMN until");
    let (ok, text) = migrate(&candor, &[]);
    assert!(ok && text.contains("ADD COLUMN marks"), "{text}");
    assert_eq!(candor.sql("SHOW CREATE TABLE candor.batches"), made);
}

#[test]
fn a_newer_database_is_refused() {
    let candor = Candor::demo();
    candor.sql("INSERT INTO candor.schema (version) VALUES (99)");
    let (ok, text) = migrate(&candor, &[]);
    assert!(!ok && text.contains("schema version 99"), "{text}");
}

#[test]
fn the_table_itself_refuses_a_whole_address() {
    let candor = Candor::demo();
    let insert = |address: &str, prefix: u8| {
        candor.sql_answer(&format!(
            "INSERT INTO candor.statistics_rows (site, received_at, expires_at, address, address_prefix) \
             VALUES ('demo', now(), now() + 60, '{address}', {prefix})"
        ))
    };
    for (address, prefix) in [
        ("::ffff:198.51.100.77", 24),
        ("::ffff:198.51.100.77", 32),
        ("2001:db8:1:2::", 48),
        ("2001:db8:1::1", 48),
        ("2001:db8:1:2:3:4:5:6", 128),
    ] {
        let answer = insert(address, prefix);
        assert!(answer.body.contains("VIOLATED_CONSTRAINT"), "{address}: {}", answer.body);
    }
    for (address, prefix) in [("::ffff:198.51.100.0", 24), ("2001:db8:1::", 48), ("::", 0)] {
        assert_eq!(insert(address, prefix).status, 200, "{address}");
    }
    let log = candor.log();
    assert!(
        !log.contains("198.51.100") && !log.contains("2001:db8"),
        "no error is logged with its values: {log}"
    );
}

#[test]
fn teams_get_views_of_their_sites_only() {
    let candor = Candor::with_policy(policy().purpose(
        "statistics",
        "consent",
        "1 months",
        &["path", "bot"],
    ));
    candor.send(&super::pageview(""));
    candor.sql_becomes("SELECT count() FROM candor.statistics__test", "1");
    let columns = candor
        .sql("SELECT name FROM system.columns WHERE database = 'candor' AND table = 'statistics'");
    for hidden in ["event_id", "log", "log_offset", "log_index", "stored_at"] {
        assert!(columns.lines().all(|column| column != hidden), "{hidden}");
    }
    let comment = "SELECT comment != '' FROM system.columns WHERE table = 'statistics_rows' AND name = 'path'";
    assert_eq!(candor.sql(comment), "1");
}
