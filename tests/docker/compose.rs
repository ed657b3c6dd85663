//! `compose.yml`: what holds for every container, who reaches whom, and that everything named is there.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{read, root, with};

fn file() -> String {
    read("docker/compose.yml")
}

pub(crate) fn parse(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// A service of the file as it is.
pub(crate) fn service(name: &str) -> Value {
    parse(&file())["services"][name].clone()
}

/// The strings of a list, or the keys of a map.
pub(crate) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        Value::Object(map) => map.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

fn set(value: &Value) -> BTreeSet<String> {
    strings(value).into_iter().collect()
}

/// Everything that is wrong.
fn problems(text: &str) -> Vec<String> {
    let compose = parse(text);
    let services = compose["services"].as_object().unwrap();
    let mut problems = Vec::new();
    for (name, service) in services {
        let found = [
            image(service),
            rights(service),
            bounds(service),
            health(service),
            secrecy(service),
            mounts(&compose, service),
            order(&compose, service),
        ];
        problems.extend(found.into_iter().flatten().map(|problem| format!("{name}: {problem}")));
    }
    problems.extend(reach(&compose));
    problems.extend(unused(&compose));
    problems
}

fn is_one_shot(service: &Value) -> bool {
    service["restart"] == "no"
}

fn unless(holds: bool, problem: &str) -> Option<String> {
    (!holds).then(|| problem.to_owned())
}

fn image(service: &Value) -> Vec<String> {
    let (name, tag) =
        service["image"].as_str().and_then(|it| it.rsplit_once(':')).unwrap_or_default();
    let pinned = tag.contains(|c: char| c.is_ascii_digit()) && tag.contains('.');
    let ours = name == "candor";
    let build = &service["build"];
    let buildable = build["context"] == ".." && build["dockerfile"] == "docker/Dockerfile";
    let version = format!("version = \"{tag}\"\n");
    [
        unless(pinned, "the image has no version"),
        unless(ours == buildable, "it is ours if and only if it is built"),
        unless(!ours || read("Cargo.toml").contains(&version), "another version than Cargo.toml's"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn rights(service: &Value) -> Vec<String> {
    let user = service["user"].as_str().unwrap_or_default();
    let ids: Option<Vec<u32>> = user.split(':').map(|id| id.parse().ok()).collect();
    let unprivileged = ids.is_some_and(|ids| ids.len() == 2 && !ids.contains(&0));
    let forbidden = ["cap_add", "privileged", "pid", "ipc", "devices"];
    [
        unless(unprivileged, "user is not a number above 0"),
        unless(service["read_only"] == true, "read_only is missing"),
        unless(strings(&service["cap_drop"]) == ["ALL"], "cap_drop is missing"),
        unless(
            strings(&service["security_opt"]).contains(&"no-new-privileges:true".to_owned()),
            "no-new-privileges is missing",
        ),
        unless(forbidden.iter().all(|key| service[key].is_null()), "it asks for more rights"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn bounds(service: &Value) -> Vec<String> {
    let limits = &service["deploy"]["resources"]["limits"];
    let missing = ["cpus", "memory", "pids"].into_iter().filter(|key| limits[key].is_null());
    let mut problems: Vec<_> = missing.map(|key| format!("no limit of {key}")).collect();
    let tmpfs = strings(&service["tmpfs"]);
    problems.extend(unless(tmpfs.iter().all(|it| it.contains("size=")), "tmpfs without a size"));
    problems.extend(unless(service["logging"]["driver"] == "local", "its log never ends"));
    problems
}

fn health(service: &Value) -> Vec<String> {
    let test = strings(&service["healthcheck"]["test"]);
    let checked = test.first().is_some_and(|kind| kind == "CMD") && test.len() > 1;
    if is_one_shot(service) {
        return Vec::new();
    }
    [
        unless(checked, "no health check"),
        unless(service["restart"] == "unless-stopped", "it is not started again"),
        unless(!service["stop_grace_period"].is_null(), "it is killed while it stops"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Passwords are in files, and are named by nothing else.
fn secrecy(service: &Value) -> Vec<String> {
    let words = ["password", "passwd", "secret", "token", "sasl"];
    let open = [&service["environment"], &service["command"], &service["entrypoint"]];
    let open = open.map(ToString::to_string).join(" ").to_lowercase();
    [
        unless(!words.iter().any(|word| open.contains(word)), "a secret in the open"),
        unless(service["env_file"].is_null(), "an environment from a file"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn mounts(compose: &Value, service: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for mount in strings(&service["volumes"]) {
        let Some((source, rest)) = mount.split_once(':') else {
            // A volume of its own for each container.
            problems.extend(unless(mount.starts_with('/'), &format!("{mount} is no path")));
            continue;
        };
        if let Some(path) = source.strip_prefix("./") {
            let is_file = root().join("docker").join(path).is_file();
            problems.extend(unless(is_file, &format!("{source} is missing")));
            problems.extend(unless(rest.ends_with(":ro"), &format!("{source} can be written")));
        } else {
            let declared = compose["volumes"].get(source).is_some();
            problems.extend(unless(declared, &format!("the volume {source} is not declared")));
        }
    }
    for (kind, names) in
        [("networks", set(&service["networks"])), ("secrets", set(&service["secrets"]))]
    {
        let declared = set(&compose[kind]);
        let missing = names.difference(&declared);
        problems.extend(missing.map(|name| format!("{kind}: {name} is not declared")));
    }
    let ports = strings(&service["ports"]);
    problems.extend(unless(ports.iter().all(|it| it.starts_with("127.0.0.1:")), "open to all"));
    problems
}

/// What is waited for exists, and can come true.
fn order(compose: &Value, service: &Value) -> Vec<String> {
    let Some(needs) = service["depends_on"].as_object() else {
        return Vec::new();
    };
    let comes = |(name, need): (&String, &Value)| {
        let other = &compose["services"][name];
        let comes_true = match need["condition"].as_str() {
            Some("service_healthy") => !other["healthcheck"].is_null(),
            Some("service_completed_successfully") => is_one_shot(other),
            _ => false,
        };
        unless(comes_true, &format!("{name} never becomes what is waited for"))
    };
    needs.iter().filter_map(comes).collect()
}

/// Collectors reach Kafka and the world, sinks Kafka and ClickHouse; nobody else is published.
fn reach(compose: &Value) -> Vec<String> {
    let want: [(&str, &[&str]); 6] = [
        ("kafka", &["log"]),
        ("kafka-format", &["log"]),
        ("clickhouse", &["store"]),
        ("collect", &["edge", "log"]),
        ("migrate", &["log", "store"]),
        ("sink", &["log", "store"]),
    ];
    let mut problems = Vec::new();
    for (name, service) in compose["services"].as_object().unwrap() {
        let shares = service["network_mode"].as_str();
        let networks = strings(&service["networks"]);
        let right = match want.iter().find(|(wanted, _)| wanted == name) {
            Some((_, wanted)) => shares.is_none() && networks == *wanted,
            None => networks.is_empty() && shares == Some("service:clickhouse"),
        };
        problems.extend(unless(right, &format!("{name}: reaches {networks:?}, {shares:?}")));
        let published = !service["ports"].is_null();
        problems.extend(unless(published == (name == "collect"), &format!("{name}: ports")));
    }
    let inner = |name: &str| compose["networks"][name]["internal"] == true;
    problems.extend(unless(inner("log") && inner("store"), "a way out of an inner network"));
    problems
}

fn unused(compose: &Value) -> Vec<String> {
    let services = compose["services"].to_string();
    let declared = ["networks", "secrets", "volumes"].map(|kind| strings(&compose[kind]));
    let named = |name: &String| {
        services.contains(&format!("\"{name}\"")) || services.contains(&format!("\"{name}:"))
    };
    let mut problems: Vec<_> = declared
        .iter()
        .flatten()
        .filter(|name| !named(name))
        .map(|name| format!("{name} is used by nothing"))
        .collect();
    for (name, secret) in compose["secrets"].as_object().unwrap() {
        let kept = secret["file"] == format!("./secrets/{name}");
        problems.extend(unless(kept, &format!("the secret {name} is not where git looks away")));
    }
    problems
}

#[test]
fn every_container_is_bounded_confined_and_watched() {
    assert_eq!(problems(&file()), [""; 0]);
}

#[test]
fn a_mistake_in_the_composition_is_seen() {
    for (from, to, seen) in [
        ("clickhouse-server:26.7", "clickhouse-server:latest", "no version"),
        ("image: candor:0.1.0", "image: candor:0.0.9", "Cargo.toml"),
        ("user: \"101:101\"", "user: \"0:101\"", "above 0"),
        ("  user: \"10001:10001\"\n", "", "above 0"),
        ("  read_only: true\n", "", "read_only"),
        ("  cap_drop: [ALL]\n", "  cap_drop: [KILL]\n", "cap_drop"),
        ("no-new-privileges:true", "seccomp:unconfined", "no-new-privileges"),
        ("    stop_grace_period: 60s\n", "    privileged: true\n", "more rights"),
        ("memory: 4G, ", "", "no limit of memory"),
        ("size=64m,", "", "without a size"),
        ("    healthcheck: *candor-health\n", "", "no health check"),
        ("CLICKHOUSE_WATCHDOG_ENABLE: \"0\"", "CLICKHOUSE_PASSWORD: x", "in the open"),
        ("candor.xml:ro", "candor.xml", "can be written"),
        ("./clickhouse/users.sql:", "./clickhouse/user.sql:", "is missing"),
        ("- kafka:/var", "- kafkas:/var", "is not declared"),
        ("secrets: [clickhouse_sink]", "secrets: [clickhouse_sunk]", "is not declared"),
        (
            "kafka: {condition: service_healthy}",
            "kafka: {condition: service_started}",
            "never becomes",
        ),
        ("clickhouse: {condition: service_h", "migrate: {condition: service_h", "never becomes"),
        ("127.0.0.1:8080-8081:8080", "8080-8081:8080", "open to all"),
        ("networks: [edge, log]", "networks: [edge, log, store]", "collect: reaches"),
        ("    internal: true\n", "", "a way out"),
        ("networks: [store]", "networks: [store]\n    ports: [\"127.0.0.1:8123:8123\"]", "ports"),
        ("file: ./secrets/clickhouse_sink}", "file: ./clickhouse_sink}", "git looks away"),
    ] {
        let problems = problems(&with(&file(), from, to));
        assert!(problems.iter().any(|it| it.contains(seen)), "{from} → {to}: {problems:?}");
    }
}

#[test]
fn secrets_are_kept_out_of_git() {
    assert!(read("docker/.gitignore").lines().any(|line| line == "/secrets"));
}

#[test]
fn nobody_has_a_secret_that_is_not_for_it() {
    let secrets = |name: &str| strings(&service(name)["secrets"]);
    assert_eq!(secrets("sink"), ["clickhouse_sink"]);
    assert_eq!(secrets("migrate"), ["clickhouse_migrator"]);
    assert_eq!(
        secrets("clickhouse-users"),
        ["clickhouse_migrator_sha256", "clickhouse_quarantine_sha256", "clickhouse_sink_sha256"],
        "ClickHouse is given hashes"
    );
    for name in ["clickhouse", "clickhouse-grants", "collect", "kafka", "kafka-format"] {
        assert!(secrets(name).is_empty(), "{name}");
    }
}
