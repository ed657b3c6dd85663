//! Rules of this repository that matter are tests: how large a file may grow, what may not be written. Who may
//! depend on whom stands in `deny.toml`, and `tools/deny` checks it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The files that git would keep, below these directories, with one of these endings.
fn files(dirs: &[&str], endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs: Vec<_> = dirs.iter().map(|dir| root().join(dir)).collect();
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && name != "node_modules" {
                dirs.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Unsafe code stands in one named module of three crates, and is forbidden in all others.
#[test]
fn unsafe_code_stands_where_it_may() {
    let may = [
        "crates/clickhouse/src/ffi",
        "crates/pipeline/src/locked.rs",
        "crates/transport/src/kafka/native",
    ];
    for file in files(&["crates"], &[".rs"]) {
        let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let has = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            ["unsafe {", "unsafe impl", "unsafe fn", "unsafe extern"]
                .iter()
                .any(|u| code.contains(u))
        });
        assert!(!has || may.iter().any(|place| name.starts_with(place)), "unsafe code in {name}");
    }
}

/// Versions stand in the workspace's table, and nowhere else.
#[test]
fn versions_stand_in_one_place() {
    for manifest in files(&["crates", "tests", "benches"], &["Cargo.toml"]) {
        let text = std::fs::read_to_string(&manifest).unwrap();
        let of_its_own = text.lines().find(|line| {
            let (name, value) = line.split_once(" = ").unwrap_or_default();
            !name.ends_with("workspace")
                && value.starts_with(['"', '{'])
                && value.contains("version")
        });
        assert_eq!(of_its_own, None, "{}", manifest.display());
    }
}

/// Prints what has grown; fails past the last figure.
#[test]
fn files_stay_small() {
    const LOOK_AGAIN: usize = 300;
    const LINES_MAX: usize = 400;
    for file in files(&["crates", "tests", "benches"], &[".rs"]) {
        if file.components().any(|part| part.as_os_str() == "generated") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().lines().count();
        if lines > LOOK_AGAIN {
            println!("{lines} lines: {}", file.display());
        }
        assert!(lines <= LINES_MAX, "{lines} lines: split {}", file.display());
    }
}

#[test]
fn nothing_is_left_to_do_in_the_code() {
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["todo", "!("].concat(),
        ["unimpl", "emented!"].concat(),
    ];
    for file in files(
        &["crates", "tests", "benches", "docs", "tracker"],
        &[".rs", ".md", ".py", ".js", ".mjs", ".proto"],
    ) {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in &words {
            assert!(!text.contains(word.as_str()), "{word} in {}", file.display());
        }
        assert!(
            !text.contains(&["#[", "ignore"].concat()),
            "an ignored test in {}",
            file.display()
        );
    }
}

/// Whatever is counted or measured is in the operators' page.
#[test]
fn metrics_are_documented() {
    const CRATES: [&str; 9] = [
        "candor_",
        "collector_",
        "pipeline_",
        "process_",
        "sink_",
        "transport_journal_",
        "transport_kafka_",
        "transport_memory_",
        "transport_spill_",
    ];
    let page = read("docs/operating.md");
    let is_name = |word: &str| {
        CRATES.iter().any(|name| word.starts_with(name) && word.len() > name.len())
            && word.bytes().all(|c| c.is_ascii_lowercase() || c == b'_')
            // Two underscores divide the names of roles.
            && !word.contains("__")
    };
    let mut names = BTreeSet::new();
    for file in files(&["crates"], &[".rs"]) {
        let text = std::fs::read_to_string(&file).unwrap();
        names.extend(text.split('"').filter(|word| is_name(word)).map(str::to_owned));
    }
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}")), "{name} is not in docs/operating.md");
    }
}

/// Each invariant of the architecture page names a test that exists.
#[test]
fn invariants_name_their_tests() {
    let page = read("ARCHITECTURE.md");
    let section = page.split("## Invariants").nth(1).unwrap().split("\n## ").next().unwrap();
    let invariants: Vec<_> = section.split("\n**").skip(1).collect();
    assert!(invariants.len() >= 9, "{} invariants", invariants.len());
    let sources: String = files(&["crates", "tests"], &[".rs"])
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    for invariant in invariants {
        let tests: Vec<_> = invariant.split("`test:").skip(1).collect();
        assert!(!tests.is_empty(), "no test is named by: {invariant}");
        for test in tests {
            let name = test.split('`').next().unwrap().trim();
            assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
        }
    }
}

/// Each fault of the page names tests that exist.
#[test]
fn faults_name_their_tests() {
    let page = read("docs/faults.md");
    let sources: String = files(&["crates", "tests"], &[".rs"])
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    for number in 1..=17 {
        let line = page.lines().find(|line| line.starts_with(&format!("| F{number} |"))).unwrap();
        let is_name = |name: &str| {
            name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_' || c.is_ascii_digit())
        };
        let words = line.split('`').filter_map(|word| word.split_once(':'));
        let tests: Vec<_> =
            words.filter(|(target, test)| is_name(target) && is_name(test)).collect();
        assert!(!tests.is_empty(), "no test is named by F{number}");
        for (target, test) in tests {
            assert!(sources.contains(&format!("fn {test}(")), "there is no test {target}:{test}");
        }
    }
}
