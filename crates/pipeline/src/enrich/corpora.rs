//! What others have gathered, held against what we make of it.

use std::sync::Arc;

use candor_event::Timestamp;
use candor_policy::Registry;
use serde::Deserialize;
use ua_parser::{Extractor, Regexes};

use super::fixtures;
use crate::{
    Agents, Geo, Head, KeyPeriod, KeyRing, Media, Peer, Pipeline, RawBeacons, Sources, Spam,
    TrustedProxies,
};

/// A file of uap-core's own cases.
#[derive(Deserialize)]
struct Cases {
    test_cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    user_agent_string: String,
    family: String,
    #[serde(default)]
    major: Option<String>,
    #[serde(default)]
    minor: Option<String>,
    #[serde(default)]
    brand: Option<String>,
    #[serde(default)]
    model: Option<String>,
}

fn cases(file: &str) -> Vec<Case> {
    let path = fixtures("ua-parser").join("uap-core/tests").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str::<Cases>(&text).unwrap().test_cases
}

fn extractor(rules: &std::path::Path) -> Extractor<'static> {
    let rules = std::fs::read_to_string(rules).expect("run `make setup` first");
    let rules: Regexes<'static> = serde_saphyr::from_str(&rules).unwrap();
    Extractor::try_from(rules).unwrap()
}

/// How many cases are read as they say, and how many there are.
fn read_right(extractor: &Extractor<'static>) -> (usize, usize) {
    // "Other" is what they call nothing.
    let other = |family: &str| if family == "Other" { None } else { Some(family.to_owned()) };
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (mut right, mut all) = (0, 0);
    let mut count = |is_right: bool, agent: &str| {
        all += 1;
        right += usize::from(is_right);
        if !is_right {
            println!("read otherwise: {agent}");
        }
    };
    for case in cases("test_ua.yaml") {
        let (browser, _, _) = extractor.extract(&case.user_agent_string);
        let found = browser.as_ref().and_then(|it| other(&it.family));
        let version = |text: Option<&str>| text.map(str::to_owned).filter(|text| !text.is_empty());
        let major = version(browser.as_ref().and_then(|it| it.major));
        let minor = version(browser.as_ref().and_then(|it| it.minor));
        let is_right = found == other(&case.family)
            && (found.is_none() || (major, minor) == (some(&case.major), some(&case.minor)));
        count(is_right, &case.user_agent_string);
    }
    for case in cases("test_os.yaml") {
        let (_, os, _) = extractor.extract(&case.user_agent_string);
        let found = os.as_ref().and_then(|it| other(&it.os));
        let major = os.as_ref().and_then(|it| it.major.as_deref().map(str::to_owned));
        let is_right =
            found == other(&case.family) && (found.is_none() || some(&major) == some(&case.major));
        count(is_right, &case.user_agent_string);
    }
    for case in cases("test_device.yaml") {
        let (_, _, device) = extractor.extract(&case.user_agent_string);
        let found = device.as_ref().and_then(|it| other(&it.device));
        let brand = device.as_ref().and_then(|it| it.brand.as_deref().map(str::to_owned));
        let model = device.as_ref().and_then(|it| it.model.as_deref().map(str::to_owned));
        let is_right = found == other(&case.family)
            && (found.is_none() || (brand, model) == (some(&case.brand), some(&case.model)));
        count(is_right, &case.user_agent_string);
    }
    (right, all)
}

/// The cases belong to the rules of the same package; those that we fetch are of another release.
#[test]
fn agents_are_read_as_uap_core_itself_says() {
    let package = fixtures("ua-parser").join("uap-core/regexes.yaml");
    let (right, all) = read_right(&extractor(&package));
    println!("{right} of {all} with the rules that the cases were written for");
    assert!(all > 18_000 && right == all, "{right} of {all}");

    let fetched = concat!(env!("CARGO_MANIFEST_DIR"), "/../../third_party/uap-core/regexes.yaml");
    let (right, all) = read_right(&extractor(fetched.as_ref()));
    println!("{right} of {all} with the rules that are fetched");
    assert!(right * 1_000 >= all * 995, "{right} of {all}");
}

#[derive(Deserialize)]
#[serde(untagged)]
enum UrlCase {
    Case {
        input: String,
    },
    #[expect(dead_code, reason = "the file has remarks between its cases")]
    Remark(serde_json::Value),
}

/// The web platform's own cases of addresses, as the page and as the one that linked to it.
#[test]
fn no_address_of_the_web_platform_is_too_odd() {
    let path = fixtures("url").join("tests/urltestdata.json");
    let text = std::fs::read_to_string(path).unwrap();
    let cases: Vec<UrlCase> = serde_json::from_str(&text).unwrap();
    let agents = Agents::from_yaml("user_agent_parsers: []\nos_parsers: []\ndevice_parsers: []");
    let sources = Sources { agents: agents.unwrap(), geo: Geo::default(), spam: Spam::default() };
    let keys = Arc::new(KeyRing::new(KeyPeriod::default(), None));
    let pipeline = Pipeline::new(Arc::new(Registry::demo().unwrap()), keys, sources);
    let (peer, headers) = (Peer::new("192.0.2.7:1".parse().unwrap()), http::HeaderMap::new());
    let head = Head::read(&peer, &headers, &TrustedProxies::default());
    let now = Timestamp::from_unix(1_790_000_000);
    let (mut kept, mut all) = (0, 0);
    for case in cases {
        let UrlCase::Case { input } = case else { continue };
        for (url, referrer) in [(input.as_str(), ""), ("http://localhost/", input.as_str())] {
            let body = serde_json::json!({
                "site": "demo", "url": url, "referrer": referrer, "consent": true,
            });
            let body = body.to_string();
            let raw = RawBeacons::split(body.as_bytes(), Media::Json).unwrap();
            all += 1;
            kept += raw.iter().filter(|raw| pipeline.run(*raw, &head, now).is_ok()).count();
        }
    }
    println!("{kept} of {all} beacons with odd addresses are kept, the others refused");
    assert!(all > 1_000 && kept >= all / 3);
}
