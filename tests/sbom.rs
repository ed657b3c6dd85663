//! The bill of materials: all that the programs are built of, by cargo's own account, all that is fetched for
//! them, and nothing of the machine that it was written on.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn bill() -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sbom.json");
    let run = Command::new(root().join("tools/sbom")).arg(&path).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    std::fs::read_to_string(path).unwrap()
}

/// Name and version of every component.
fn components(bill: &str) -> BTreeSet<String> {
    let bill: Value = serde_json::from_str(bill).unwrap();
    assert_eq!(
        (bill["bomFormat"].as_str(), bill["specVersion"].as_str()),
        (Some("CycloneDX"), Some("1.5"))
    );
    let components = bill["components"].as_array().unwrap();
    for component in components {
        let terms = &component["licenses"][0];
        let terms = terms["expression"].as_str().or_else(|| terms["license"]["name"].as_str());
        assert!(terms.is_some_and(|terms| !terms.is_empty()), "no terms: {component}");
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    components.iter().map(|it| text(&it["name"]) + " " + &text(&it["version"])).collect()
}

#[test]
fn the_bill_names_every_crate_of_the_programs() {
    let bill = bill();
    let components = components(&bill);
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,build", "--prefix", "none"])
        .args(["--package", "candor", "--package", "candor-clickhouse", "--format", "{p}"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let mut crates = 0;
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        let named = format!("{name} {}", version.trim_start_matches('v'));
        assert!(components.contains(&named), "{named} is missing");
        crates += 1;
    }
    assert!(crates > 100, "{crates} crates");
    for of_tests in ["proptest", "criterion", "trybuild", "candor-tests", "candor-hostile"] {
        let is_named = components.iter().any(|it| it.split(' ').next() == Some(of_tests));
        assert!(!is_named, "{of_tests} is in no program");
    }
    let home = std::env::var("HOME").unwrap();
    for place in [root().to_str().unwrap(), home.as_str(), "path+file"] {
        assert!(!bill.contains(place), "{place} is no matter of others");
    }
}

/// Whatever `tools/setup` fetches for the programs is in it, by its version.
#[test]
fn the_bill_names_all_that_is_fetched() {
    let components = components(&bill());
    let setup = std::fs::read_to_string(root().join("tools/setup")).unwrap();
    for part in [
        "@chdb/lib-linux-x64-gnu",
        "uap-core",
        "crawler-user-agents",
        "isbot",
        "@ip-location-db/asn",
    ] {
        let named = components.iter().find_map(|it| it.strip_prefix(part)?.strip_prefix(' '));
        let version = named.unwrap_or_else(|| panic!("{part} is missing"));
        assert!(setup.contains(part) && setup.contains(version), "{part} {version}");
    }
}
