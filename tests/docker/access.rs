//! `clickhouse/`: who may do what. `CREATE USER` is only parsed here, for the embedded engine has one user;
//! but that user is given exactly the rights and limits of each of ours in turn, and has to live with them.

use std::collections::{BTreeSet, HashSet};
use std::process::Command;

use candor_event::{Basis, Event, Field, FieldSet, Grant, Kind, Purpose, Timestamp, wire};
use candor_store::{
    Attempt, Batch, Ids, InsertDeadline, Kept, Position, Purposes, Quarantined, Range, Recent,
    Since, Store,
};
use candor_tests::{Policy, policy, program};

use crate::engine::Engine;
use crate::read;
use crate::sql::{as_xml, rights_of, statements, target, users};

pub(crate) const ACCESS_DENIED: u16 = 497;
const DEADLINE: InsertDeadline = InsertDeadline(std::time::Duration::from_secs(30));

/// The engine as one of our users, with what `statements` give.
pub(crate) fn be(engine: &mut Engine, whom: &str, statements: &[String]) {
    engine.restart(&as_xml(&rights_of(whom, statements), &[], statements));
}

/// An engine that was migrated with the migrator's rights, and all statements about rights.
pub(crate) fn migrated() -> (Engine, Vec<String>) {
    let mut statements = users();
    let rights = rights_of("candor_migrator", &statements);
    let engine = Engine::start(&as_xml(&rights, &[], &statements));
    let (worked, said) = migrate(&engine, None);
    assert!(worked, "{said}");
    statements.extend(grants(&engine));
    (engine, statements)
}

/// Runs `candor migrate`.
pub(crate) fn migrate(engine: &Engine, policy: Option<&Policy>) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("candor.toml");
    std::fs::write(&config, format!("[clickhouse]\nurl = {:?}\n", engine.url())).unwrap();
    let mut command = Command::new(program("candor"));
    command.args(["migrate", "--config"]).arg(config);
    if let Some(policy) = policy {
        let policies = dir.path().join("policies");
        std::fs::create_dir(&policies).unwrap();
        std::fs::write(policies.join("test.toml"), policy.text()).unwrap();
        command.arg("--policies").arg(policies);
    }
    let run = command.output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    (run.status.success(), said.into_owned())
}

/// What `grants.sql` prints.
pub(crate) fn grants(engine: &Engine) -> Vec<String> {
    let query = read("docker/clickhouse/grants.sql");
    statements(&engine.sql(&format!("{query} FORMAT TSVRaw")))
}

/// Two events of the demo site, and a record that is none. The times are far ahead, for columns are emptied.
fn batch() -> Batch {
    let now = Timestamp::from_unix(3_990_000_001);
    let record = wire::encode(&event());
    let event = wire::split(&record).unwrap().remove(0);
    let mut purposes = Purposes::default();
    let mut kept = |offset| {
        let position = Position { offset, index: 0 };
        Kept::of(position, event.clone(), &mut purposes, now).0.unwrap()
    };
    let position = Position { offset: 7, index: 0 };
    let (reason, record) = ("not_protobuf", vec![1]);
    let quarantined = Quarantined { position, expires_at: None, reason, record };
    Batch {
        range: Range { log: "test".to_owned(), partition: 2, first: 5, last: 7 },
        stored_at: now,
        records: 3,
        events: [5, 6].map(&mut kept).into(),
        buckets: [(candor_store::Bucket::Quarantined, 1)].into(),
        quarantined: vec![quarantined],
        marks: [("a0".repeat(16), 3)].into(),
        held: 3,
    }
}

fn event() -> Event {
    Event {
        id: vec![7; 16],
        site: "demo".to_owned(),
        kind: Kind::Pageview.into(),
        received_at: 3_990_000_000,
        policy_version: vec![0; 16],
        path: "/prices".to_owned(),
        grants: vec![Grant {
            purpose: "statistics".to_owned(),
            basis: Basis::Consent.into(),
            expires_at: 4_000_000_000,
            fields: FieldSet::of(&[Field::Path]).bits(),
        }],
        ..Event::default()
    }
}

fn store(engine: &Engine) -> Store {
    Store::new(&candor_store::Config { url: engine.url().to_owned(), ..Default::default() })
}

/// Stores a batch, as a sink does.
async fn insert(store: &Store, batch: &Batch) {
    let (none, first) = (HashSet::new(), Attempt::default());
    let purpose = Purpose::parse("statistics").unwrap();
    store.insert_rows(batch, &purpose, &none, first, DEADLINE).await.unwrap();
    store.insert_quarantined(batch, &none, first, DEADLINE).await.unwrap();
    store.insert_ledger(batch, first, DEADLINE).await.unwrap();
}

#[test]
fn clickhouse_can_read_every_statement() {
    let (engine, statements) = migrated();
    for statement in &statements {
        assert_eq!(engine.parses(statement), Ok(()), "{statement}");
    }
    for mistake in [
        "GRANT SELCT ON candor.statistics TO candor_reader",
        "GRANT SELECT(path) ON candor.* TO candor_sink",
        "GRANT INSERT ON candor.*_rows TO candor_sink",
        "CREATE USER a IDENTIFIED WITH sha257_hash BY 'x'",
        "ALTER SETTINGS PROFILE a SETTINGS readonly = 2 CONSTANT",
        "ALTER QUOTA a FOR INTERVAL 1 hour MAX requests = 1",
    ] {
        assert!(engine.parses(mistake).is_err(), "{mistake}");
    }
}

/// A grant on what is not there is taken without a word.
#[test]
fn grants_name_tables_and_columns_that_exist() {
    let (engine, statements) = migrated();
    let mut seen = BTreeSet::new();
    for (columns, place) in statements.iter().filter_map(|statement| target(statement)) {
        let (database, table) = place.split_once('.').unwrap();
        if table.ends_with('*') {
            assert!(["candor", "*"].contains(&database), "{place}");
            continue;
        }
        assert_eq!(engine.sql(&format!("EXISTS {place}")), "1", "{place}");
        let has = engine.sql(&format!(
            "SELECT name FROM system.columns WHERE database = '{database}' AND table = '{table}'"
        ));
        for column in columns {
            assert!(has.lines().any(|name| name == column), "{place} has no {column}");
        }
        seen.insert(place);
    }
    let all = engine.sql("SELECT 'candor.' || name FROM system.tables WHERE database = 'candor'");
    let unseen: Vec<_> = all.lines().filter(|table| !seen.contains(table)).collect();
    assert_eq!(unseen, ["candor.schema"], "only the migrator needs it");
}

#[test]
fn the_migrator_can_do_all_that_migrating_takes() {
    let (mut engine, statements) = migrated();
    engine.sql(
        "INSERT INTO candor.statistics_rows (site, kind, title, received_at, expires_at) VALUES \
         ('demo', 'pageview', 'Title', now(), now() + INTERVAL 23 MONTH), ('demo', 'chat', '', now(), now() + 1000)",
    );
    be(&mut engine, "candor_migrator", &statements);
    assert!(migrate(&engine, None).1.contains("-- 0 statements"));

    // A stricter policy, another purpose, a wider one, a TTL that somebody changed, a view that somebody replaced.
    let narrow = policy().purpose("support", "consent", "3 months", &["path"]);
    let wide = policy()
        .purpose("support", "consent", "3 months", &["path", "address"])
        .with("[address]\nmode = \"truncate\"");
    let strict = policy()
        .purpose("statistics", "consent", "13 months", &["path"])
        .with("kinds = [\"pageview\"]\n[roles.analyst]\nreads = [\"statistics\"]");
    for (before, policy, statement) in [
        ("", &strict, "DELETE WHERE site IN ('demo') AND kind"),
        ("", &narrow, "CREATE TABLE IF NOT EXISTS candor.support_rows"),
        ("", &wide, "ALTER TABLE candor.support_rows ADD COLUMN address"),
        (
            "ALTER TABLE candor.support_rows MODIFY TTL expires_at + INTERVAL 1 YEAR",
            &wide,
            "ALTER TABLE candor.support_rows MODIFY TTL expires_at",
        ),
        (
            "CREATE OR REPLACE VIEW candor.support AS SELECT 1 AS x COMMENT 'by hand'",
            &wide,
            "CREATE OR REPLACE VIEW candor.support",
        ),
    ] {
        if !before.is_empty() {
            engine.sql(before);
        }
        let (worked, said) = migrate(&engine, Some(policy));
        assert!(worked && said.contains(statement), "{said}");
        assert!(migrate(&engine, Some(policy)).1.contains("-- 0 statements"), "{statement}");
    }
}

#[test]
fn the_migrator_can_neither_drop_nor_write_nor_go_elsewhere() {
    let (mut engine, statements) = migrated();
    be(&mut engine, "candor_migrator", &statements);
    for sql in [
        "DROP TABLE candor.statistics_rows",
        "DROP DATABASE candor",
        "TRUNCATE TABLE candor.statistics_rows",
        "ALTER TABLE candor.statistics_rows DROP COLUMN path",
        "ALTER TABLE candor.statistics_rows DROP CONSTRAINT address_is_truncated",
        "INSERT INTO candor.statistics_rows (site) VALUES ('x')",
        "INSERT INTO candor.batches (log) VALUES ('x')",
        "CREATE TABLE default.x (a UInt8) ENGINE = Memory",
        "CREATE VIEW candor.x DEFINER = candor_sink SQL SECURITY DEFINER AS SELECT 1",
    ] {
        engine.refuses(sql, ACCESS_DENIED);
    }
}

#[tokio::test]
async fn the_sink_can_write_and_read_back() {
    let (mut engine, statements) = migrated();
    be(&mut engine, "candor_sink", &statements);
    let store = store(&engine);
    let (batch, purpose) = (batch(), Purpose::parse("statistics").unwrap());
    let range = &batch.range;

    store.ping().await.unwrap();
    assert_eq!(store.ledger_end("test", 2).await.unwrap(), None);
    insert(&store, &batch).await;

    assert_eq!(store.stored_positions(&purpose, range).await.unwrap().len(), 2);
    assert_eq!(store.quarantined_positions(range).await.unwrap().len(), 1);
    assert!(store.ledger_has(range).await.unwrap());
    assert_eq!(store.ledger_end("test", 2).await.unwrap(), Some(range.last + 1));
    let spills = ["a0".repeat(16), "b0".repeat(16)];
    let known = store.marks_before("test", 2, 8, &spills).await.unwrap();
    assert_eq!(known, batch.marks);
    let before = store.marks_before("test", 2, 7, &spills).await.unwrap();
    assert!(before.is_empty(), "a range of which something lies behind: {before:?}");
    let stored = Recent { first: 5, ids: [u128::from_be_bytes([7; 16])].into_iter().collect() };
    let nothing = |first| Recent { first, ids: Ids::default() };
    let at = |second: i64, most| Since::Time {
        at: Timestamp::from_unix(batch.stored_at.unix() + second),
        most,
    };
    for (before, since, recent) in [
        (8, at(0, 2), &stored),
        (8, Since::Offset(5), &stored),
        (8, Since::Offset(8), &nothing(8)),
        (8, at(1, 2), &nothing(8)),
        (8, at(0, 1), &nothing(8)),
        (7, at(0, 2), &nothing(7)),
    ] {
        let known = store.recent_ids("test", 2, before, since).await.unwrap();
        assert_eq!(&known, recent, "before {before} since {since:?}");
    }
}

#[tokio::test]
async fn the_auditor_can_audit_and_read_no_visits() {
    let (mut engine, statements) = migrated();
    be(&mut engine, "candor_sink", &statements);
    let store = store(&engine);
    insert(&store, &batch()).await;

    be(&mut engine, "candor_auditor", &statements);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("candor.toml");
    std::fs::write(&file, format!("[clickhouse]\nurl = {:?}\n", engine.url())).unwrap();
    let mut command = Command::new(program("candor"));
    let run = command.args(["audit", "--ledger-only", "--config"]).arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    assert!(said.contains("statistics_rows: 1 ranges with 2 rows are complete"), "{said}");
    for sql in [
        "SELECT path FROM candor.statistics_rows",
        "SELECT event_id FROM candor.statistics_rows",
        "SELECT path FROM candor.statistics",
        "SELECT record FROM candor.quarantine",
        "INSERT INTO candor.batches (log) VALUES ('x')",
        "ALTER TABLE candor.statistics_rows DELETE WHERE 1",
    ] {
        engine.refuses(sql, ACCESS_DENIED);
    }
}

#[test]
fn the_sink_can_neither_read_visits_nor_change_anything() {
    let (mut engine, statements) = migrated();
    be(&mut engine, "candor_sink", &statements);
    for sql in [
        "SELECT path FROM candor.statistics_rows",
        "SELECT count() FROM candor.statistics_rows WHERE path = '/prices'",
        "SELECT * FROM candor.statistics_rows",
        "SELECT path FROM candor.statistics",
        "SELECT record FROM candor.quarantine",
        "SELECT version FROM candor.schema",
        "INSERT INTO candor.schema (version) VALUES (9)",
        "DROP TABLE candor.statistics_rows",
        "TRUNCATE TABLE candor.batches",
        "ALTER TABLE candor.statistics_rows DELETE WHERE 1",
        "ALTER TABLE candor.statistics_rows MODIFY TTL expires_at + INTERVAL 1 YEAR",
        "CREATE VIEW candor.x AS SELECT 1",
    ] {
        engine.refuses(sql, ACCESS_DENIED);
    }
}

/// Sets a record aside as the sink, and settles it as the user of `candor quarantine`.
#[tokio::test]
async fn quarantine_can_settle_what_was_set_aside_and_nothing_else() {
    let (mut engine, statements) = migrated();
    let now = Timestamp::from_unix(3_990_000_002);
    let mut batch = batch();
    let position = batch.events[0].position;
    let record = wire::encode(&event()).to_vec();
    let expires_at = Some(Timestamp::from_unix(4_000_000_000));
    let later = Position { offset: position.offset + 1, index: 0 };
    batch.quarantined = [position, later]
        .map(|position| Quarantined {
            position,
            expires_at,
            reason: "constraint",
            record: record.clone(),
        })
        .into();
    be(&mut engine, "candor_sink", &statements);
    let none = HashSet::new();
    store(&engine).insert_quarantined(&batch, &none, Attempt::default(), DEADLINE).await.unwrap();

    be(&mut engine, "candor_quarantine", &statements);
    let quarantine = store(&engine);
    let held = quarantine.quarantine(10).await.unwrap();
    assert_eq!(held.len(), 2);
    let stored = quarantine.retry(&held[0], now).await.unwrap();
    assert!(matches!(stored, candor_store::End::Stored(_)), "{stored:?}");
    let dropped = quarantine.drop_held(&held[1], now).await.unwrap();
    assert!(matches!(dropped, candor_store::End::Dropped), "{dropped:?}");
    assert_eq!(quarantine.quarantine(10).await.unwrap().len(), 0);

    for sql in [
        "SELECT path FROM candor.statistics_rows",
        "SELECT path FROM candor.statistics",
        "SELECT log FROM candor.batches",
        "SELECT reason FROM candor.quarantine__audit",
        "INSERT INTO candor.quarantine (log) VALUES ('x')",
        "INSERT INTO candor.batches (log) VALUES ('x')",
        "ALTER TABLE candor.statistics_rows DELETE WHERE 1",
        "ALTER TABLE candor.quarantine__audit DELETE WHERE 1",
        "ALTER TABLE candor.quarantine UPDATE reason = 'x' WHERE 1",
        "TRUNCATE TABLE candor.quarantine",
        "DROP TABLE candor.quarantine",
        "CREATE VIEW candor.x AS SELECT 1",
    ] {
        engine.refuses(sql, ACCESS_DENIED);
    }
}
