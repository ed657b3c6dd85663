//! `Dockerfile`: what the image is made of, and that candor finds in it what it needs.

use std::process::Command;

use candor_tests::{Process, program};

use crate::{read, root, with};

fn file() -> String {
    read("docker/Dockerfile")
}

/// The instructions, each with its arguments on one line.
fn instructions(text: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let parts = joined.lines().filter_map(|line| line.trim().split_once(' '));
    parts.map(|(word, rest)| (word.to_owned(), rest.trim().to_owned())).collect()
}

/// Everything that is wrong.
fn problems(text: &str) -> Vec<String> {
    let all = instructions(text);
    let last = all.iter().rposition(|(word, _)| word == "FROM").unwrap();
    let mut problems = Vec::new();
    let mut stages = Vec::new();
    for (word, rest) in &all {
        match word.as_str() {
            "FROM" => {
                let (image, stage) = rest.split_once(" AS ").unwrap_or((rest, ""));
                let tag = image.split_once(':').map_or("", |(_, tag)| tag);
                if !tag.contains("bookworm") {
                    problems.push(format!("{image} is not pinned to a release"));
                }
                stages.push(stage);
            }
            "RUN" => problems.extend(packages(rest)),
            "COPY" => {
                let from = rest.strip_prefix("--from=").and_then(|it| it.split(' ').next());
                if from.is_some_and(|from| !stages.contains(&from)) {
                    problems.push(format!("there is no stage for {rest}"));
                }
            }
            "ENTRYPOINT" | "CMD" if !rest.starts_with('[') => {
                problems.push(format!("{word} runs a shell"));
            }
            "ADD" | "HEALTHCHECK" | "ONBUILD" | "VOLUME" => {
                problems.push(format!("{word} is not wanted"));
            }
            _ => {}
        }
    }
    problems.extend(final_stage(&all[last..]));
    problems
}

fn packages(command: &str) -> Option<String> {
    let installs = command.contains("apt-get install");
    let lean = command.contains("--no-install-recommends")
        && command.ends_with("rm -rf /var/lib/apt/lists/*");
    (installs && !lean).then(|| "packages leave something behind".to_owned())
}

fn final_stage(stage: &[(String, String)]) -> Vec<String> {
    let of = |word: &str| {
        stage.iter().filter(|(it, _)| it == word).map(|(_, rest)| rest.as_str()).collect::<Vec<_>>()
    };
    let user = stage.iter().position(|(word, _)| word == "USER");
    let after = user.map_or(stage, |at| &stage[at..]);
    let ids: Vec<Option<u32>> = of("USER").concat().split(':').map(|id| id.parse().ok()).collect();
    let checks = [
        (
            ids.len() == 2 && ids.iter().all(|id| id.is_some_and(|id| id > 0)),
            "the user is not a number above 0",
        ),
        (
            !after.iter().any(|(word, _)| ["RUN", "COPY"].contains(&word.as_str())),
            "something is made by the user",
        ),
        (of("ENTRYPOINT") == ["[\"candor\"]"], "another program is run"),
        (
            of("RUN").len() == 1 && of("RUN")[0].contains(" ca-certificates libssl3 "),
            "more than it needs is installed",
        ),
        (of("COPY").iter().all(|copy| copy.starts_with("--from=")), "something comes from outside"),
    ];
    checks.into_iter().filter(|(holds, _)| !holds).map(|(_, problem)| problem.to_owned()).collect()
}

#[test]
fn the_image_is_pinned_lean_and_without_root() {
    assert_eq!(problems(&file()), [""; 0]);
}

#[test]
fn a_mistake_in_the_image_is_seen() {
    for (from, to, seen) in [
        ("FROM debian:bookworm-slim", "FROM debian:latest", "not pinned"),
        ("FROM debian:bookworm-slim", "FROM debian", "not pinned"),
        ("--from=build", "--from=built", "no stage"),
        ("USER 10001:10001\n", "", "above 0"),
        ("USER 10001:10001", "USER root", "above 0"),
        ("STOPSIGNAL SIGTERM", "RUN chmod u+s /usr/bin/candor", "made by the user"),
        ("ENTRYPOINT [\"candor\"]", "ENTRYPOINT candor", "runs a shell"),
        (" --no-install-recommends ca", " ca", "behind"),
        ("ca-certificates libssl3", "ca-certificates curl libssl3", "more than it needs"),
        ("COPY --from=rules", "ADD --from=rules", "not wanted"),
    ] {
        let problems = problems(&with(&file(), from, to));
        assert!(problems.iter().any(|it| it.contains(seen)), "{from} → {to}: {problems:?}");
    }
}

/// Versions that stand elsewhere too are the same.
#[test]
fn the_image_is_built_of_what_the_repository_pins() {
    let text = file();
    let quoted = |file: &str, key: &str| {
        let text = read(file);
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split(['=', '"']).rfind(|it| !it.is_empty()).unwrap().trim().to_owned()
    };
    let rust = quoted("rust-toolchain.toml", "channel");
    assert!(text.contains(&format!("FROM rust:{rust}-")), "{rust}");
    assert!(text.contains(&format!("RUSTUP_TOOLCHAIN={rust}\n")), "{rust}");
    for (what, file) in [
        ("rules", "regexes.yaml"),
        ("crawlers", "crawler-user-agents.json"),
        ("isbot", "index.mjs"),
    ] {
        let package = quoted("tools/setup", &format!("{what}="));
        assert!(text.contains(&format!("npm pack --silent {package} ")), "{package}");
        assert!(text.contains(&format!("{}.tgz ", package.replace('@', "-"))), "{package}");
        let sum = quoted("tools/setup", &format!("{what}_sha256="));
        assert!(text.contains(&format!("\"{sum}  package/{file}\"")), "{sum}");
    }
    let version = quoted("Cargo.toml", "version");
    assert!(text.contains(&format!("ARG VERSION={version}\n")), "{version}");
    assert!(text.contains(&format!("--tag candor:{version} ")), "{version}");
}

/// Cargo reads the whole workspace, the built tracker and what the compiler is told of a busy candor, and no more is sent to
/// the builder.
#[test]
fn a_profile_is_taken_of_what_is_built() {
    // Of another target, or another profile of cargo's, functions have other names: the compiler would find nothing of
    // them, and say nothing.
    for file in ["docker/Dockerfile", "Makefile", "tools/profile"] {
        let builds = read(file).matches("cargo build --locked --profile dist --target ").count();
        assert_eq!(builds, 1, "{file}");
    }
}

#[test]
fn the_builder_is_sent_the_workspace_and_nothing_else() {
    let text = read("docker/Dockerfile.dockerignore");
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.first(), Some(&"*"), "nothing, but:");
    let sent: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix('!')).collect();
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let mut wanted: Vec<_> =
        members.iter().map(|it| it.as_str().unwrap().trim_end_matches("/*")).collect();
    wanted.extend(["Cargo.lock", "Cargo.toml", "candor.profdata", "tracker"]);
    wanted.sort_unstable();
    // A member within another is sent with it.
    wanted.dedup_by(|inner, outer| inner.starts_with(&format!("{outer}/")));
    assert_eq!(sent, wanted);
}

/// The program starts in the image's layout, with the user agent rules where the image has them.
#[test]
fn candor_finds_its_rules_in_the_image() {
    let places: Vec<_> = instructions(&file())
        .into_iter()
        .filter_map(|(_, rest)| {
            Some(rest.strip_prefix("--from=")?.split(' ').next_back()?.to_owned())
        })
        .collect();
    let [binary, rules, crawlers, isbot] = places.as_slice() else {
        panic!("{places:?}");
    };
    let image = tempfile::tempdir().unwrap();
    let fetched = |path: &str| root().join("third_party").join(path);
    for (from, to) in [
        (program("candor"), binary),
        (fetched("uap-core/regexes.yaml"), rules),
        (fetched("bots/crawler-user-agents.json"), crawlers),
        (fetched("bots/isbot.mjs"), isbot),
    ] {
        let to = image.path().join(to.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
    let config = image.path().join("candor.toml");
    std::fs::write(&config, "[log]\nkind = \"kafka\"\n").unwrap();
    let mut command = Command::new(image.path().join(binary.trim_start_matches('/')));
    command.args(["collect", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config"]);
    command.arg(config).current_dir(image.path());
    Process::start(command, &image.path().join("log"), "candor is up").kill();
}
