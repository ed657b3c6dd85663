//! Configurations as nobody should write them: taken or refused with what is wrong, and never a secret repeated.

use candor_hostile::attack;

use super::{Config, REFERENCE};

#[test]
fn hostile_configurations() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("candor.toml");
    let kafka = "[log]\nkind = \"kafka\"\n[kafka]\nbootstrap_servers = [\"a:1\"]\n[kafka.security]\n\
                 protocol = \"sasl_ssl\"\nmechanism = \"plain\"\nusername = \"u\"\npassword_file = \"/p\"\n\
                 [clickhouse]\nurl = \"https://h:1\"\nca_file = \"/c\"\n";
    let words =
        ["[sink]\n", "= 0\n", "\"\"\"", "true", "[[", "url = \"http://u:kanarienvogel@h\"\n"];
    let (mut taken, mut refused) = (0_u64, 0_u64);
    attack("configuration", &[REFERENCE.as_bytes(), kafka.as_bytes()], &words, |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return };
        match Config::parse(&path, text).and_then(|config| config.check()) {
            Ok(()) => taken += 1,
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().contains("kanarienvogel@"), "{error}");
            }
        }
    });
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
}
