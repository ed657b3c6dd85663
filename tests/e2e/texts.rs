//! What people can be known by, written into every text that a beacon has, and then looked for in every
//! table and in every file that is left.

use std::path::Path;

use candor_tests::{Candor, Options, files, policy};

/// What is sent, and the part of it that is looked for.
const IDS: [(&str, &str); 10] = [
    ("jane.doe@mail.example", "jane.doe"),
    ("marjukka%40mail.example", "marjukka"),
    ("ingeborg%252540mail.example", "ingeborg"),
    ("040-7654321", "7654321"),
    ("+358 44 1239876", "1239876"),
    ("010190-123A", "010190"),
    ("811218-9876", "811218"),
    ("410190 98765", "98765"),
    ("9b1c7d2e4f6a8b0c", "9b1c7d2e"),
    ("5550001112", "5550001112"),
];

fn start() -> Candor {
    let fields = [
        "path",
        "query",
        "title",
        "referrer_host",
        "referrer_path",
        "campaign",
        "language",
        "browser",
        "os",
        "device",
        "props",
    ];
    Candor::start(Options {
        policy: Some(
            policy()
                .with("[page]\nkeep_query = [\"q\"]\nreplace_path = [\"/orders/*\", \"/me/**\"]")
                .with("[referrer]\nkeep = \"path\"")
                .purpose("statistics", "consent", "1 months", &fields),
        ),
        config: "[clickhouse.tables]\ncompressed = false\n".to_owned(),
        ..Options::default()
    })
}

/// The id in every text of a beacon.
fn beacon(id: &str) -> String {
    let in_url = id.replace(' ', "%20").replace('+', "%2B");
    format!(
        r#"{{"site":"demo","kind":"custom","consent":true,"id":"{id}","name":"Sent {id}","title":"For {id}",
        "language":"{in_url}","referrer":"https://www.search.example/of/{in_url}?q={in_url}#{in_url}",
        "url":"http://localhost/a/{in_url}?q={in_url}&unlisted={in_url}&utm_source={in_url}&utm_medium={in_url}&utm_campaign={in_url}&utm_term={in_url}&utm_content={in_url}#{in_url}",
        "props":{{"to":"{id}","of {id}":true}}}}"#
    )
    .replace('\n', " ")
}

fn is_in_a_file(mark: &str, dir: &Path) -> bool {
    files(dir).iter().any(|file| {
        // A merge may have removed it since it was listed.
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(mark.len()).any(|window| window == mark.as_bytes())
    })
}

#[test]
fn no_id_in_a_text_is_stored() {
    let candor = start();
    for (id, _) in IDS {
        let headers = [("content-type", "application/json"), ("user-agent", id)];
        assert_eq!(candor.beacons().post("/v1/events", &headers, beacon(id)).status, 202, "{id}");
    }
    for path in ["/orders/kim-4711/lines", "/%256Frders/kim-4711", "/me/4711-kim/a%2Fb", "/help"] {
        let body = format!(r#"{{"site":"demo","url":"http://localhost{path}","consent":true}}"#);
        assert_eq!(candor.send(&body).status, 202, "{path}");
    }
    let paths = "SELECT arraySort(groupArray(path)) FROM candor.statistics WHERE kind = 'pageview'";
    candor.sql_becomes(paths, "['/help','/me/*','/orders/*','/orders/*/lines']");
    let all = IDS.len().to_string();
    candor.sql_becomes("SELECT count() FROM candor.statistics WHERE kind = 'custom'", &all);
    let replaced = "SELECT countIf(path LIKE '/a/[%' AND query['q'] LIKE '[%' AND title LIKE 'For [%' \
                    AND name LIKE 'Sent [%' AND props['to'] LIKE '[%' AND referrer_path LIKE '/of/[%' \
                    AND referrer_host = 'search.example' AND campaign_source LIKE '[%' \
                    AND campaign_content LIKE '[%') FROM candor.statistics";
    assert_eq!(candor.sql(replaced), all);
    for rule in ["e-mail", "number", "path-pattern", "personal-id", "phone", "token"] {
        let counter = format!("pipeline_redactions_total{{rule=\"{rule}\"}}");
        assert!(candor.metric(&counter) > 0, "{rule}");
    }

    let marks = || IDS.iter().map(|(_, mark)| *mark).chain(["kim-4711", "4711-kim"]);
    for table in candor.sql("SELECT name FROM system.tables WHERE database = 'candor'").lines() {
        let rows = candor.sql(&format!("SELECT * FROM candor.{table} FORMAT JSONEachRow"));
        assert_eq!(marks().find(|mark| rows.contains(mark)), None, "{table}");
    }
    for dir in [vec![candor.data()], candor.log_dirs()].concat() {
        assert_eq!(marks().find(|mark| is_in_a_file(mark, &dir)), None, "{}", dir.display());
    }
    assert_eq!(marks().find(|mark| candor.log().contains(mark)), None);
}
