//! What analysts may read, and how much of it.

use std::collections::BTreeSet;

use candor_tests::policy;

use crate::access::{ACCESS_DENIED, be, grants, migrate, migrated};
use crate::engine::Engine;
use crate::sql::{as_xml, limits, rights_of, users};

const MEMORY_LIMIT_EXCEEDED: u16 = 241;
const READONLY: u16 = 164;
const SETTING_CONSTRAINT_VIOLATION: u16 = 452;
const TOO_MANY_ROWS: u16 = 396;

/// An engine with rows, as somebody with this role.
fn reader(role: &str) -> Engine {
    let (mut engine, statements) = migrated();
    let owner = ["GRANT SELECT, INSERT, ALTER ON candor.*", "GRANT SET DEFINER ON *"];
    engine.restart(&as_xml(&owner.map(str::to_owned), &[], &statements));
    for view in ["statistics", "statistics_people", "statistics__demo"] {
        // Who migrated was the engine's one user, who is a reader next.
        engine.sql(&format!(
            "ALTER TABLE candor.{view} MODIFY DEFINER = candor_migrator SQL SECURITY DEFINER"
        ));
    }
    engine.sql(
        "INSERT INTO candor.statistics_rows (site, path, expires_at) VALUES \
         ('demo', '/here', now() + 1000), ('other', '/there', now() + 1000), ('demo', '/gone', now() - 1000)",
    );
    let limits = limits("candor_reader", &statements);
    engine.restart(&as_xml(&rights_of(role, &statements), &limits, &statements));
    engine
}

#[test]
fn analysts_read_the_views_and_nothing_else() {
    let engine = reader("candor_reader");
    let granted = engine.sql("SHOW GRANTS");
    let views = ["statistics", "statistics__demo", "statistics_people"];
    let want = views.map(|view| format!("GRANT SELECT ON candor.{view} TO default"));
    assert_eq!(granted.lines().collect::<BTreeSet<_>>(), want.iter().map(String::as_str).collect());

    assert_eq!(engine.sql("SELECT path FROM candor.statistics ORDER BY path"), "/here\n/there");
    assert_eq!(engine.sql("SELECT path FROM candor.statistics__demo"), "/here");
    for sql in [
        "SELECT path FROM candor.statistics_rows",
        "SELECT count() FROM candor.batches",
        "SELECT record FROM candor.quarantine",
        "DESCRIBE TABLE candor.statistics_rows",
        "SELECT * FROM mergeTreeIndex('candor', 'statistics_rows')",
        "INSERT INTO candor.statistics_rows (site) VALUES ('x')",
        "SELECT * FROM `/etc/passwd`",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    ] {
        engine.refuses(sql, ACCESS_DENIED);
    }
}

/// A view that somebody made is not guarded, and one of all sites is no team's, whatever its name.
#[test]
fn only_guarded_views_are_granted_and_to_teams_only_their_own() {
    let (mut engine, statements) = migrated();
    be(&mut engine, "candor_migrator", &statements);
    engine.sql("CREATE VIEW candor.by_hand AS SELECT * FROM candor.statistics_rows");
    let policy = policy().purpose("support", "consent", "3 months", &["path", "bot"]);
    let (worked, said) = migrate(&engine, Some(&policy));
    assert!(worked && said.contains("VIEW candor.support_people"), "{said}");
    let grants = grants(&engine);
    assert!(!grants.iter().any(|grant| grant.contains("by_hand")), "{grants:?}");
    let team = |grant: &String| {
        let (what, team) = grant.split_once(" TO candor_reader__")?;
        Some(format!("{team}: {}", what.strip_prefix("GRANT SELECT ON candor.")?))
    };
    let teams: BTreeSet<_> = grants.iter().filter_map(team).collect();
    let want = ["demo: statistics__demo", "test: support__test"].map(str::to_owned);
    assert_eq!(teams, want.into());
}

#[test]
fn a_team_reads_its_own_sites() {
    let engine = reader("candor_reader__demo");
    assert_eq!(engine.sql("SHOW GRANTS"), "GRANT SELECT ON candor.statistics__demo TO default");
    assert_eq!(engine.sql("SELECT path FROM candor.statistics__demo"), "/here");
    engine.refuses("SELECT path FROM candor.statistics", ACCESS_DENIED);
}

#[test]
fn analysts_cannot_lift_their_limits() {
    let engine = reader("candor_reader");
    for limit in limits("candor_reader", &users()) {
        let name = &limit.name;
        let is = engine.sql(&format!("SELECT value FROM system.settings WHERE name = '{name}'"));
        assert_eq!(is, limit.value, "{name}");
        let code = if name == "readonly" { READONLY } else { SETTING_CONSTRAINT_VIOLATION };
        engine.refuses(&format!("SELECT 1 SETTINGS {name} = 0"), code);
        engine.refuses(&format!("SELECT 1 SETTINGS {name} = {}1", limit.value), code);
    }
    // Lower is allowed, and so is what limits nothing.
    engine.sql("SELECT 1 SETTINGS max_execution_time = 5, max_threads = 1");
    engine.refuses("SELECT number FROM numbers(1000001)", TOO_MANY_ROWS);
    engine.refuses(
        "SELECT length(groupArray(number)) FROM numbers(1000000000)",
        MEMORY_LIMIT_EXCEEDED,
    );
}
