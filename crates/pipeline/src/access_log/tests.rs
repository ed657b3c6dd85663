use proptest::prelude::*;

use super::*;

const END: Timestamp = Timestamp::from_unix(1_790_000_000);

fn import() -> Import {
    Import { site: "demo".to_owned(), consent: Vec::new(), end: (END, 100) }
}

fn json(path: &str, method: &str, status: u16) -> String {
    format!(
        r#"{{"offset_s":40,"ip":"192.0.2.1","method":"{method}","path":"{path}","status":{status}}}"#
    )
}

fn page(line: &str) -> Result<(), Rejection> {
    Line::read(line.as_bytes(), &import())?.1.check_page()
}

#[test]
fn an_offset_counts_back_from_the_end() {
    let line = json("/", "GET", 200);
    let (_, line) = Line::read(line.as_bytes(), &import()).ok().unwrap();
    assert_eq!(line.received_at, END.plus_seconds(-60));
}

#[test]
fn pages_are_told_from_the_rest() {
    let not_a_page = Err(Rejection::NotAPage);
    let failed = Err(Rejection::FailedRequest);
    let cases = [
        ("/", "GET", 200, Ok(())),
        ("/blog/geekery/?page=2", "GET", 304, Ok(())),
        ("/v1.2/notes", "GET", 200, Ok(())),
        ("/reset.css", "GET", 200, not_a_page),
        ("/images/a.PNG?v=1", "GET", 200, not_a_page),
        ("/", "HEAD", 200, not_a_page),
        ("/", "POST", 200, not_a_page),
        ("/gone", "GET", 404, failed),
        ("/reset.css", "GET", 500, failed),
        ("/old", "GET", 301, failed),
    ];
    for (path, method, status, want) in cases {
        assert_eq!(page(&json(path, method, status)), want, "{method} {path} {status}");
    }
}

#[test]
fn a_line_that_is_none_is_malformed() {
    for line in ["", "nonsense", "{}", r#"{"ip":"192.0.2.1"}"#, "192.0.2.1 - - [x] \"GET /\" 200"] {
        assert_eq!(page(line), Err(Rejection::Malformed), "{line}");
    }
}

proptest! {
    #[test]
    fn any_line_is_read_or_refused(line: Vec<u8>) {
        drop(Line::read(&line, &import()));
    }

    #[test]
    fn any_combined_line_is_read_or_refused(time in ".{0,30}", rest in ".{0,80}") {
        let line = format!("192.0.2.1 - - [{time}] \"{rest}\" 200 1 \"-\" \"-\"");
        if let Ok((_, line)) = Line::read(line.as_bytes(), &import()) {
            drop(line.beacon(&import()));
        }
    }
}
