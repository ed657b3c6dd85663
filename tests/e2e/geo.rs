//! Country, region, city and network, from MaxMind's own test databases.

use std::process::Command;

use candor_tests::{Candor, Options, eventually, geo_config, geo_database, policy, program};

#[test]
fn places_and_networks_are_looked_up_by_prefix() {
    let fields = ["path", "country", "region", "city", "network"];
    let candor = Candor::start(Options {
        policy: Some(policy().with("[address]\nmode = \"drop\"\ngeography = \"city\"").purpose(
            "statistics",
            "consent",
            "1 months",
            &fields,
        )),
        config: geo_config("GeoLite2-City-Test.mmdb", "GeoLite2-ASN-Test.mmdb"),
        ..Options::default()
    });
    let cases = [
        ("175.16.199.77", "CN\t22\tChangchun\t0\t"),
        ("1.128.7.9", "\t\t\t1221\tTelstra Pty Ltd"),
        ("2001:218:1:2::3", "JP\t\t\t0\t"),
        // The database knows parts of this /24 only; its first address is in none of them.
        ("81.2.69.160", "\t\t\t0\t"),
        ("192.0.2.1", "\t\t\t0\t"),
    ];
    for (n, (address, _)) in cases.iter().enumerate() {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", *address)];
        let body = format!(r#"{{"site":"demo","url":"http://localhost/{n}","consent":true}}"#);
        assert_eq!(candor.beacons().post("/v1/events", &headers, body).status, 202);
    }
    candor.sql_becomes("SELECT count() FROM candor.statistics", &cases.len().to_string());
    for (n, (address, want)) in cases.iter().enumerate() {
        let columns = "country, region, city, network_number, network";
        let row = candor
            .sql_answer(&format!("SELECT {columns} FROM candor.statistics WHERE path = '/{n}'"));
        assert_eq!(row.body.trim_end_matches('\n'), *want, "{address}");
    }
}

#[test]
fn a_broken_or_missing_database_is_a_clear_error_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let start = |path: &str| {
        std::fs::write(dir.path().join("candor.toml"), format!("[geo]\nplaces = {path:?}\n"))
            .unwrap();
        let run = Command::new(program("candor"))
            .current_dir(dir.path())
            .args([
                "up",
                "--config",
                "candor.toml",
                "--listen",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
            ])
            .args(["--clickhouse", "127.0.0.1:0"])
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(64));
        String::from_utf8_lossy(&run.stderr).into_owned()
    };
    std::fs::write(dir.path().join("empty.mmdb"), b"").unwrap();
    let broken = geo_database("GeoIP2-City-Test-Broken-Double-Format.mmdb");
    for path in ["missing.mmdb", "empty.mmdb", broken.to_str().unwrap()] {
        let text = start(path);
        assert!(text.contains("address database") && text.contains(path), "{path}: {text}");
    }
}

#[test]
fn a_table_of_networks_is_replaced_while_beacons_come_in() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("networks.csv");
    let name = |name: &str| {
        let draft = dir.path().join("draft");
        std::fs::write(&draft, format!("203.0.113.0,203.0.113.255,64500,\"{name}\"\n")).unwrap();
        std::fs::rename(draft, &file).unwrap();
    };
    name("Before, Inc.");
    let candor = Candor::start(Options {
        policy: Some(policy().purpose("statistics", "consent", "1 months", &["path", "network"])),
        config: format!("[geo]\nnetworks = '{}'\n", file.display()),
        ..Options::default()
    });
    let network_of = |page: &str| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", "203.0.113.9")];
        let body = format!(r#"{{"site":"demo","url":"http://localhost/{page}","consent":true}}"#);
        assert_eq!(candor.beacons().post("/v1/events", &headers, body).status, 202);
        let row = format!("SELECT network FROM candor.statistics WHERE path = '/{page}'");
        candor.sql_becomes(&format!("SELECT count() FROM ({row})"), "1");
        candor.sql(&row)
    };
    assert_eq!(network_of("a"), "Before, Inc.");

    std::fs::write(&file, "no table\n").unwrap();
    eventually("a damaged table is refused", || {
        candor.log().contains("stay as they were").then_some(())
    });
    assert_eq!(network_of("b"), "Before, Inc.");

    name("After");
    let mut pages = ('c'..='z').map(|page| page.to_string());
    eventually("the new table is used", || {
        (network_of(&pages.next().unwrap()) == "After").then_some(())
    });
}
