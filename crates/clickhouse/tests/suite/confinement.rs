//! What queries and web pages cannot reach.

use crate::client::{post, query, send};
use crate::server::shared;

#[test]
fn files_and_network_are_out_of_reach() {
    for sql in [
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT * FROM `/etc/passwd`",
        "SELECT * FROM default.`/etc/passwd`",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'CSV', 'a String')",
        "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "SELECT * FROM sqlite('/tmp/x.db', 't')",
        "SELECT * FROM executable('x', 'CSV', 'a String')",
        "SELECT * FROM format(CSV, 'a String', '1') INTO OUTFILE '/tmp/out'",
        "CREATE TABLE bad (a String) ENGINE = File(CSV)",
        "CREATE TABLE bad (a String) ENGINE = URL('http://127.0.0.1:1/', CSV)",
        "CREATE DATABASE bad ENGINE = Filesystem('/etc')",
        "CREATE DICTIONARY bad (a UInt64) PRIMARY KEY a \
         SOURCE(EXECUTABLE(COMMAND 'id' FORMAT 'TSV')) LAYOUT(FLAT()) LIFETIME(1)",
        "BACKUP DATABASE default TO File('/tmp/backup')",
        "INSERT INTO FUNCTION null('a String') VALUES (file('/etc/passwd'))",
        "SYSTEM SHUTDOWN",
        "CREATE USER other",
        "GRANT FILE ON *.* TO default",
        "ALTER USER default GRANTEES ANY",
        "CREATE NAMED COLLECTION c AS a = 1",
    ] {
        let reply = query(shared(), sql);
        assert_eq!((reply.exception(), reply.status), (497, 403), "{sql}: {}", reply.text());
    }
}

/// SQL inside a string literal passes every tokeniser; the kernel refuses what it asks for.
#[test]
fn the_kernel_holds_what_no_check_can_see() {
    for path in ["/etc/passwd", "/proc/self/environ", "/proc/self/maps"] {
        let sql = format!(
            "SELECT * FROM format(JSONEachRow, 'a String DEFAULT file(''{path}'')', '{{}}')"
        );
        let reply = query(shared(), &sql);
        assert_eq!(reply.exception(), 76, "{}", reply.text());
        assert!(reply.text().contains("Permission denied"), "{}", reply.text());
    }
}

#[test]
fn the_guards_cannot_be_set_aside() {
    for (setting, value) in [
        ("dialect", "prql"),
        ("additional_table_filters", "{'a':'1'}"),
        ("format_schema", "x"),
        ("format_template_row", "/etc/passwd"),
        ("allow_introspection_functions", "1"),
        ("allow_experimental_eval_table_function", "1"),
    ] {
        let literal = value.replace('\'', "''");
        let sql = format!("SET {setting} = '{literal}'");
        assert_eq!(query(shared(), &sql).exception(), 452, "{setting}");
        assert_eq!(post(shared(), &[(setting, value)], b"SELECT 1").exception(), 452, "{setting}");
        let sql = format!("SELECT 1 SETTINGS {setting} = '{literal}'");
        assert_eq!(query(shared(), &sql).exception(), 452, "{setting}");
    }
}

#[test]
fn columns_may_be_called_url_and_file() {
    query(
        shared(),
        "CREATE TABLE names (url String, file String, s3 UInt8) ENGINE = MergeTree ORDER BY url",
    )
    .ok();
    query(shared(), "INSERT INTO names (url, file, s3) VALUES ('http://a.se/b?c', 'file(1)', 1)")
        .ok();
    let sql = "SELECT path(url), domain(url), file, max(s3) FROM names \
               WHERE url LIKE 'http%' AND file = 'file(1)' GROUP BY url, file";
    assert_eq!(query(shared(), sql).ok(), "/b\ta.se\tfile(1)\t1");
}

#[test]
fn web_pages_are_refused() {
    for headers in [
        [("Origin", "http://127.0.0.1:8123")],
        [("Origin", "null")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Host", "attacker.example")],
        [("Host", "127.0.0.1.attacker.example:8123")],
    ] {
        let reply = send(shared(), "POST", "/", &headers, b"SELECT 1");
        assert_eq!(reply.status, 403, "{headers:?}");
    }
    for host in ["localhost", "LocalHost:1", "127.0.0.1", "127.1.2.3:8123", "[::1]:8123"] {
        let reply = send(shared(), "POST", "/", &[("Host", host)], b"SELECT 1");
        assert_eq!(reply.status, 200, "{host}");
    }
}

#[test]
fn no_query_text_is_kept() {
    let sql = "SELECT name FROM system.tables WHERE database = 'system' AND name LIKE '%\\_log'";
    assert_eq!(query(shared(), sql).ok(), "");
}
