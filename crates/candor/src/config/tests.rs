use super::*;

/// The reference with every `# key = value` taken out of its comment. Prose has no ` = `.
fn uncommented() -> String {
    let is_key = |line: &str| {
        let name = line.strip_prefix("# ").and_then(|line| line.split_once(" = "));
        name.is_some_and(|(name, _)| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'))
    };
    let line = |line: &str| if is_key(line) { line.replacen("# ", "", 1) } else { line.to_owned() };
    REFERENCE.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn load(text: &str) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("candor.toml");
    std::fs::write(&path, text).unwrap();
    let config = Config::load(Some(&path)).map_err(|error| error.to_string())?;
    config.check().map_err(|error| error.to_string())?;
    Ok(config)
}

#[test]
fn the_reference_is_the_defaults() {
    let reference: Config = toml::from_str(REFERENCE).unwrap();
    assert_eq!(format!("{reference:?}"), format!("{:?}", Config::default()));
}

#[test]
fn every_key_of_the_reference_is_read() {
    let config: Config = toml::from_str(&uncommented()).unwrap();
    assert!(config.keys.file.is_some() && config.geo.places.is_some());
    assert!(config.clickhouse.password_file.is_some());
}

#[test]
fn an_unknown_key_is_refused() {
    let refused = load("[sink]\nbatch_ago_ms = 5\n").unwrap_err();
    assert!(refused.contains("batch_ago_ms") && refused.contains("line 2"), "{refused}");
}

#[test]
fn a_key_that_moved_says_where_to() {
    let refused = load("[log]\nlevel = \"debug\"\n").unwrap_err();
    assert!(refused.contains("[telemetry]") && refused.contains("line 2"), "{refused}");
}

#[test]
fn what_has_fallen_away_says_what_to_do() {
    for value in [true, false] {
        let refused = load(&format!("[keys]\nsole_collector = {value}\n")).unwrap_err();
        for words in ["take the line out", "[keys.fleet]", "line 2"] {
            assert!(refused.contains(words), "{refused}");
        }
    }
}

#[test]
fn what_could_not_be_held_is_refused() {
    let numbers =
        ["connections_max = 0", "limits.networks_max = 0", "limits.networks_max = 99999999"];
    for number in numbers {
        let refused = load(&format!("[collector]\n{number}\n")).unwrap_err();
        assert!(refused.contains("must be"), "{refused}");
    }
}

#[test]
fn a_fleet_that_is_half_configured_is_refused() {
    let refused = load("[keys.fleet]\nlisten = '127.0.0.1:8091'\n").unwrap_err();
    assert!(refused.contains("ca_file"), "{refused}");
    let refused = load("[keys.fleet]\nleader = 'nowhere'\n").unwrap_err();
    assert!(refused.contains("HOST:PORT") && refused.contains("line 2"), "{refused}");
}

#[test]
fn the_log_is_a_journal_unless_it_is_said_to_be_kafka() {
    assert_eq!(load("").unwrap().log.kind, LogKind::Journal);
    assert_eq!(load("[log]\nkind = \"kafka\"\n").unwrap().log.kind, LogKind::Kafka);
    let refused = load("[log]\nkind = \"rabbits\"\n").unwrap_err();
    assert!(refused.contains("journal") && refused.contains("kafka"), "{refused}");
}

#[test]
fn a_journal_is_refused_by_the_parts_with_both_ways_out() {
    let journal = load("").unwrap();
    let refused = journal.need_kafka("collect", "use `candor up`").unwrap_err().to_string();
    assert!(refused.contains("candor up") && refused.contains("kind = \"kafka\""), "{refused}");
    let kafka = load("[log]\nkind = \"kafka\"\n").unwrap();
    assert!(kafka.need_kafka("collect", "use `candor up`").is_ok());
}

#[test]
fn a_password_stands_in_a_file_of_its_own() {
    let refused = load("[clickhouse]\npassword = \"x\"\n").unwrap_err();
    assert!(refused.contains("password_file"), "{refused}");
    let missing = load("[clickhouse]\npassword_file = \"/none\"\n").unwrap().server();
    assert!(missing.unwrap_err().to_string().contains("/none"));
}

/// Secrets where they belong, and where they do not: neither what is printed of a configuration nor what is said
/// of a wrong one shows them.
#[test]
fn no_secret_is_printed_or_repeated() {
    const CANARY: &str = "kanarienvogel";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, CANARY).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let text = format!(
        "[clickhouse]\nuser = \"u\"\npassword_file = {file:?}\n[log]\nkind = \"kafka\"\n\
         [kafka.security]\nprotocol = \"sasl_ssl\"\nmechanism = \"plain\"\nusername = \"u\"\n\
         password_file = {file:?}\n"
    );
    let config = load(&text).unwrap();
    let server = config.server().unwrap();
    assert!(server.password.is_some());
    let store = candor_store::Store::new(&server);
    let printed = format!("{config:?}{server:#?}{store:?}{:?}", config.kafka().unwrap());
    assert!(!printed.contains(CANARY), "{printed}");

    let wrong = [
        format!("[clickhouse]\nurl = \"http://u:{CANARY}@host:8123\"\n"),
        format!("[clickhouse]\nurl = \"https://host/?password={CANARY}\"\n"),
        format!("[clickhouse]\nurl = \"{CANARY}\"\n"),
        format!("[clickhouse]\npassword = \"{CANARY}\"\n"),
        format!("[kafka.security]\npassword = \"{CANARY}\"\n"),
        format!("[kafka.security]\npassword_file = \"{CANARY}\n"),
    ];
    for text in wrong {
        let refused = load(&text).unwrap_err();
        assert!(refused.contains("line 2") && !refused.contains(CANARY), "{refused}");
    }
}

#[test]
fn tls_to_clickhouse_needs_somebody_to_trust() {
    let https = "[clickhouse]\nurl = \"https://host:8443\"\n";
    assert!(load(https).unwrap_err().contains("ca_file"));
    let http = "[clickhouse]\nurl = \"http://host\"\nca_file = \"/etc/passwd\"\n";
    assert!(load(http).unwrap_err().contains("ca_file"));
    let nobody = load(&format!("{https}ca_file = \"/etc/passwd\"\n")).unwrap();
    assert!(
        nobody.server().unwrap_err().to_string().contains("/etc/passwd: it holds no certificate")
    );
}

#[test]
fn the_embedded_engine_gets_no_credentials() {
    let config = load("[clickhouse]\nuser = \"u\"\ndatabase = \"d\"\n").unwrap();
    let embedded = config.embedded("http://127.0.0.1:1".to_owned());
    assert_eq!((embedded.user, embedded.database.as_str()), (None, "d"));
}

#[test]
fn visitors_are_asked_for_no_certificate() {
    let files = "certificate_file = \"c\"\nkey_file = \"k\"\nclient_ca_file = \"a\"\n";
    let refused = load(&format!("[collector.tls]\n{files}")).unwrap_err();
    assert!(refused.contains("[admin.tls]"), "{refused}");
    assert!(load(&format!("[admin.tls]\n{files}")).is_ok());
    assert!(load("[admin.tls]\ncertificate_file = \"c\"\n").unwrap_err().contains("key_file"));
}

#[test]
fn an_engine_for_everyone_is_refused() {
    let mut config = Config::default();
    config.engine.listen = ([0, 0, 0, 0], 8123).into();
    assert!(config.check().is_err());
}
