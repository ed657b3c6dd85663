//! What visitors can read at the collector, and what the command line writes of the same policies.

use candor_tests::{Candor, Policy, eventually, policy};

fn bilingual(date: &str, period: &str) -> Policy {
    policy()
        .with(&format!(
            "[policy]\nversion = \"{date}\"\ndate = {date}\nlanguages = [\"en\", \"sv\"]"
        ))
        .purpose("statistics", "consent", period, &["path"])
}

#[test]
fn visitors_read_the_notice_and_its_earlier_versions() {
    let candor = Candor::with_policy(bilingual("2025-01-01", "24 months"));
    let page = candor.beacons().get("/privacy/demo", &[("accept-language", "sv-SE, en;q=0.5")]);
    assert_eq!(page.status, 200);
    for part in ["\"content-language\": \"sv\"", "default-src 'none'", "text/html; charset=utf-8"] {
        assert!(page.headers.contains(part), "{part}\n{}", page.headers);
    }
    assert!(page.body.contains("<html lang=\"sv\">") && page.body.contains("24 månader"));
    assert!(!page.headers.contains("set-cookie"));

    let published = candor.policy(&["publish"]);
    assert!(published.contains("is published"), "{published}");
    candor.rewrite_policy(bilingual("2026-01-01", "13 months").text());
    let links = eventually("the new notice is there", || {
        let page = candor.beacons().get("/privacy/demo?lang=en", &[]).body;
        page.contains("13 months").then_some(page)
    });
    let version = links.split("href=\"?version=").nth(1).and_then(|rest| rest.split('"').next());
    let earlier = format!("/privacy/demo?lang=en&version={}", version.unwrap());
    let page = candor.beacons().get(&earlier, &[]).body;
    assert!(page.contains("24 months") && page.contains("no longer in force"), "{page}");

    let gpc = candor.beacons().get("/.well-known/gpc.json", &[]);
    assert_eq!(gpc.body, r#"{"gpc":true,"lastUpdate":"2026-01-01"}"#);
    assert_eq!(candor.beacons().get("/privacy/nowhere", &[]).status, 404);
    let head = candor.beacons().send("HEAD", "/privacy/demo", &[], b"").unwrap();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn the_command_line_writes_what_the_collector_serves() {
    let candor = Candor::with_policy(bilingual("2026-01-01", "13 months"));
    let markdown = candor.beacons().get("/privacy/demo?lang=sv&format=md", &[]).body;
    let written = candor.policy(&["notice", "demo", "--lang", "sv", "--format", "md"]);
    assert_eq!(markdown.trim_end(), written.trim_end());
    let explained = candor.policy(&["explain", "demo"]);
    for part in
        ["13 months after receipt", "candor.statistics", "TTL expires_at", "dnt, gpc, objection"]
    {
        assert!(explained.contains(part), "{part}\n{explained}");
    }
    let json = candor.policy(&["explain", "demo", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let served = candor.beacons().get("/privacy/demo?format=json", &[]).body;
    let served: serde_json::Value = serde_json::from_str(&served).unwrap();
    assert_eq!(json["version"], served["notice"]["version"]);
    let record = candor.policy(&["record", "demo", "--lang", "en"]);
    assert!(record.starts_with("# Record of processing activities of Test"), "{record}");
}
