//! INSERT in every form, its settings, and its all-or-nothing promise.

use std::io::{Read, Write};
use std::net::Shutdown;

use crate::client::{Reply, connect, post, query, read, send, target};
use crate::server::shared;

fn table(name: &str) {
    table_with(name, "");
}

fn table_with(name: &str, settings: &str) {
    let sql = format!(
        "CREATE TABLE {name} (a UInt64, b String) ENGINE = MergeTree ORDER BY a {settings}"
    );
    query(shared(), &sql).ok();
}

fn count(name: &str) -> u64 {
    query(shared(), &format!("SELECT count() FROM {name}")).ok().parse().expect("a number")
}

fn insert(sql: &str, settings: &[(&str, &str)], data: &[u8]) -> Reply {
    let parameters: Vec<_> = [("query", sql)].into_iter().chain(settings.iter().copied()).collect();
    post(shared(), &parameters, data)
}

#[test]
fn every_format_arrives() {
    table("formats");
    let native = query(shared(), "SELECT toUInt64(1) AS a, 'x' AS b FORMAT Native").body;
    let row = b"\x01\0\0\0\0\0\0\0\x01x".to_vec();
    let typed = [b"\x02\x01a\x01b\x06UInt64\x06String".as_slice(), &row].concat();
    let cases: [(&str, Vec<u8>); 8] = [
        ("Native", native),
        ("RowBinary", row),
        ("RowBinaryWithNamesAndTypes", typed),
        ("JSONEachRow", b"{\"a\": 1, \"b\": \"x\"}\n".to_vec()),
        ("CSV", b"1,\"x\"\n".to_vec()),
        ("TabSeparated", b"1\tx\n".to_vec()),
        ("Values", b"(1, 'x')".to_vec()),
        ("Parquet", query(shared(), "SELECT toUInt64(1) AS a, 'x' AS b FORMAT Parquet").body),
    ];
    for (turn, (format, data)) in (1..).zip(cases) {
        let by_url = insert(&format!("INSERT INTO formats (a, b) FORMAT {format}"), &[], &data);
        by_url.ok();
        assert_eq!(by_url.summary("written_rows"), 1, "{format}");
        assert_eq!(count("formats"), 2 * turn - 1, "{format}");
        let inline = [format!("INSERT INTO formats FORMAT {format}\n").as_bytes(), &data].concat();
        post(shared(), &[], &inline).ok();
        assert_eq!(count("formats"), 2 * turn, "{format}");
    }
    assert_eq!(query(shared(), "SELECT DISTINCT a, b FROM formats").ok(), "1\tx");
}

#[test]
fn values_stand_in_the_statement_too() {
    table("inline");
    query(shared(), "INSERT INTO inline VALUES (1, 'a;b'), (1 + 1, concat('c', 'd'));").ok();
    insert("INSERT INTO inline VALUES", &[], b"(3, 'e')").ok();
    insert("INSERT INTO inline (b, a) VALUES ('f', 4),", &[], b"('g', 5)").ok();
    query(shared(), "INSERT INTO inline SELECT number + 6, 'h' FROM numbers(2)").ok();
    query(shared(), "WITH 8 AS x INSERT INTO inline SELECT x, 'i'").ok();
    let rows = query(shared(), "SELECT groupArray((a, b)) FROM (SELECT * FROM inline ORDER BY a)");
    assert_eq!(rows.ok(), "[(1,'a;b'),(2,'cd'),(3,'e'),(4,'f'),(5,'g'),(6,'h'),(7,'h'),(8,'i')]");
    let bound = [
        ("query", "INSERT INTO inline SELECT {a:UInt64}, {b:String}"),
        ("param_a", "9"),
        ("param_b", "j"),
    ];
    assert_eq!(post(shared(), &bound, b"").summary("written_rows"), 1);
}

#[test]
fn broken_data_inserts_nothing() {
    table("broken");
    for (sql, data) in [
        ("INSERT INTO broken FORMAT CSV", "1,a\nx,b\n"),
        ("INSERT INTO broken FORMAT RowBinary", "\x01\0\0"),
        ("INSERT INTO broken FORMAT JSONEachRow", "{\"a\": 1}\n{\"a\""),
        ("INSERT INTO broken VALUES", "(1, 'a'), (2"),
    ] {
        let reply = insert(sql, &[], data.as_bytes());
        assert!(reply.exception() > 0);
    }
    assert_eq!(insert("INSERT INTO nosuch FORMAT CSV", &[], b"1").exception(), 60);
    assert_eq!(insert("INSERT INTO broken FORMAT Nosuch", &[], b"1").exception(), 73);
    assert_eq!(count("broken"), 0);
}

#[test]
fn the_deduplication_token_counts() {
    table_with("tokens", "SETTINGS non_replicated_deduplication_window = 100");
    let with = |token, a: u8| {
        let settings = [
            ("insert_deduplication_token", token),
            ("async_insert", "0"),
            ("max_insert_threads", "1"),
        ];
        insert("INSERT INTO tokens FORMAT CSV", &settings, format!("{a},x\n").as_bytes()).ok();
        count("tokens")
    };
    assert_eq!(with("T", 1), 1);
    assert_eq!(with("T", 1), 1, "the same token again");
    assert_eq!(with("T", 2), 1, "the token decides, not the data");
    assert_eq!(with("U", 1), 2, "another token");
    query(shared(), "INSERT INTO tokens SETTINGS insert_deduplication_token = 'V' VALUES (1, 'x')")
        .ok();
    query(shared(), "INSERT INTO tokens SETTINGS insert_deduplication_token = 'V' VALUES (1, 'x')")
        .ok();
    assert_eq!(count("tokens"), 3);
    for _ in 0..2 {
        let settings = [("insert_deduplication_token", "W")];
        post(shared(), &settings, b"INSERT INTO tokens SELECT 5, 'y'").ok();
    }
    assert_eq!(count("tokens"), 4);
}

#[test]
fn a_cut_body_inserts_nothing() {
    table("cut");
    let target = target(&[("query", "INSERT INTO cut FORMAT CSV")]);
    let head = format!("POST {target} HTTP/1.1\r\nHost: {}\r\n", shared().address());
    for (framing, part) in [
        ("Content-Length: 1000", "1,a\n2,b\n".to_owned()),
        ("Transfer-Encoding: chunked", "8\r\n1,a\n2,b\n\r\n".to_owned()),
        ("Transfer-Encoding: chunked", "8\r\n1,a\n".to_owned()),
    ] {
        let mut stream = connect(shared());
        stream.write_all(format!("{head}{framing}\r\n\r\n{part}").as_bytes()).expect("sends");
        stream.shutdown(Shutdown::Write).expect("cuts");
        // Its end is awaited, so that nothing can come after the count below.
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest));
        let answer = String::from_utf8_lossy(&rest);
        assert!(!answer.starts_with("HTTP/1.1 200"), "{framing}: {answer}");
        assert_eq!(count("cut"), 0, "{framing}");
    }
    let mut whole = connect(shared());
    let request = format!(
        "{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1,a\n\r\n0\r\n\r\n"
    );
    whole.write_all(request.as_bytes()).expect("sends");
    read(whole).ok();
    assert_eq!(count("cut"), 1);
}

#[test]
fn bodies_are_bounded_as_sent_and_as_unpacked() {
    table("large");
    let target = target(&[("query", "INSERT INTO large FORMAT CSV")]);
    let announced = send(shared(), "POST", &target, &[("Content-Length", "67108865")], b"1,a\n");
    assert_eq!((announced.exception(), announced.status), (229, 413));
    let zeros = vec![b'0'; (64 << 20) + 1];
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&zeros).expect("packs");
    let small = packer.finish().expect("packs");
    let bomb = send(shared(), "POST", &target, &[("Content-Encoding", "gzip")], &small);
    assert_eq!((bomb.exception(), bomb.status), (229, 413));
    assert_eq!(count("large"), 0);
}

#[test]
fn compressed_bodies_are_unpacked() {
    table("packed");
    let data = b"1,a\n";
    let gzip = {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(data).expect("packs");
        packer.finish().expect("packs")
    };
    let zstd = zstd::bulk::compress(data, 1).expect("packs");
    let target = target(&[("query", "INSERT INTO packed FORMAT CSV")]);
    for (turn, (coding, body)) in (1..).zip([("gzip", gzip), ("zstd", zstd)]) {
        send(shared(), "POST", &target, &[("Content-Encoding", coding)], &body).ok();
        assert_eq!(count("packed"), turn);
    }
    let unknown = send(shared(), "POST", &target, &[("Content-Encoding", "br")], data);
    assert_eq!(unknown.exception(), 89);
    assert_eq!(
        insert("INSERT INTO packed FORMAT CSV", &[("decompress", "1")], data).exception(),
        271
    );
}

#[test]
fn views_and_written_rows_count() {
    table("source");
    query(shared(), "CREATE TABLE sums (b String, n UInt64) ENGINE = SummingMergeTree ORDER BY b")
        .ok();
    query(
        shared(),
        "CREATE MATERIALIZED VIEW feed TO sums AS SELECT b, count() AS n FROM source GROUP BY b",
    )
    .ok();
    let reply = insert("INSERT INTO source FORMAT CSV", &[], b"1,a\n2,a\n3,b\n");
    assert_eq!(reply.summary("written_rows"), 5);
    assert_eq!(query(shared(), "SELECT b, n FROM sums ORDER BY b").ok(), "a\t2\nb\t1");
}
