//! Queries, parameters, settings, errors and headers.

use crate::client::{get, post, query, send, target};
use crate::server::shared;

#[test]
fn health_checks_answer() {
    for path in ["/ping", "/replicas_status", "/"] {
        let reply = send(shared(), "GET", path, &[], b"");
        assert_eq!((reply.status, reply.text().as_str()), (200, "Ok.\n"), "{path}");
    }
    assert_eq!(send(shared(), "GET", "/nosuch", &[], b"").status, 404);
    assert_eq!(send(shared(), "DELETE", "/", &[], b"").status, 405);
}

#[test]
fn a_query_may_stand_in_url_body_or_both() {
    assert_eq!(get(shared(), &[("query", "SELECT 1")]).ok(), "1");
    assert_eq!(query(shared(), "SELECT 2").ok(), "2");
    assert_eq!(post(shared(), &[("query", "SELECT")], b"3").ok(), "3");
    assert_eq!(post(shared(), &[("query", "SEL")], b"ECT 1").exception(), 62);
    assert_eq!(query(shared(), "").exception(), 62);
    assert_eq!(query(shared(), "SELECT 1; SELECT 2").exception(), 62);
    assert_eq!(query(shared(), "SELECT 1;").ok(), "1");
}

#[test]
fn answers_carry_the_servers_headers() {
    let reply = post(
        shared(),
        &[("query_id", "my-query"), ("default_format", "JSONEachRow")],
        b"SELECT number FROM numbers(3)",
    );
    assert_eq!(reply.ok().lines().count(), 3);
    assert_eq!(reply.header("x-clickhouse-query-id"), Some("my-query"));
    assert_eq!(reply.header("x-clickhouse-format"), Some("JSONEachRow"));
    assert_eq!(reply.header("x-clickhouse-timezone"), Some("UTC"));
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson; charset=UTF-8"));
    assert!(reply.header("x-clickhouse-server-display-name").is_some());
    assert_eq!(reply.summary("read_rows"), 3);
    assert_eq!(reply.summary("result_rows"), 3);
    assert_eq!(reply.summary("written_rows"), 0);
    assert!(reply.summary("elapsed_ns") > 0);
    let by_header =
        send(shared(), "POST", "/", &[("X-ClickHouse-Format", "CSV")], b"SELECT 1, 'a'");
    assert_eq!(by_header.ok(), "1,\"a\"");
    let by_clause = post(shared(), &[("default_format", "CSV")], b"SELECT 1 AS a FORMAT JSON");
    assert_eq!(by_clause.header("x-clickhouse-format"), Some("JSON"));
    assert_eq!(query(shared(), "SELECT timezone(), serverTimezone()").ok(), "UTC\tUTC");
}

#[test]
fn errors_have_the_servers_codes_and_statuses() {
    for (sql, code, status) in [
        ("SELEC 1", 62, 400),
        ("1 + 1", 62, 400),
        ("SELECT * FROM nosuch", 60, 404),
        ("SELECT nosuch", 47, 404),
        ("SELECT nosuch()", 46, 404),
        ("SELECT * FROM nosuch.t", 81, 404),
        ("SELECT 1 FORMAT Nosuch", 73, 404),
        ("SELECT toUInt8('x')", 6, 400),
        ("SELECT throwIf(1)", 395, 500),
        ("CREATE USER u", 497, 403),
    ] {
        let reply = query(shared(), sql);
        assert_eq!((reply.exception(), reply.status), (code, status), "{sql}: {}", reply.text());
    }
}

#[test]
fn url_parameters_are_settings_of_this_query_only() {
    let limited =
        |settings: &[(&str, &str)]| post(shared(), settings, b"SELECT getSetting('max_threads')");
    let default = limited(&[]).ok();
    assert_eq!(limited(&[("max_threads", "7")]).ok(), "7");
    assert_eq!(limited(&[]).ok(), default);
    assert_eq!(limited(&[("nosuch", "7")]).exception(), 115);
    assert_eq!(limited(&[("max_threads", "x")]).exception(), 27);
    assert_eq!(limited(&[("max_threads", "1', readonly = '2")]).exception(), 27);
    assert_eq!(limited(&[("max_threads=1,readonly", "2")]).exception(), 115);
    let late = post(
        shared(),
        &[("max_execution_time", "1")],
        b"SELECT sum(number) FROM numbers(100000000000)",
    );
    assert_eq!((late.exception(), late.status), (159, 408));
}

#[test]
fn clients_own_settings_pass() {
    let reply = post(
        shared(),
        &[
            ("send_progress_in_http_headers", "1"),
            ("http_headers_progress_interval_ms", "120000"),
            ("cancel_http_readonly_queries_on_client_close", "1"),
            ("http_write_exception_in_output_format", "0"),
            ("wait_end_of_query", "1"),
            ("buffer_size", "1048576"),
            ("client_protocol_version", "54460"),
            ("quota_key", "k"),
            ("output_format_json_quote_64bit_integers", "0"),
            ("date_time_input_format", "best_effort"),
            ("session_timezone", "UTC"),
        ],
        b"SELECT 1",
    );
    assert_eq!(reply.ok(), "1");
}

#[test]
fn a_native_format_nobody_could_read_is_refused() {
    let answer = |version, format| {
        let settings = [("client_protocol_version", version), ("default_format", format)];
        post(shared(), &settings, b"SELECT 1")
    };
    assert_eq!(answer("54460", "Native").exception(), 48);
    assert_eq!(answer("54460", "TSV").ok(), "1");
    assert_eq!(answer("54405", "Native").status, 200);
}

#[test]
fn parameters_are_bound_not_pasted() {
    let sql = "SELECT {a:String} AS a, {b:UInt8} + 1 AS b FORMAT TSVRaw";
    let evil = "it's \"{}\" ; DROP";
    let reply = post(shared(), &[("param_a", evil), ("param_b", "41")], sql.as_bytes());
    assert_eq!(reply.ok(), format!("{evil}\t42"));
    assert_eq!(post(shared(), &[("param_a", evil)], sql.as_bytes()).exception(), 456);
    let form = [("query", sql), ("param_a", evil), ("param_b", "41")].map(|(name, value)| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let form = format!("{}--x--\r\n", form.concat());
    let headers = [("Content-Type", "multipart/form-data; boundary=x")];
    assert_eq!(send(shared(), "POST", "/", &headers, form.as_bytes()).ok(), format!("{evil}\t42"));
    let file =
        "--x\r\nContent-Disposition: form-data; name=\"t\"; filename=\"f\"\r\n\r\n1\r\n--x--\r\n";
    let target = target(&[("query", "SELECT * FROM t")]);
    assert_eq!(send(shared(), "POST", &target, &headers, file.as_bytes()).exception(), 48);
}

#[test]
fn get_never_writes() {
    query(shared(), "CREATE TABLE get_t (a UInt8) ENGINE = MergeTree ORDER BY a").ok();
    for sql in [
        "INSERT INTO get_t VALUES (1)",
        "INSERT INTO get_t SELECT 1",
        "CREATE TABLE get_u (a UInt8) ENGINE = Memory",
        "DROP TABLE get_t",
        "ALTER TABLE get_t DELETE WHERE 1",
    ] {
        assert_eq!(get(shared(), &[("query", sql)]).exception(), 164, "{sql}");
        let escaped = [("query", sql), ("readonly", "0")];
        assert_eq!(get(shared(), &escaped).exception(), 164, "{sql}");
        let session = [("query", sql), ("session_id", "get")];
        assert_eq!(get(shared(), &session).exception(), 164, "{sql}");
    }
    assert_eq!(
        get(shared(), &[("query", "SELECT count() FROM get_t"), ("max_threads", "1")]).ok(),
        "0"
    );
    assert_eq!(post(shared(), &[("readonly", "1")], b"DROP TABLE get_t").exception(), 164);
}

#[test]
fn databases_are_chosen_by_parameter_or_header() {
    assert_eq!(post(shared(), &[("database", "system")], b"SELECT count() FROM one").ok(), "1");
    let header = [("X-ClickHouse-Database", "system")];
    assert_eq!(send(shared(), "POST", "/", &header, b"SELECT count() FROM one").ok(), "1");
    assert_eq!(query(shared(), "SELECT currentDatabase()").ok(), "default");
    assert_eq!(post(shared(), &[("database", "no`such")], b"SELECT 1").exception(), 81);
}

#[test]
fn only_the_default_user_enters() {
    assert_eq!(post(shared(), &[("user", "default"), ("password", "")], b"SELECT 1").ok(), "1");
    let reply = post(shared(), &[("user", "other")], b"SELECT 1");
    assert_eq!((reply.exception(), reply.status), (516, 403));
    let headers = [("X-ClickHouse-User", "default"), ("X-ClickHouse-Key", "secret")];
    assert_eq!(send(shared(), "POST", "/", &headers, b"SELECT 1").exception(), 516);
    assert_eq!(post(shared(), &[("role", "r")], b"SELECT 1").exception(), 511);
}

#[test]
fn large_answers_stream_whole() {
    let reply = query(shared(), "SELECT number FROM numbers(3000000)");
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    assert_eq!(reply.ok().lines().count(), 3_000_000);
    let held =
        post(shared(), &[("wait_end_of_query", "1")], b"SELECT number FROM numbers(1000000)");
    assert_eq!(held.summary("result_rows"), 1_000_000);
    assert_eq!(held.ok().lines().count(), 1_000_000);
}

/// An alias called TOTALS, unless it is quoted, has the answer made whole.
#[test]
fn streamed_answers_equal_whole_ones() {
    for format in [
        "TabSeparated",
        "TSVWithNamesAndTypes",
        "CSV",
        "CSVWithNames",
        "JSONEachRow",
        "JSONCompactEachRowWithNamesAndTypes",
        "RowBinary",
        "RowBinaryWithNamesAndTypes",
        "Native",
        "MsgPack",
        "JSON",
        "JSONCompact",
        "XML",
        "Values",
        "Vertical",
    ] {
        let answer = |alias: &str| {
            let sql =
                format!("SELECT number, 'a\"\nb' AS {alias} FROM numbers(300000) FORMAT {format}");
            let settings = [("max_threads", "1"), ("output_format_write_statistics", "0")];
            let reply = post(shared(), &settings, sql.as_bytes());
            assert!(reply.complete && reply.status == 200, "{format}");
            (reply.header("transfer-encoding").is_some(), reply.body)
        };
        let ((_, whole), (_, streamed)) = (answer("TOTALS"), answer("`TOTALS`"));
        if format == "Native" {
            // Its blocks are cut differently, which is no difference in the data.
            assert!(streamed.len() > 300_000 * 8);
        } else {
            assert!(whole == streamed, "{format}");
        }
    }
}

#[test]
fn a_late_error_cuts_the_answer_and_says_why() {
    let sql = b"SELECT throwIf(number = 2900000) FROM numbers(3000000)";
    let reply = post(shared(), &[("max_threads", "1")], sql);
    assert_eq!(reply.status, 200);
    assert!(!reply.complete, "the chunked body must not end well");
    let tag = reply.header("x-clickhouse-exception-tag").expect("a tag").to_owned();
    assert_eq!(tag.len(), 16);
    let text = reply.text();
    let block = text.split_once("\r\n__exception__\r\n").expect("an exception block").1;
    assert!(block.starts_with(&format!("{tag}\r\nCode: 395. DB::Exception: ")), "{block}");
    assert!(block.ends_with(&format!(" {tag}\r\n__exception__\r\n")), "{block}");
    let held = post(shared(), &[("max_threads", "1"), ("wait_end_of_query", "1")], sql);
    assert_eq!((held.exception(), held.status), (395, 500));
}

#[test]
fn answers_are_compressed_as_asked() {
    let sql = "SELECT number FROM numbers(300000)";
    let plain = query(shared(), sql).ok();
    let target = target(&[("query", sql), ("enable_http_compression", "1")]);
    for coding in ["gzip", "zstd", "lz4", "deflate"] {
        let reply = send(shared(), "POST", &target, &[("Accept-Encoding", coding)], b"");
        assert_eq!(reply.header("content-encoding"), Some(coding));
        assert!(reply.complete && reply.body.len() < plain.len(), "{coding}");
        assert_eq!(unpack(coding, &reply.body).trim_end(), plain, "{coding}");
    }
    let unasked = send(shared(), "POST", "/", &[("Accept-Encoding", "gzip")], b"SELECT 1");
    assert_eq!(unasked.header("content-encoding"), None);
}

fn unpack(coding: &str, data: &[u8]) -> String {
    let mut reader: Box<dyn std::io::Read> = match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(data)),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(data)),
        "lz4" => Box::new(lz4_flex::frame::FrameDecoder::new(data)),
        _ => Box::new(zstd::stream::read::Decoder::new(data).expect("zstd")),
    };
    let mut text = String::new();
    reader.read_to_string(&mut text).expect(coding);
    text
}

#[test]
fn many_at_once_keep_their_answers_apart() {
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for turn in 0..20 {
                    let number = (thread * 100 + turn).to_string();
                    let settings = [("max_result_rows", number.as_str())];
                    let sql = format!("SELECT {number}, getSetting('max_result_rows')");
                    let expected = format!("{number}\t{number}");
                    assert_eq!(post(shared(), &settings, sql.as_bytes()).ok(), expected);
                }
            });
        }
    });
}
