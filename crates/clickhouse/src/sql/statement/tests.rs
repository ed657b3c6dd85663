use super::*;

fn parse(text: &str) -> Statement {
    Statement::parse(text.as_bytes()).expect(text)
}

#[test]
fn inserts_are_split_at_their_data() {
    let cases = [
        ("INSERT INTO t VALUES (1)", "INSERT INTO t ", Some("Values"), " (1)"),
        ("insert into t (a, b) format CSV\n1,2", "insert into t (a, b) ", Some("CSV"), "1,2"),
        ("INSERT INTO d.t FORMAT TSV 1\t2", "INSERT INTO d.t ", Some("TSV"), "1\t2"),
        ("INSERT INTO t FORMAT CSV \r\n\n1", "INSERT INTO t ", Some("CSV"), "\n1"),
        (
            "INSERT INTO t SETTINGS a = 1, b = 'x' VALUES",
            "INSERT INTO t SETTINGS a = 1, b = 'x' ",
            Some("Values"),
            "",
        ),
        ("INSERT INTO values VALUES (1)", "INSERT INTO values ", Some("Values"), " (1)"),
        (
            "INSERT INTO `a b`.`format` FORMAT Native\n",
            "INSERT INTO `a b`.`format` ",
            Some("Native"),
            "",
        ),
        (
            "INSERT INTO TABLE FUNCTION null('a Int8') VALUES (1)",
            "INSERT INTO TABLE FUNCTION null('a Int8') ",
            Some("Values"),
            " (1)",
        ),
        ("INSERT INTO t (a)", "INSERT INTO t (a)", None, ""),
        (
            "/* c */ INSERT INTO t (* EXCEPT (b)) VALUES (1)",
            "/* c */ INSERT INTO t (* EXCEPT (b)) ",
            Some("Values"),
            " (1)",
        ),
    ];
    for (text, head, format, data) in cases {
        let Statement::Insert(insert) = parse(text) else { panic!("{text} is an insert") };
        assert_eq!(insert.head, head, "{text}");
        assert_eq!(insert.format.as_deref(), format, "{text}");
        assert_eq!(text.get(insert.data_start..), Some(data), "{text}");
    }
}

#[test]
fn binary_data_stays_untouched() {
    let text = b"INSERT INTO t FORMAT RowBinary\n\xff\x00;'";
    let Ok(Statement::Insert(insert)) = Statement::parse(text) else { panic!("an insert") };
    assert_eq!(&text[insert.data_start..], b"\xff\x00;'");
}

#[test]
fn inserts_by_select_are_queries() {
    for text in [
        "INSERT INTO t SELECT 1",
        "INSERT INTO t (a) (SELECT 1)",
        "INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x",
        "INSERT INTO t SELECT format FROM x FORMAT CSV",
    ] {
        assert!(matches!(parse(text), Statement::Query(_)), "{text}");
    }
}

#[test]
fn queries_tell_their_format_and_whether_they_stream() {
    let cases = [
        ("SELECT 1", "SELECT 1", true, None),
        ("SELECT 1 FORMAT JSON;", "SELECT 1 FORMAT JSON", true, Some("JSON")),
        ("(SELECT ';') UNION ALL (SELECT 2)", "(SELECT ';') UNION ALL (SELECT 2)", true, None),
        ("WITH 1 AS x SELECT x -- FORMAT CSV", "WITH 1 AS x SELECT x", true, None),
        (
            "SELECT format(CSV, 'a') SETTINGS a=1",
            "SELECT format(CSV, 'a') SETTINGS a=1",
            true,
            None,
        ),
        ("SHOW TABLES FORMAT Native", "SHOW TABLES FORMAT Native", false, Some("Native")),
        (
            "CREATE TABLE t (a Int8) ENGINE = Memory ; ; ",
            "CREATE TABLE t (a Int8) ENGINE = Memory",
            false,
            None,
        ),
    ];
    for (text, sql, streams, format) in cases {
        let Statement::Query(query) = parse(text) else { panic!("{text} is a query") };
        assert_eq!(query.text, sql);
        assert_eq!(query.streams, streams, "{text}");
        assert_eq!(query.format.as_deref(), format, "{text}");
    }
}

#[test]
fn what_is_no_single_statement_is_refused() {
    for text in ["", " -- x", ";", "SELECT 1; SELECT 2", "INSERT INTO t FORMAT CSV;\n1"] {
        assert!(Statement::parse(text.as_bytes()).is_err(), "{text}");
    }
    assert!(Statement::parse(b"SELECT '\xff'").is_err());
    let input = b"INSERT INTO t SELECT a FROM input('a Int8') FORMAT CSV\n1;\n";
    assert_eq!(Statement::parse(input).expect_err("not served").code, 48);
}
