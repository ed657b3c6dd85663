use candor_policy::{NOTICES as FIRMS, Registry};
use http_body_util::BodyExt;

use super::*;
use crate::policies::history::{self, History};

/// The notices of all five firms, with an earlier version of one.
fn notices() -> (Arc<Notices>, String) {
    let (_, vastuu) = FIRMS[4];
    let earlier = vastuu.replace("date = 2019-11-18", "date = 2018-05-25");
    let dir = tempfile::tempdir().unwrap();
    let version = candor_policy::compile("vastuu.toml", &earlier).unwrap().version();
    history::publish(dir.path(), version, &earlier).unwrap();
    let in_force = InForce::of(Registry::compile(FIRMS).unwrap(), History::read(dir.path()));
    (Notices::new(in_force), version.to_string())
}

async fn get(
    notices: &Notices,
    place: &str,
    header: (HeaderName, &'static str),
) -> (u16, HeaderMap, String) {
    let mut headers = HeaderMap::new();
    headers.insert(header.0, HeaderValue::from_static(header.1));
    let answer = notices.page(&place.parse().unwrap(), &headers).unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_notice_is_served_as_it_is_asked_for() {
    let (notices, earlier) = notices();
    let fi = (ACCEPT_LANGUAGE, "fi");
    let (status, headers, page) = get(&notices, "/privacy/vastuu.example", fi.clone()).await;
    assert_eq!((status, headers[CONTENT_LANGUAGE].to_str().unwrap()), (200, "fi"));
    assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("default-src 'none'"));
    assert!(page.contains("<html lang=\"fi\">") && page.contains("href=\"?lang=sv\""));
    assert!(page.contains(&format!("href=\"?version={earlier}\"")), "{page}");

    let place = format!("/privacy/vastuu.example?version={earlier}&lang=sv");
    let (status, _, page) = get(&notices, &place, fi.clone()).await;
    assert_eq!(status, 200);
    assert!(page.contains("gäller inte längre") && page.contains(&earlier), "{page}");

    for place in [
        "/privacy/vastuu.example/",
        "/privacy/vastuu.example?lang=de",
        "/privacy/vastuu.example?lang=",
    ] {
        let (status, headers, _) = get(&notices, place, fi.clone()).await;
        assert_eq!((status, headers[CONTENT_LANGUAGE].to_str().unwrap()), (200, "fi"), "{place}");
    }

    let json = get(&notices, "/privacy/vastuu.example?format=json", fi.clone()).await;
    assert!(candor_policy::compile_json("notice.json", &json.2).is_ok());
    for wrong in [
        "nowhere",
        "vastuu.example?version=1",
        "vastuu.example?format=pdf",
        "smilee.example?version=EARLIER",
        "",
    ] {
        let wrong = wrong.replace("EARLIER", &earlier);
        let (status, _, body) = get(&notices, &format!("/privacy/{wrong}"), fi.clone()).await;
        assert_eq!(status, 404, "{wrong}");
        assert!(!body.contains("nowhere"), "nothing of the request is repeated");
    }
    assert!(notices.page(&"/other".parse().unwrap(), &HeaderMap::new()).is_none());
}

#[tokio::test]
async fn the_browsers_signal_is_told_of_for_the_host() {
    let (notices, _) = notices();
    for (host, want) in [
        ("vastuu.example", r#"{"gpc":true,"lastUpdate":"2019-11-18"}"#),
        ("heeros.example:443", r#"{"gpc":true}"#),
        ("elsewhere.example", r#"{"gpc":true,"lastUpdate":"2026-11-20"}"#),
    ] {
        let (status, headers, body) = get(&notices, GPC, (HOST, host)).await;
        assert_eq!((status, body.as_str()), (200, want), "{host}");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }
    let (_, text) = FIRMS[4];
    let deaf = format!("{text}\n[signals]\ngpc = []\n");
    let registry = Registry::compile([("vastuu.toml", deaf.as_str())]).unwrap();
    notices.replace(InForce::of(registry, History::default()));
    let (.., body) = get(&notices, GPC, (HOST, "vastuu.example")).await;
    assert!(body.contains("\"gpc\":false"), "{body}");
}
