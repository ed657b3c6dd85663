//! Bytes of a stored row, compressed, of a real web log: in all, and column by column.
//!
//! `CANDOR_BENCH_WEBLOG=access.ndjson cargo bench -p candor-benches --bench stored`, after `make setup` and `cargo build
//! --release -p candor -p candor-clickhouse`. The log is what `candor import` reads; it comes with nothing here.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on panics, and prints"
)]

use candor_tests::{Candor, Options, geo_config};

/// A log that is over: nothing comes in while it is looked at.
const WEBLOG: &str = "CANDOR_BENCH_WEBLOG";
/// What links a row to its place in the log, for a week.
const POSITIONS: &str =
    "('event_id', 'log', 'log_partition', 'log_offset', 'log_index', 'stored_at')";

fn main() {
    let Some(file) = std::env::var_os(WEBLOG) else {
        println!("left out: {WEBLOG} names no log");
        return;
    };
    let candor = Candor::start(Options {
        config: geo_config("GeoLite2-City-Test.mmdb", "GeoLite2-ASN-Test.mmdb"),
        ..Options::default()
    });
    let log = std::fs::read_to_string(file).unwrap();
    let (status, report) = candor.import(&["--site", "demo", "--consent", "statistics"], &log);
    assert!(status.success(), "{report}");
    println!("{report}");
    let accepted = report.split(" accepted").next().unwrap();
    let accepted = accepted.rsplit(' ').next().unwrap();
    candor.sql_becomes("SELECT count() FROM candor.statistics_rows", accepted);
    candor.sql("OPTIMIZE TABLE candor.statistics_rows FINAL");
    let all = "SELECT sum(rows), round(sum(data_compressed_bytes) / sum(rows), 1), \
               round(sum(bytes_on_disk) / sum(rows), 1) FROM system.parts \
               WHERE active AND database = 'candor' AND table = 'statistics_rows'";
    println!("rows, bytes of one, with the files around them: {}", candor.sql(all));
    // So small a table has its columns in one file; bytes of each are known when they have files of their own.
    candor.sql(
        "ALTER TABLE candor.statistics_rows MODIFY SETTING min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0",
    );
    candor.sql("OPTIMIZE TABLE candor.statistics_rows FINAL");
    let columns = |which: &str| {
        format!(
            "FROM system.parts_columns WHERE active AND database = 'candor' AND table = 'statistics_rows' \
             AND column {which} IN {POSITIONS}"
        )
    };
    let sum = "SELECT round(sum(column_data_compressed_bytes) / {rows}, 1)";
    let sum = sum.replace("{rows}", accepted);
    println!("of it for a week: {}", candor.sql(&format!("{sum} {}", columns(""))));
    println!("for good: {}", candor.sql(&format!("{sum} {}", columns("NOT"))));
    for which in ["NOT", ""] {
        let each = "SELECT column, round(sum(column_data_compressed_bytes) / {rows}, 2) AS bytes {columns} \
                    GROUP BY column HAVING bytes >= 0.05 ORDER BY bytes DESC";
        let each = each.replace("{rows}", accepted).replace("{columns}", &columns(which));
        println!("\n{}", candor.sql(&each));
    }
}
