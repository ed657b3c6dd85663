use super::super::lexer::Lexer;
use super::*;

fn verdict(text: &str) -> Result<(), Exception> {
    let tokens: Vec<_> = Lexer::new(text.as_bytes()).collect();
    check(text.as_bytes(), &tokens)
}

#[test]
fn what_reaches_out_is_refused() {
    for text in [
        "SELECT file('/etc/passwd')",
        "SELECT FiLe /* x */ ('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT \"file\" ('/etc/passwd')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://localhost/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM s3('x')",
        "SELECT * FROM s3Cluster('x', 'y')",
        "SELECT * FROM icebergLocal('/x')",
        "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
        "SELECT * APPLY file FROM (SELECT '/etc/passwd')",
        "INSERT INTO FUNCTION file('/tmp/x', 'CSV') VALUES (1)",
        "INSERT INTO TABLE FUNCTION url('x') SELECT 1",
        "DESCRIBE TABLE url('http://localhost/')",
        "desc table `file`('/etc/passwd')",
        "SELECT * FROM (DESCRIBE TABLE s3('x'))",
        "SELECT 1 INTO OUTFILE 'x'",
        "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        "BACKUP TABLE t TO File('x')",
        "restore table t from File('x')",
        "CREATE TABLE t (a Int8) ENGINE = File(CSV)",
        "CREATE TABLE t (a Int8) ENGINE URL('x', CSV)",
        "CREATE TABLE t (a Int8) ENGINE = `Kafka` SETTINGS x = 1",
        "CREATE TABLE t (a Int8) ENGINE = ReplicatedMergeTree ORDER BY a",
        "CREATE DATABASE d ENGINE = Filesystem('/')",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(EXECUTABLE(command 'id' format 'TSV'))",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(HTTP(url 'x' format 'TSV'))",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(HOST 'x' TABLE 't'))",
        "CREATE FUNCTION f AS (x) -> file(x)",
        "CREATE VIEW v AS SELECT * FROM mysql('a', 'b', 'c', 'd', 'e')",
    ] {
        let refusal = verdict(text).expect_err(text);
        assert_eq!(refusal.code, 497, "{text}");
    }
}

#[test]
fn names_that_are_not_called_pass() {
    for text in [
        "SELECT url, file, s3 AS remote FROM t WHERE url = 'file(x)'",
        "SELECT path(url), domain(url), max(file) FROM t GROUP BY url, file",
        "SELECT 'file(\\'x\\')', `url` -- url(\n FROM t /* remote( */",
        "SELECT url IN ('a'), file LIKE 'b' FROM t",
        "CREATE TABLE file (url String, file Nullable(String)) ENGINE = MergeTree ORDER BY url",
        "CREATE TABLE IF NOT EXISTS d.url (a Int8) ENGINE = ReplacingMergeTree ORDER BY a",
        "INSERT INTO url (url, file) VALUES (1, 2)",
        "INSERT INTO d.file (a) FORMAT CSV",
        "SELECT engine, name FROM system.tables WHERE engine = 'File'",
        "DESCRIBE TABLE d.url",
        "SELECT * FROM infile",
        "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(CLICKHOUSE(TABLE 't' DB 'd'))",
        "SELECT source, medium FROM t",
        "CREATE TABLE source (a UInt64) ENGINE = Memory",
        "ALTER TABLE t ADD COLUMN url String AFTER file",
        "CREATE MATERIALIZED VIEW v ENGINE = SummingMergeTree ORDER BY a AS SELECT a FROM t",
    ] {
        assert_eq!(verdict(text), Ok(()), "{text}");
    }
}
