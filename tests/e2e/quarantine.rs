//! A record that cannot be stored is set aside with a reason, and blocks nobody; a log that lost its end
//! is refused.

use candor_event::{EventId, wire};
use candor_tests::{Candor, event};
use candor_transport::{Cursor, Outgoing};

use super::{log, pageview};

/// A candor that has stored one event and stopped.
fn stopped_after_one_event() -> Candor {
    let mut candor = Candor::demo();
    assert_eq!(candor.send(&pageview("")).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.statistics", "1");
    candor.stop();
    candor
}

#[test]
fn poison_is_set_aside_and_its_neighbours_are_stored() {
    let mut candor = stopped_after_one_event();
    let id = EventId::from_bytes([1; 16]);
    log::put(&candor, vec![Outgoing { id, record: b"\xff not Protobuf"[..].into() }]);

    candor.restart();
    assert_eq!(candor.send(&pageview("")).status, 202);
    candor.sql_becomes("SELECT count() FROM candor.statistics", "2");
    candor.sql_becomes(
        "SELECT reason, unhex(record) = '\\xff not Protobuf' FROM candor.quarantine",
        "not_protobuf\t1",
    );
    candor.sql_becomes("SELECT sum(buckets['quarantined']) FROM candor.batches", "1");
    assert_eq!(candor.metric("sink_quarantined_total{reason=\"not_protobuf\"}"), 1);

    let (is_done, text) = quarantine(candor.clickhouse().base(), &["retry", "--all"]);
    assert!(!is_done && text.contains("still not to be read"), "{text}");
    assert!(quarantine(candor.clickhouse().base(), &["drop", "--reason", "not_protobuf"]).0);
    candor.sql_becomes("SELECT count() FROM candor.quarantine", "0");
    candor.sql_becomes(
        "SELECT outcome, reason FROM candor.quarantine__audit",
        "dropped\tnot_protobuf",
    );
}

fn pageview_of(path: &str) -> String {
    format!(r#"{{"site":"demo","url":"http://localhost/{path}","consent":true}}"#)
}

/// Stands in for a value that the sink's own checks let through and the table does not.
const CONSTRAINT: &str = "ALTER TABLE candor.statistics_rows ADD CONSTRAINT no_poison \
                          CHECK NOT startsWith(path, '/poison')";

#[test]
fn rows_that_the_table_refuses_are_set_aside_and_all_others_stored() {
    let candor = Candor::demo();
    candor.sql(CONSTRAINT);
    let mut bodies: Vec<_> = (0..50).map(|number| pageview_of(&format!("good/{number}"))).collect();
    bodies.insert(0, pageview_of("poison/a"));
    bodies.insert(30, pageview_of("poison/b"));
    bodies.push(pageview_of("poison/c"));
    assert_eq!(candor.send(&format!("[{}]", bodies.join(","))).status, 202);
    assert_eq!(candor.send(&pageview("")).status, 202, "nobody waits for it");

    candor.sql_becomes("SELECT sum(buckets['quarantined']) FROM candor.batches", "3");
    candor.sql_becomes("SELECT count(), uniqExact(path) FROM candor.statistics", "51\t51");
    candor.sql_becomes(
        "SELECT count(), uniqExact(log_offset, log_index), groupUniqArray(reason), \
         countIf(unhex(record) LIKE '%/poison/%'), countIf(unhex(record) LIKE '%/good/%') \
         FROM candor.quarantine",
        "3\t3\t['constraint']\t3\t0",
    );
    candor.sql_becomes("SELECT sum(rows['statistics_rows']) FROM candor.batches", "51");
    assert_eq!(candor.metric("sink_quarantined_total{reason=\"constraint\"}"), 3);
    what_is_set_aside_can_be_stored_later_or_dropped(&candor);
}

fn what_is_set_aside_can_be_stored_later_or_dropped(candor: &Candor) {
    let clickhouse = candor.clickhouse().base();
    let (_, listed) = quarantine(clickhouse, &["list"]);
    assert_eq!(
        listed.lines().filter(|line| line.contains("\tconstraint\t")).count(),
        3,
        "{listed}"
    );
    assert!(!listed.contains("poison"), "content is shown when it is asked for: {listed}");
    assert!(quarantine(clickhouse, &["list", "--show"]).1.contains("/poison/b"));
    assert!(!quarantine(clickhouse, &["drop"]).0, "it must be said which");

    // Still refused: nothing changes.
    let (is_done, text) = quarantine(clickhouse, &["retry", "--all"]);
    assert!(!is_done && text.contains("still refused: constraint"), "{text}");
    candor.sql_becomes("SELECT count() FROM candor.quarantine", "3");

    candor.sql("ALTER TABLE candor.statistics_rows DROP CONSTRAINT no_poison");
    let offset =
        "SELECT toString(log_offset) FROM candor.quarantine ORDER BY log_offset, log_index";
    let offset = candor.sql(&format!("{offset} LIMIT 1"));
    // As after a crash between storing and taking it out: two at the same time store it once.
    let place = ["retry", "--offset", &offset];
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| quarantine(clickhouse, &place));
        }
    });
    candor
        .sql_becomes("SELECT countIf(startsWith(path, '/poison')) > 0 FROM candor.statistics", "1");
    quarantine(clickhouse, &["retry", "--all"]);
    candor.sql_becomes(
        "SELECT count(), uniqExact(path), countIf(startsWith(path, '/poison')) FROM candor.statistics",
        "54\t54\t3",
    );
    candor.sql_becomes("SELECT count() FROM candor.quarantine", "0");
    candor.sql_becomes(
        "SELECT outcome, count(), sum(rows['statistics_rows']) FROM candor.quarantine__audit GROUP BY 1",
        "stored\t3\t3",
    );
    candor.audit(&[]).assert_clean();
}

/// Whether it succeeded, and what it printed.
fn quarantine(clickhouse: &str, args: &[&str]) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("candor.toml");
    std::fs::write(&config, format!("[clickhouse]\nurl = {clickhouse:?}\n")).unwrap();
    let mut command = std::process::Command::new(candor_tests::program("candor"));
    let run = command.arg("quarantine").args(args).arg("--config").arg(&config).output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    (run.status.success(), text.into_owned())
}

#[test]
fn a_quarantine_of_an_earlier_version_is_brought_up_to_date() {
    let mut candor = Candor::demo();
    let columns = "SELECT arraySort(groupArray(name)) FROM system.columns \
                   WHERE database = 'candor' AND table = 'quarantine'";
    let made = candor.sql(columns);
    let table = "ALTER TABLE candor.quarantine";
    candor.sql(&format!("{table} MODIFY TTL stored_at + INTERVAL 7 DAY"));
    candor.sql(&format!("{table} DROP COLUMN expires_at"));
    candor.sql(&format!("{table} DROP COLUMN log_index"));
    candor.stop();
    candor.restart();
    assert_eq!(candor.sql(columns), made);
    let create = candor.sql("SHOW CREATE TABLE candor.quarantine");
    assert!(create.contains("TTL expires_at"), "{create}");
}

#[test]
fn a_table_that_refuses_everything_stops_the_sink() {
    let mut candor = stopped_after_one_event();
    candor.restart();
    candor.sql("ALTER TABLE candor.statistics_rows ADD CONSTRAINT nothing CHECK 0");
    candor.stop();
    let id = EventId::from_bytes([1; 16]);
    let events =
        (0..50).map(|number| Outgoing { id, record: wire::encode(&event(number, 1_790_000_000)) });
    log::put(&candor, events.collect());
    let log = candor.run_until_it_ends();
    assert!(log.contains("statistics_rows refuses more than 24 rows"), "{log}");
}

#[test]
fn a_log_that_lost_what_was_being_stored_is_refused() {
    let candor = stopped_after_one_event();
    // As after a crash in the middle of an insert, on a disk that then lost the range.
    log::commit(&candor, |high| {
        let metadata = format!(r#"{{"v":1,"end":{},"repair":0,"deadline_s":30}}"#, high + 5);
        Cursor { offset: high, metadata }
    });
    let log = candor.run_until_it_ends();
    assert!(log.contains("its end was lost") && log.contains("Move the log's directory"), "{log}");
}
