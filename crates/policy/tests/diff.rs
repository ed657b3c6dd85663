//! What one policy promises beside another.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test binary")]

#[path = "support/notices.rs"]
mod notices;
#[path = "support/visits.rs"]
mod visits;

use candor_policy::{DEMO, Diff, Policy, compile};
use notices::notices;
use proptest::prelude::*;
use visits::{is_within, kept, restrict, restrictions, visits};

const OLD: &str = r#"
[policy]
version = "1"
languages = ["en"]

[controller]
id = "acme"
name = "Acme"
contact = "privacy@acme.example"

[[sites]]
name = "acme.example"
hosts = ["acme.example"]

[data]
region = "EEA"
processors = [{ name = "Fjord Hosting AS", task = "hosting", country = "NO" }]

[address]
mode = "truncate"
geography = "city"

[page]
keep_query = ["page"]
replace_path = ["/orders/*"]

[roles.analyst]
reads = ["statistics"]

[purposes.statistics]
basis = "consent"
retention = "24 months"
fields = ["path", "query", "city", "address"]

[purposes.service]
basis = "contract"
retention = "30 days"
kinds = ["form", "chat"]
fields = ["path"]
"#;

fn diff(changes: &[(&str, &str)]) -> Diff {
    let change = |text: String, (from, to): &(&str, &str)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    let new = changes.iter().fold(OLD.to_owned(), change);
    let compiled = |text: &str| -> Policy {
        compile("acme.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
    };
    Diff::between(&compiled(OLD), &compiled(&new))
}

#[test]
fn each_change_is_named_with_what_it_means() {
    let cases = [
        (
            "24 months",
            "12 months",
            "stricter purposes.statistics.retention: 24 months -> 12 months",
        ),
        (
            "24 months",
            "36 months",
            "looser   purposes.statistics.retention: 24 months -> 36 months",
        ),
        ("30 days", "1 month", "looser   purposes.service.retention: 30 days -> 1 month"),
        (
            "kinds = [\"form\", \"chat\"]",
            "kinds = [\"form\", \"chat\"]\ncategories.chat = \"7 days\"",
            "stricter purposes.service.retention of chat: 30 days -> 7 days",
        ),
        (
            "[\"form\", \"chat\"]",
            "[\"form\"]",
            "stricter purposes.service.kinds: form, chat -> form",
        ),
        ("[\"path\"]", "[\"path\", \"title\"]", "looser   purposes.service.fields: + title"),
        ("\"contract\"", "\"consent\"", "stricter purposes.service.basis: contract -> consent"),
        ("[purposes.service]", "[purposes.security]", "looser   purposes: + security"),
        (
            "mode = \"truncate\"",
            "mode = \"truncate\"\nv4 = 16",
            "stricter address.mode: truncate to 24 and 48 bits -> truncate to 16 and 48 bits",
        ),
        (
            "mode = \"truncate\"",
            "mode = \"hash\"",
            "looser   address.mode: truncate to 24 and 48 bits -> hash",
        ),
        ("[\"page\"]", "[\"page\", \"q\"]", "looser   page.keep_query: + q"),
        ("[\"/orders/*\"]", "[]", "looser   page.replace_path: - /orders/*"),
        ("region = \"EEA\"", "region = \"NO\"", "stricter data.region: EEA -> NO"),
        (
            "region = \"EEA\"",
            "region = \"EEA\"\nlog = \"25 hours\"",
            "looser   data.log: 24 hours -> 25 hours",
        ),
        (
            "country = \"NO\"",
            "country = \"SE\"",
            "looser   data.processors: + Fjord Hosting AS for hosting in SE",
        ),
        (
            "[\"statistics\"]",
            "[\"service\", \"statistics\"]",
            "looser   roles: + analyst reads service",
        ),
        (
            "hosts = [\"acme.example\"]",
            "hosts = [\"acme.example\"]\nalso = [\"matomo:1\"]",
            "looser   sites.also: + acme.example as matomo:1",
        ),
        (
            "hosts = [\"acme.example\"]",
            "hosts = [\"acme.example\"]\nalso = [\"matomo:1\"]\nscripts = \"after-consent\"",
            "looser   sites.scripts: + acme.example after consent",
        ),
        (
            "[address]",
            "[publish]\nsmallest_cell = 20\n[address]",
            "stricter publish.smallest_cell: 10 -> 20",
        ),
        (
            "[address]",
            "[signals]\ngpc = [\"service\"]\n[address]",
            "looser   signals.gpc: - denies statistics",
        ),
        (
            "\"Acme\"",
            "\"Acme Ltd\"",
            "other    controller: acme, Acme, privacy@acme.example -> acme, Acme Ltd, privacy@acme.example",
        ),
        ("version = \"1\"", "version = \"2\"", "other    policy.version: 1 -> 2"),
    ];
    for (from, to, want) in cases {
        let diff = diff(&[(from, to)]);
        let lines: Vec<_> = diff.changes().iter().map(ToString::to_string).collect();
        assert!(lines.iter().any(|line| line == want), "{want}\n{}", lines.join("\n"));
        let looser = lines.iter().any(|line| line.starts_with("looser"));
        assert_eq!(diff.is_looser(), looser);
    }
}

#[test]
fn what_gets_longer_is_flagged() {
    let longer = diff(&[("24 months", "36 months"), ("30 days", "20 days")]);
    assert_eq!(longer.lengthened().count(), 1);
    assert!(
        longer.to_string().ends_with(
            "\n1 longer: rows that were promised a shorter period keep the shorter one\n"
        )
    );
    assert!(longer.to_json().contains("\"lengthens\": true"));
    let endless = diff(&[("\"24 months\"", "\"until further notice\"\nreason = \"None.\"")]);
    assert_eq!(endless.lengthened().count(), 1);
    let slides = diff(&[
        ("[page]", "[visitor]\nmode = \"consented\"\n[page]"),
        ("\"city\", ", "\"city\", \"visitor\", "),
        (
            "\"24 months\"",
            "{ period = \"24 months\", from = \"latest-interaction\", renews = [\"form\"], at_most = \"36 months\" }",
        ),
    ]);
    let lines: Vec<_> = slides.lengthened().map(ToString::to_string).collect();
    assert_eq!(lines, ["looser   purposes.statistics.retention, at most: 24 months -> 36 months"]);
}

#[test]
fn what_means_the_same_does_not_differ() {
    let same = diff(&[("[address]", "# a comment\n[signals]\ndnt = \"all\"\n[address]")]);
    assert!(same.is_empty() && !same.is_looser());
    assert_eq!(same.to_string(), "both mean the same\n");
    let demo = compile("demo.toml", DEMO).unwrap();
    assert!(Diff::between(&demo, &demo).is_empty());
}

proptest! {
    #[test]
    fn policies_differ_exactly_when_their_versions_do(
        a in notices(), b in notices(), at: usize, restriction in restrictions(),
    ) {
        let policy = a.compile();
        let restricted = restrict(a, at, restriction).map(|notice| notice.compile());
        for other in [Some(b.compile()), restricted].into_iter().flatten() {
            let diff = Diff::between(&policy, &other);
            prop_assert_eq!(diff.is_empty(), policy.version() == other.version());
        }
    }

    #[test]
    fn what_is_not_looser_never_keeps_more_or_longer(
        notice in notices(), at: usize, restriction in restrictions(), visit in visits(),
    ) {
        let old = notice.compile();
        if let Some(new) = restrict(notice, at, restriction) {
            let new = new.compile();
            for (before, after) in [(&old, &new), (&new, &old)] {
                if !Diff::between(before, after).is_looser() {
                    prop_assert!(is_within(&kept(after, &visit), &kept(before, &visit)));
                }
            }
        }
    }
}
