//! Thousands of policies beside each other.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test binary")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use candor_policy::{NOTICES, Protocol, Registry};

/// Files of so many controllers, each after one of the five notices, with two sites.
fn files(count: usize) -> Vec<(String, String)> {
    let file = |n: usize| {
        let (origin, text) = NOTICES[n % NOTICES.len()];
        let name = origin.trim_end_matches(".toml");
        let text = text
            .replace(&format!("id = \"{name}\""), &format!("id = \"c{n}\""))
            .replace(&format!("name = \"{name}.example\""), &format!("name = \"site-{n}\""));
        let site =
            format!("[[sites]]\nname = \"shop-{n}\"\nhosts = [\"shop{n}.example\"]\n\n[data]");
        (format!("{n}.toml"), text.replacen("[data]", &site, 1))
    };
    (0..count).map(file).collect()
}

fn load(files: &[(String, String)]) -> Registry {
    let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Registry::compile(files).unwrap()
}

/// The fastest of several rounds of looking up a thousand sites.
fn look_up(registry: &Registry, sites: usize) -> Duration {
    let names: Vec<_> = (0..1_000).map(|n| format!("site-{}", n * 7_919 % sites)).collect();
    let round = || {
        let start = Instant::now();
        for name in &names {
            assert!(black_box(registry.site(black_box(name))).is_some());
        }
        start.elapsed()
    };
    (0..50).map(|_| round()).min().unwrap_or_default()
}

#[test]
fn ten_thousand_policies_load_and_are_found_as_fast_as_a_few() {
    let many = files(10_000);
    let start = Instant::now();
    let registry = load(&many);
    let loaded = start.elapsed();
    assert_eq!(registry.policies().len(), 10_000);
    assert!(registry.site("site-9999").is_some() && registry.site("shop-1234").is_some());
    assert!(registry.site("site-10000").is_none());
    let (few, many) = (look_up(&load(&files(10)), 10), look_up(&registry, 10_000));
    println!(
        "10,000 policies in {loaded:?}; 1,000 look-ups among 10 {few:?}, among 10,000 {many:?}"
    );
    // The bar is 2 s in a release build; this is a build for tests, on a machine with other work.
    assert!(loaded < Duration::from_secs(20), "{loaded:?}");
    // A search would take a thousand times as long; caches make some difference.
    assert!(many < few * 20, "{few:?} {many:?}");
}

const UMAMI: &str = "94db1cb1-74f4-4a40-ad6c-962362670409";

/// A policy whose site other protocols call these names.
fn policy(id: &str, also: &str) -> String {
    format!(
        "controller = {{ id = '{id}', name = 'A', contact = 'a@a.example' }}\n\
         sites = [{{ name = '{id}', hosts = ['a.example'], also = [{also}] }}]\n\
         [purposes.statistics]\nbasis = 'consent'\nretention = '1 month'\nfields = ['path']\n"
    )
}

#[test]
fn a_site_is_found_by_what_other_protocols_call_it() {
    let a = policy("a", &format!("'matomo:1', 'plausible:a.example', 'umami:{UMAMI}'"));
    let b = policy("b", "'matomo:2'");
    let registry = Registry::compile([("a.toml", a.as_str()), ("b.toml", &b)]).unwrap();
    let name = |protocol, id: &str| {
        registry.foreign_site(protocol, id).map(|(site, _)| site.as_str().to_owned())
    };
    assert_eq!(name(Protocol::Matomo, "1").as_deref(), Some("a"));
    assert_eq!(name(Protocol::Matomo, "2").as_deref(), Some("b"));
    assert_eq!(name(Protocol::Plausible, "a.example").as_deref(), Some("a"));
    assert_eq!(name(Protocol::Umami, UMAMI).as_deref(), Some("a"));
    for (protocol, id) in
        [(Protocol::Plausible, "1"), (Protocol::Matomo, "a"), (Protocol::Umami, "")]
    {
        assert_eq!(name(protocol, id), None, "{protocol}:{id}");
    }
    assert!(registry.site("1").is_none(), "our own beacons name the site");
}

#[test]
fn two_policies_cannot_have_one_foreign_id() {
    let [a, b] = ["a", "b"].map(|id| policy(id, "'matomo:1'"));
    let problems = Registry::compile([("a.toml", a.as_str()), ("b.toml", &b)]).unwrap_err();
    assert!(problems.to_string().contains("two policies have `matomo:1`"), "{problems}");
}
