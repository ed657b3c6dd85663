//! Thousands of policies beside each other.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test binary")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use candor_policy::{NOTICES, Registry};

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
