//! `candor.toml` and `migrate.toml`: the program itself loads them, and they fit what is around them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use candor_tests::program;
use toml::{Table, Value};

use crate::compose::{service, strings};
use crate::{read, root, with};

/// What `candor config --check` says of a file, and how it ends.
fn check(file: &Path) -> (Option<i32>, String) {
    let run =
        Command::new(program("candor")).args(["config", "--check"]).arg(file).output().unwrap();
    (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned())
}

fn table(file: &str) -> Table {
    read(&format!("docker/{file}")).parse().unwrap()
}

#[test]
fn candor_takes_both_configurations() {
    for file in ["candor.toml", "migrate.toml"] {
        let (status, said) = check(&root().join("docker").join(file));
        assert_eq!(status, Some(0), "{said}");
    }
}

/// Those who uncomment a key find that it is one.
#[test]
fn candor_takes_what_is_commented_out() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["candor.toml", "migrate.toml"] {
        let text = read(&format!("docker/{file}"));
        let is_key = |line: &str| {
            line.starts_with('[')
                || line.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '))
        };
        let lines = text.lines().map(|line| match line.strip_prefix("# ") {
            Some(key) if is_key(key) => key,
            _ => line,
        });
        let path = dir.path().join(file);
        std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
        let (status, said) = check(&path);
        assert_eq!(status, Some(0), "{said}");
    }
}

#[test]
fn candor_refuses_a_misspelt_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("candor.toml");
    let text = with(&read("docker/candor.toml"), "segment_minutes", "segment_minute");
    std::fs::write(&path, text).unwrap();
    let (status, said) = check(&path);
    assert_eq!(status, Some(64), "{said}");
    assert!(said.contains("segment_minute"), "{said}");
}

/// `candor migrate` makes what the others expect.
#[test]
fn migrate_is_configured_like_the_rest() {
    let (all, migrate) = (table("candor.toml"), table("migrate.toml"));
    for (name, part) in &migrate {
        let (Value::Table(part), Value::Table(whole)) = (part, &all[name]) else {
            panic!("{name} is no table");
        };
        for (key, value) in part {
            let differs = name == "clickhouse" && ["password_file", "user"].contains(&key.as_str());
            assert!((value == &whole[key]) != differs, "{name}.{key}");
        }
    }
    for name in ["kafka", "log", "policies", "sink", "clickhouse"] {
        assert!(migrate.contains_key(name), "{name}");
    }
}

/// Files, hosts and ports that a configuration names are those of the container that it is for.
#[test]
fn each_container_has_what_its_configuration_names() {
    for (name, file, user) in [
        ("collect", "candor.toml", None),
        ("sink", "candor.toml", Some("candor_sink")),
        ("migrate", "migrate.toml", Some("candor_migrator")),
    ] {
        let (service, config) = (service(name), table(file));
        let place = format!("/etc/candor/{file}");
        assert_eq!(strings(&service["command"]), [name, "--config", &place]);
        let own = config.get("data").filter(|_| name == "collect");
        let own = own.map(|data| data["dir"].as_str().unwrap().to_owned());
        let mounts: Vec<_> = [format!("./{file}:{place}:ro")].into_iter().chain(own).collect();
        assert_eq!(strings(&service["volumes"]), mounts, "and a volume for the spill");
        let broker = config["kafka"]["bootstrap_servers"][0].as_str();
        assert_eq!(broker, Some("kafka:9092"));
        if let Some(user) = user {
            let clickhouse = &config["clickhouse"];
            assert_eq!(clickhouse["url"].as_str(), Some("http://clickhouse:8123"));
            assert_eq!(clickhouse["user"].as_str(), Some(user));
            let secret = strings(&service["secrets"]).remove(0);
            assert_eq!(
                clickhouse["password_file"].as_str(),
                Some(&*format!("/run/secrets/{secret}"))
            );
            assert_eq!(secret.replace("clickhouse", "candor"), user);
        }
    }
    let collect = service("collect");
    let config = table("candor.toml");
    let (_, inside) = config["collector"]["listen"].as_str().unwrap().rsplit_once(':').unwrap();
    assert!(strings(&collect["ports"])[0].ends_with(&format!(":{inside}")));
    let compose = crate::compose::parse(&read("docker/compose.yml"));
    let edge = &compose["networks"]["edge"]["ipam"]["config"][0]["subnet"];
    let trusted = config["collector"]["trusted_proxies"].as_array().unwrap();
    assert_eq!((trusted.len(), trusted[0].as_str()), (1, edge.as_str()));
    for name in ["collect", "sink"] {
        let test = strings(&service(name)["healthcheck"]["test"]);
        assert_eq!(test.last().map(String::as_str), config["admin"]["listen"].as_str());
    }
}

/// What the page tells to type makes what the containers are given.
#[test]
fn the_secrets_are_made_as_the_page_says() {
    let page = read("docs/docker.md");
    let mut blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let script = blocks.find(|block| block.contains("openssl rand")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("docker")).unwrap();
    let secrets = dir.path().join("docker/secrets");
    let made = |name: &str| std::fs::read_to_string(secrets.join(name)).unwrap();
    let rights = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut before = String::new();
    for _ in 0..2 {
        let run = Command::new("bash").args(["-ec", script]).current_dir(&dir).status().unwrap();
        assert!(run.success());
        let password = made("clickhouse_sink");
        assert_ne!(password, before, "again is anew");
        before = password;
    }
    for name in ["clickhouse_migrator", "clickhouse_sink"] {
        assert!(made(name).len() == 64 && made(name) != made("clickhouse_sink_sha256"));
        let sum = Command::new("sha256sum").arg(secrets.join(name)).output().unwrap().stdout;
        let sum = String::from_utf8(sum).unwrap();
        assert_eq!(made(&format!("{name}_sha256")).trim_end(), sum.split(' ').next().unwrap());
        assert_eq!(rights(&secrets.join(name)), 0o400, "candor refuses what others can read");
    }
    assert_eq!(rights(&secrets), 0o700);
    let all = strings(&crate::compose::parse(&read("docker/compose.yml"))["secrets"]);
    assert!(all.iter().all(|name| secrets.join(name).is_file()), "{all:?}");
}
