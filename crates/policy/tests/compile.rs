//! What compiles, what it means, and that nothing else does.

use candor_event::{Basis, Field, FieldSet, Signal, Site};
use candor_policy::{AddressMode, DEMO, Policy, Problems, Registry, VisitorMode, compile};
use proptest::prelude::*;

const SMALLEST: &str = r#"
[controller]
id = "acme"
name = "Acme"
contact = "privacy@acme.example"

[[sites]]
name = "acme"
hosts = ["*.acme.example", "acme.example"]

[purposes.statistics]
basis = "legitimate-interest"
assessment = "LIA 2026-03"
retention = "13 months"
fields = ["path", "dwell"]
"#;

fn with(changes: &[(&str, &str)]) -> Result<Policy, Problems> {
    let change = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
    compile("acme.toml", &changes.iter().fold(SMALLEST.to_owned(), change))
}

#[test]
fn the_demo_means_what_it_says() {
    let demo = compile("demo.toml", DEMO).unwrap();
    let site = Site::parse("demo").unwrap();
    assert_eq!(demo.controller().id(), "demo");
    assert_eq!(demo.controller().contact(), "privacy@example.org");
    assert_eq!(demo.sites().len(), 1);
    assert!(demo.allows_host(&site, "localhost:8080") && demo.allows_host(&site, "127.0.0.1"));
    assert!(!demo.allows_host(&site, "example.org"));
    assert_eq!(demo.address(), AddressMode::Truncate { v4: 24, v6: 48 });
    assert_eq!(demo.visitor(), VisitorMode::None);
    assert!(demo.keeps_query("page") && !demo.keeps_query("token"));
    assert!(!demo.uses_keys());
    let [statistics] = demo.purposes() else { panic!("one purpose") };
    assert_eq!(statistics.name().as_str(), "statistics");
    assert_eq!(statistics.basis(), Basis::Consent);
    assert_eq!(statistics.retention().period().to_string(), "24 months");
    assert!(Signal::ALL.iter().all(|signal| statistics.denied_by(*signal)));
    let unkept = Field::ALL.into_iter().filter(|field| !demo.fields().contains(*field));
    assert_eq!(unkept.collect::<Vec<_>>(), [Field::Visitor, Field::ConsentRecord]);
}

#[test]
fn what_is_not_said_is_not_done() {
    let policy = with(&[]).unwrap();
    assert_eq!(policy.address(), AddressMode::Drop);
    assert_eq!(policy.visitor(), VisitorMode::None);
    assert!(policy.query().is_empty() && !policy.uses_keys());
    assert_eq!(policy.fields(), FieldSet::of(&[Field::Path, Field::Dwell]));
    assert!(policy.purposes()[0].denied_by(Signal::Gpc));
    let site = Site::parse("acme").unwrap();
    assert!(
        policy.allows_host(&site, "www.acme.example") && policy.allows_host(&site, "acme.example")
    );
    assert!(!policy.allows_host(&Site::parse("other").unwrap(), "acme.example"));
}

#[test]
fn what_hashes_needs_keys() {
    for table in ["[address]\nmode = 'hash'\n", "[visitor]\nmode = 'rotating'\n"] {
        let policy = with(&[
            ("[purposes", &format!("{table}[purposes")),
            ("\"legitimate-interest\"\nassessment = \"LIA 2026-03\"", "\"consent\""),
            ("\"dwell\"", if table.contains("hash") { "\"address\"" } else { "\"visitor\"" }),
        ]);
        assert!(policy.unwrap().uses_keys());
    }
}

#[test]
fn the_version_is_that_of_the_meaning() {
    let version = |changes: &[(&str, &str)]| with(changes).unwrap().version();
    let same = [
        [("[controller]", "# a comment\n[controller]\n")],
        [("\"path\", \"dwell\"", "\"dwell\",\n  \"path\",")],
        [("\"*.acme.example\", \"acme.example\"", "\"acme.example\", \"*.acme.example\"")],
        [("[purposes", "[signals]\ngpc = [\"statistics\"]\n[purposes")],
        [("[purposes", "[address]\nmode = \"drop\"\n[purposes")],
    ];
    let different = [
        [("name = \"Acme\"", "name = \"Acme Ltd\"")],
        [("13 months", "12 months")],
        [("13 months", "13 days")],
        [("\"dwell\"", "\"scroll\"")],
        [("\"legitimate-interest\"\nassessment = \"LIA 2026-03\"", "\"consent\"")],
        [("LIA 2026-03", "LIA 2026-04")],
        [("[controller]", "[policy]\nversion = \"2\"\n[controller]")],
        [("[purposes", "[signals]\ngpc = []\n[purposes")],
        [("purposes.statistics", "purposes.security")],
        [("\"*.acme.example\", ", "")],
    ];
    for changes in same {
        assert_eq!(version(&changes), version(&[]), "{changes:?}");
    }
    let mut versions: Vec<_> =
        different.iter().map(|changes| version(changes).to_string()).collect();
    versions.push(version(&[]).to_string());
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), different.len() + 1);
    assert_eq!(
        compile("demo.toml", DEMO).unwrap().version().to_string(),
        "d1534dbab1fea4d2996e5d50f6030149",
        "rows name this version: when the canonical form changes, so must its context"
    );
}

#[test]
fn a_registry_finds_the_policy_of_a_site() {
    let registry = Registry::compile([("acme.toml", SMALLEST), ("demo.toml", DEMO)]).unwrap();
    assert!(!registry.is_demo() && Registry::demo().unwrap().is_demo());
    let (site, policy) = registry.site("acme").unwrap();
    assert_eq!((site.as_str(), policy.controller().id()), ("acme", "acme"));
    assert!(registry.site("unknown").is_none());
    let purposes = registry.purposes();
    let fields = purposes.values().next().copied();
    assert_eq!(fields, Some(registry.policies()[1].fields()), "the union of both");
}

#[test]
fn policies_that_clash_are_refused_with_both_files() {
    let clash = Registry::compile([("a.toml", SMALLEST), ("b.toml", SMALLEST)]).unwrap_err();
    assert_eq!(
        clash.to_string(),
        "error: two policies have the controller `acme`\n\
         --> a.toml\n\
         ::: b.toml\n \
         = help: a controller has one policy, after which its views are named: give each its own id\n\
         \n\
         error: two policies have the site `acme`\n\
         --> a.toml\n\
         ::: b.toml\n \
         = help: a site has one policy: take it out of one file"
    );
    let none = Registry::new(Vec::new()).unwrap_err();
    assert_eq!(
        none.to_string(),
        "error: there is no policy\n \
         |\n \
         = help: without a policy nothing may be kept: write a file for the controller"
    );
}

#[test]
fn the_problems_of_all_files_are_told_at_once() {
    let files = [("a.toml", "controller = 1"), ("demo.toml", DEMO), ("b.toml", "x = ")];
    let problems = Registry::compile(files).unwrap_err();
    assert_eq!(problems.len(), 4);
    let text = problems.to_string();
    assert!(text.contains("a.toml:1:14") && text.contains("b.toml:1:5"), "{text}");
    assert!(problems.styled().to_string().contains("\u{1b}["));
}

proptest! {
    #[test]
    fn any_text_is_compiled_or_refused_with_a_reason(text in "\\PC{0,40}|[a-z\\[\\]=\"'.\\n\\r{},#0-9é ]{0,80}") {
        prop_assert!(compile("any.toml", &text).is_err_and(|problems| !problems.to_string().is_empty()));
    }

    #[test]
    fn a_damaged_file_is_compiled_or_refused_with_a_reason(
        at in 0..DEMO.len(), length in 0_usize..40, with in "|[\\[\\]=\"a-z0-9é\\n]{1,3}",
    ) {
        let (head, rest) = DEMO.split_at(at);
        let tail = rest.get(length..).unwrap_or_default();
        let damaged = format!("{head}{with}{tail}");
        if let Err(problems) = compile("demo.toml", &damaged) {
            prop_assert!(!problems.is_empty() && problems.to_string().contains("demo.toml:"));
        }
    }
}

#[test]
fn the_page_that_teaches_the_language_is_right() {
    let page = include_str!("../../../docs/policy.md");
    let blocks = |fence: &str| -> Vec<&str> {
        let rest = page.split(fence).skip(1);
        rest.map(|rest| rest.split("```").next().unwrap()).collect()
    };
    let files = blocks("```toml\n");
    assert_eq!(files[0], Policy::template(), "the smallest file is the template");
    let template = compile("acme.toml", Policy::template()).unwrap();
    assert!(Policy::template().lines().filter(|line| line.contains('=')).count() <= 8);
    assert!(!template.uses_keys() && template.address() == AddressMode::Drop);
    for fragment in &files {
        assert!(fragment.parse::<toml::Table>().is_ok(), "{fragment}");
    }
    let rash = Policy::template()
        .replace("\"consent\"", "\"legitimate-interest\"\nassessment = \"LIA 2026-03\"")
        .replace(", \"os\", \"device\"", "");
    let message = compile("acme.toml", &rash).unwrap_err().to_string();
    let shown = page.split("## Mistakes\n\n```\n").nth(1).unwrap().split("\n```").next().unwrap();
    assert_eq!(shown, message);
}

#[test]
fn a_file_may_be_so_large_and_no_larger() {
    let padded = |bytes: usize| format!("{DEMO}#{}", "x".repeat(bytes - DEMO.len() - 1));
    assert!(compile("demo.toml", &padded(1 << 20)).is_ok());
    let refused = compile("demo.toml", &padded((1 << 20) + 1)).unwrap_err().to_string();
    assert!(refused.contains("1048577 bytes") && refused.contains("at most 1048576"), "{refused}");
}

/// However many slips a file has, they are found and told in time.
#[test]
fn thousands_of_slips_are_told_in_time() {
    let all = |entry: &dyn Fn(usize) -> String| (0..16_000).map(entry).collect::<String>();
    let listed = |word: &str| all(&|_| format!("{word:?},"));
    let files = [
        all(&|n| format!("key_{n} = 1\n")),
        all(&|_| "name = 1\n".to_owned()),
        all(&|n| format!("[purposes.p{n}]\nbasis = 'x'\n")),
        SMALLEST.replace("\"path\", \"dwell\"", &listed("browser")),
        SMALLEST.replace("\"path\", \"dwell\"", &listed("pathh")),
        format!("policy.languages = [{}]\n{SMALLEST}", listed("en")),
        format!("signals.dnt = [{}]\n{SMALLEST}", all(&|n| format!("'statistic{n}',"))),
    ];
    for file in files {
        let start = std::time::Instant::now();
        let problems = compile("many.toml", &file).unwrap_err();
        assert!(problems.len() > 10_000, "{}", problems.len());
        assert!(problems.to_string().contains(" more"));
        let took = start.elapsed();
        println!("{} problems in {took:?}", problems.len());
        // The bar is 1 s on a machine of its own.
        assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    }
}
