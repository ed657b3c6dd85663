//! The built-in demo, as a newcomer meets it.

use candor_tests::{Candor, eventually};

use super::pageview;

#[test]
fn a_beacon_becomes_a_row_that_will_expire() {
    let candor = Candor::demo();
    let headers = [
        ("content-type", "text/plain"),
        ("x-forwarded-for", "198.51.100.77"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ];
    let body =
        pageview(r#","id":"first","title":"Prices","referrer":"https://www.search.example/q""#);
    let answer = candor.beacons().post("/v1/events", &headers, body);
    assert_eq!((answer.status, answer.outcome.as_str()), (202, "accepted"));

    let row = eventually("the row", || {
        let answer = candor.admin().get("/demo/row?id=first", &[]);
        (answer.status == 200).then_some(answer.body)
    });
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    let expected = [
        ("path", "/a"),
        ("title", "Prices"),
        ("referrer_host", "search.example"),
        ("browser", "Firefox"),
        ("os", "Linux"),
        ("device", "desktop"),
        ("address", "::ffff:198.51.100.0"),
        ("basis", "consent"),
    ];
    for (column, value) in expected {
        assert_eq!(row[column], value, "{column}");
    }
    let months = "SELECT expires_at = addMonths(received_at, 24) FROM candor.statistics";
    assert_eq!(candor.sql(months), "1");
}

#[test]
fn the_page_is_served_and_finds_its_row() {
    let candor = Candor::demo();
    let page = candor.beacons().get("/", &[]);
    assert_eq!(page.status, 200);
    assert!(page.body.contains(candor.admin().base()), "the page knows where to look");
    assert!(page.body.contains("/demo.js"));
    assert_eq!(candor.beacons().get("/demo.js", &[]).status, 200);
    assert_eq!(candor.beacons().get("/demo.css", &[]).status, 200);

    let here = candor.beacons().base().to_owned();
    let row = candor.admin().get("/demo/row?id=none", &[("origin", &here)]);
    assert_eq!(row.status, 204, "no such row yet");
    assert!(row.headers.contains(&here), "the demo page may read it: {}", row.headers);
    let elsewhere = candor.admin().get("/demo/row?id=none", &[("origin", "https://evil.example")]);
    assert_eq!(elsewhere.status, 403);
    let rebound = candor.admin().get("/metrics", &[("host", "evil.example:8090")]);
    assert_eq!(rebound.status, 403);
}

#[test]
fn a_pixel_is_a_beacon_too() {
    let candor = Candor::demo();
    let query = "/v1/pixel.gif?site=demo&consent=true&title=Pixel";
    let page = [("referer", "http://localhost/from-a-page")];
    let answer = candor.beacons().get(query, &page);
    assert_eq!((answer.status, answer.outcome.as_str()), (202, "accepted"));
    assert!(answer.body.starts_with("GIF89a"), "an image: {:?}", answer.body);
    candor.sql_becomes("SELECT path FROM candor.statistics", "/from-a-page");
    let denied = candor.beacons().get("/v1/pixel.gif?site=demo", &page);
    assert_eq!((denied.status, denied.outcome.as_str()), (204, "consent_denied"));
}

#[test]
fn health_and_metrics_answer() {
    let candor = Candor::demo();
    for path in ["/livez", "/readyz", "/health", "/healthz"] {
        assert_eq!(candor.admin().get(path, &[]).status, 200, "{path}");
    }
    candor.send(&pageview(""));
    candor.send("nonsense");
    assert_eq!(candor.metric("collector_beacons_received_total"), 2);
    assert_eq!(candor.metric("collector_beacons_total{outcome=\"accepted\"}"), 1);
    assert_eq!(candor.metric("collector_beacons_total{outcome=\"malformed\"}"), 1);
}
