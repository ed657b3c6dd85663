//! Whose pages may send beacons, and read what is answered.

use candor_collector::Config;

use crate::support::{Answer, Front, Options, ask, body, post};

async fn front() -> Front {
    Front::start(Options { config: Config::default(), ..Options::default() }).await
}

async fn send(front: &Front, headers: &str, body: &str) -> Answer {
    ask(&mut front.connect().await, &post("/v1/events", headers, body.as_bytes())).await
}

fn readable(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn an_answer_is_for_the_pages_of_the_site_alone() {
    let front = front().await;
    let table = [
        ("https://one.example", "one", 202, true),
        ("https://shop.one.example:8443", "one", 202, true),
        ("https://two.example", "two", 202, true),
        ("https://two.example", "one", 403, false),
        ("https://evil.example", "one", 403, false),
        ("null", "one", 403, false),
        ("file:///x", "one", 403, false),
        // Whose it is was never known; the page is one of ours, or is not.
        ("https://two.example", "three", 403, true),
        ("https://evil.example", "three", 403, false),
    ];
    for (origin, site, status, may_read) in table {
        let answer = send(&front, &format!("origin: {origin}\r\n"), &body(site)).await;
        assert_eq!(answer.status, status, "{origin} {site}");
        assert_eq!(readable(&answer), may_read.then_some(origin), "{origin} {site}");
        assert_eq!(answer.header("vary").is_some(), may_read, "{origin} {site}");
        assert!(!answer.body.contains(origin), "a problem repeats nothing: {}", answer.body);
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    let malformed = send(&front, "origin: https://one.example\r\n", "nonsense").await;
    assert_eq!((malformed.status, readable(&malformed)), (400, Some("https://one.example")));
    let malformed = send(&front, "origin: https://evil.example\r\n", "nonsense").await;
    assert_eq!((malformed.status, readable(&malformed)), (400, None));
    assert_eq!(readable(&send(&front, "", &body("one")).await), None, "nobody asked");
}

#[tokio::test]
async fn a_preflight_is_for_pages_of_ours() {
    let front = front().await;
    for (path, with_credentials) in
        [("/v1/events", false), ("/api/event", false), ("/matomo.php", true)]
    {
        for (origin, may) in [("https://one.example", true), ("https://evil.example", false)] {
            let ask_for = format!(
                "OPTIONS {path} HTTP/1.1\r\nhost: a\r\norigin: {origin}\r\n\
                 access-control-request-method: POST\r\n\r\n"
            );
            let answer = ask(&mut front.connect().await, ask_for.as_bytes()).await;
            assert_eq!(answer.status, 204);
            assert_eq!(readable(&answer), may.then_some(origin), "{path} {origin}");
            let credentials = answer.header("access-control-allow-credentials").is_some();
            assert_eq!(credentials, may && with_credentials, "{path} {origin}");
        }
    }
}

#[tokio::test]
async fn an_image_is_sent_by_pages_of_the_site_and_not_by_hand() {
    let front = front().await;
    let ours = "referer: https://one.example/\r\n";
    let table = [
        (String::new(), 202),
        (format!("sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\n{ours}"), 202),
        ("sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\n".to_owned(), 202),
        ("sec-fetch-site: same-origin\r\nreferer: https://a/\r\n".to_owned(), 202),
        ("sec-fetch-site: cross-site\r\nreferer: https://evil.example/\r\n".to_owned(), 403),
        ("sec-fetch-site: none\r\n".to_owned(), 403),
        (format!("sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\n{ours}"), 403),
    ];
    for (headers, status) in table {
        let query = "site=one&url=https%3A%2F%2Fone.example%2F&consent=true";
        let request = format!("GET /v1/pixel.gif?{query} HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        let answer = ask(&mut front.connect().await, request.as_bytes()).await;
        assert_eq!(answer.status, status, "{headers}");
    }
}
