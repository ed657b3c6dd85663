//! The canonical form: notice = configuration.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test binary")]

#[path = "support/notices.rs"]
mod notices;

use std::sync::Arc;

use candor_policy::{DEMO, Format, Language, Published, compile, compile_json};
use notices::notices;
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_form_of_any_policy_compiles_to_the_same_version(notice in notices()) {
        let policy = notice.compile();
        let form = policy.to_json();
        let again = compile_json("notice.json", &form)
            .map_err(|problems| TestCaseError::fail(format!("{form}\n{problems}")))?;
        prop_assert_eq!(again.version(), policy.version());
        prop_assert_eq!(again.to_json(), form);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[{}\\[\\]:,\"\\\\a-z0-9 .\n-]{0,60}|\\PC{0,30}") {
        prop_assert!(compile_json("any.json", &text).is_err_and(|problems| !problems.is_empty()));
    }
}

#[test]
fn the_form_says_everything() {
    let form = compile("demo.toml", DEMO).unwrap().to_json();
    for part in [
        r#""profile": "nordic""#,
        r#""languages": ["#,
        r#""region": "EEA""#,
        r#""mode": "truncate""#,
        r#""keep_query": ["#,
        r#""objection": "all""#,
        r#""smallest_cell": 10"#,
        r#""retention": "24 months""#,
    ] {
        assert!(form.contains(part), "{part} is not in {form}");
    }
}

#[test]
fn problems_of_json_have_places_too() {
    let form = compile("demo.toml", DEMO).unwrap().to_json();
    let message = |from: &str, to: &str| {
        compile_json("demo.json", &form.replace(from, to)).unwrap_err().to_string()
    };
    let cases = [
        ("\"24 months\"", "\"24 moths\"", "demo.json:60:20", "is not a period"),
        ("\"consent\",", "\"consent\"", "demo.json:60:7", "is not JSON"),
        ("\"smallest_cell\": 10", "\"smallest_cell\": 1e1", "", "expected a whole number"),
        ("\"smallest_cell\": 10", "\"smallest_cell\": null", "", "leave the key away"),
        ("\"region\"", "\"regoin\"", "", "did you mean `region`?"),
        ("\"id\": \"demo\",", "\"id\": \"demo\", \"id\": \"demo\",", "", "duplicate key"),
    ];
    for (from, to, place, want) in cases {
        let message = message(from, to);
        assert!(message.contains(want) && message.contains(place), "{from} {to}: {message}");
    }
    let deep = format!("{{\"a\": {}", "[".repeat(100_000));
    assert!(compile_json("deep.json", &deep).is_err());
    assert!(compile_json("deep.json", &format!("{deep}{}}}", "]".repeat(100_000))).is_err());
    assert!(compile_json("a.json", "[]").unwrap_err().to_string().contains("not an object"));
}

#[test]
fn escapes_are_read() {
    let form = compile("demo.toml", DEMO).unwrap().to_json();
    let escaped = form.replace("Candor demo", r#"C\u0061ndor \"\ud83e\udd80\" demo\/x"#);
    let policy = compile_json("demo.json", &escaped).unwrap();
    assert_eq!(policy.controller().name(), "Candor \"🦀\" demo/x");
}

/// What visitors are shown beside a policy is what the policy is written as.
#[test]
fn a_notice_that_was_changed_by_hand_is_refused() {
    let policy = compile("demo.toml", DEMO).unwrap();
    let site = policy.sites()[0].name().clone();
    let data = policy.notice(&site, Language::En, Format::Json).unwrap();
    let compiled = |text: &str| compile_json("notice.json", text).map(|policy| policy.version());
    assert_eq!(compiled(&data).unwrap(), policy.version());
    for (from, to) in [
        ("Nothing is kept of your visit unless you consent.", "Nothing is kept of your visit."),
        ("\"language\": \"en\"", "\"language\": \"xx\""),
        ("\"reviewed\": true", "\"reviewed\": false"),
        ("\"retention\": \"24 months\"", "\"retention\": \"25 months\""),
    ] {
        assert!(data.contains(from), "{from}");
        let refused = compiled(&data.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(refused.contains("something else than the policy it carries"), "{refused}");
    }
    let published = Published {
        earlier: &[(Arc::new(policy.clone()), "?version=1".to_owned())],
        ..Published::default()
    };
    let among = policy.notice_among(&site, Language::En, Format::Json, &published).unwrap();
    assert!(among.contains("?version=1") && compiled(&among).is_ok());
}
