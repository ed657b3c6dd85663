//! The tracker, as websites meet it: in a real browser, on pages with a strict policy.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::{Path, PathBuf};
use std::process::Command;

use candor_tests::{Candor, Options, Policy, eventually};

fn tracker() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("tracker")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(tracker().join(path)).unwrap()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot run {command:?}: {error}; this wants Node.js with npm, and Chromium")
    });
    let (text, errors) = (output.stdout, output.stderr);
    assert!(
        output.status.success(),
        "{command:?} failed\n{}\n{}",
        String::from_utf8_lossy(&text),
        String::from_utf8_lossy(&errors)
    );
}

#[test]
fn it_counts_as_it_says() {
    let demo = Policy::of(read("test/policies/demo.toml"));
    let candor = Candor::start(Options { policy: Some(demo), ..Options::default() });
    let counted = read("test/policies/counted.toml");
    std::fs::write(candor.policies().join("counted.toml"), counted).unwrap();
    candor.hang_up();
    let probe = r#"{"site":"counted","url":"http://localhost/probe"}"#;
    eventually("the other policy is in force", || (candor.send(probe).status == 202).then_some(()));
    run(Command::new("node")
        .args(["--test", "test/tracker.test.js"])
        .current_dir(tracker())
        .env("CANDOR_URL", candor.beacons().base())
        .env("CANDOR_CLICKHOUSE_URL", candor.clickhouse().base()));
}

/// Pages may hold each file to a hash, so each must be readable from everywhere, and be what the source
/// gives.
#[test]
fn it_is_served_to_any_page() {
    let config = "[collector]\ntracker_path = '/js/visits.js'".to_owned();
    let usual = Candor::demo();
    let moved = Candor::start(Options { config, ..Options::default() });
    for name in ["", "-consent-mode", "-errors", "-forms", "-links"] {
        let want = read(&format!("dist/candor{name}.js"));
        for (candor, path) in [(&usual, "/candor"), (&moved, "/js/visits")] {
            let answer = candor.beacons().get(&format!("{path}{name}.js"), &[]);
            assert_eq!((answer.status, &answer.body), (200, &want), "{path}{name}");
            let headers = &answer.headers;
            for header in [
                ("access-control-allow-origin", "*"),
                ("cache-control", "public, max-age=86400"),
                ("content-type", "text/javascript; charset=utf-8"),
                ("cross-origin-resource-policy", "cross-origin"),
            ] {
                let header = format!("{:?}: {:?}", header.0, header.1);
                assert!(headers.contains(&header), "{header} is not among {headers}");
            }
        }
    }
    assert_eq!(moved.beacons().get("/candor.js", &[]).status, 404);
}

#[test]
fn what_is_served_is_what_the_source_gives() {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracker");
    for dir in ["src", "dist"] {
        let to = home.join(dir);
        std::fs::create_dir_all(&to).unwrap();
        for file in std::fs::read_dir(tracker().join(dir)).unwrap().flatten() {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    for file in ["build.mjs", "package.json", "package-lock.json"] {
        std::fs::copy(tracker().join(file), home.join(file)).unwrap();
    }
    run(Command::new("npm").args(["ci", "--silent"]).current_dir(&home));
    run(Command::new("npm").args(["run", "--silent", "check"]).current_dir(&home));
}
