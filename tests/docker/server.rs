//! `clickhouse/` apart from rights: the container's own user, what the server logs, and the script that runs
//! the statements.

use std::collections::BTreeSet;
use std::process::Command;

use crate::engine::Engine;
use crate::sql::users;
use crate::{read, root, with};

/// No such profile, user or role; no place to keep one.
const NO_PLACE: [&str; 4] = ["180", "192", "511", "514"];

/// Who runs the statements in the container is asked for no right that it does not have: only for a place to
/// keep users in, which the embedded engine does not have, and then for the users.
#[test]
fn the_containers_own_user_may_run_every_statement() {
    let users_xml = read("docker/clickhouse/users.d/default.xml");
    let engine =
        Engine::start(&with(&users_xml, "</networks>", "</networks><grants remove=\"1\"/>"));
    for statement in users() {
        let answer = engine.run(&statement);
        let code = answer.body.strip_prefix("Code: ").and_then(|it| it.split('.').next());
        assert!(code.is_some_and(|code| NO_PLACE.contains(&code)), "{statement}: {}", answer.body);
    }
}

/// The rule by which the server masks its logs, applied by the same library; the embedded engine has no such
/// rules.
#[test]
fn nothing_that_an_analyst_looked_for_stays_in_a_log() {
    let xml = read("docker/clickhouse/config.d/candor.xml");
    let of = |tag: &str| {
        let (_, rest) = xml.split_once(&format!("<{tag}>")).unwrap();
        rest.split_once('<').unwrap().0.replace('\\', "\\\\").replace('\'', "\\'")
    };
    let engine = Engine::start("<clickhouse/>");
    for message in [
        "SELECT 1 WHERE path = 'needle'",
        "SELECT 1 WHERE path = 'a\\'needle' OR path = 'b''needle'",
        "Setting x shouldn't be less than 1 (in query: SELECT 1 WHERE path = 'needle')",
        "SELECT 1 WHERE path = 'on two\nlines: needle' AND 1",
        "SELECT $$needle$$, $a$it's a needle$a$",
    ] {
        let text = message.replace('\\', "\\\\").replace('\'', "\\'");
        let masked = engine.sql(&format!(
            "SELECT replaceRegexpAll('{text}', '{}', '{}') FORMAT TSVRaw",
            of("regexp"),
            of("replace")
        ));
        assert!(masked.contains("'?'") && !masked.contains("needle"), "{masked}");
    }
    let plain = "SELECT count() FROM candor.statistics";
    let query = format!("SELECT replaceRegexpAll('{plain}', '{}', '')", of("regexp"));
    assert_eq!(engine.sql(&query), plain);
}

/// What `access.sh` hands to ClickHouse's client.
#[test]
fn the_script_runs_both_files_and_hands_over_hashes() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let client = "#!/bin/bash\nprintf '%s\\n' \"$*\" >>\"$OUT/called\"\n\
        case $* in *grants.sql*) echo 'GRANT 1;' ;; *users.sql*) ;; *) cat >\"$OUT/ran\" ;; esac\n";
    std::fs::write(at("clickhouse-client"), client).unwrap();
    std::fs::write(at("clickhouse_migrator_sha256"), "aa\n").unwrap();
    std::fs::write(at("clickhouse_quarantine_sha256"), "cc\n").unwrap();
    std::fs::write(at("clickhouse_sink_sha256"), "bb\n").unwrap();
    let chmod = Command::new("chmod").arg("755").arg(at("clickhouse-client")).status().unwrap();
    assert!(chmod.success());
    let run = |what: &str| {
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.arg(root().join("docker/clickhouse/access.sh")).arg(what).env("PATH", path);
        command.env("OUT", dir.path()).env("CANDOR_SECRETS", dir.path()).status().unwrap().code()
    };
    assert_eq!((run("users"), run("grants"), run("other")), (Some(0), Some(0), Some(64)));
    let called = std::fs::read_to_string(at("called")).unwrap();
    let local = "--host 127.0.0.1";
    assert_eq!(
        called.lines().collect::<BTreeSet<_>>(),
        BTreeSet::from([
            &*format!(
                "{local} --queries-file /etc/candor/users.sql --param_migrator=aa --param_quarantine=cc --param_sink=bb"
            ),
            &*format!("{local} --queries-file /etc/candor/grants.sql --format TSVRaw"),
            local,
        ])
    );
    assert_eq!(std::fs::read_to_string(at("ran")).unwrap(), "GRANT 1;\n");
}
