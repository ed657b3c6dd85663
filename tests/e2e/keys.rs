//! Hashed addresses: equal within an epoch, different across, and not to be found again from
//! anything that is stored.

use std::path::Path;

use candor_tests::{Candor, Options, files, hash_under, hex, policy};

use super::pageview;

/// The network whose addresses are tried: 198.51.0.0/16.
const NETWORK: [u8; 2] = [198, 51];

fn hashing(keys: &str) -> Candor {
    Candor::start(Options {
        policy: Some(policy().with("[address]\nmode = \"hash\"").purpose(
            "statistics",
            "consent",
            "1 months",
            &["path", "address"],
        )),
        config: format!("[clickhouse.tables]\ncompressed = false\n{keys}"),
        ..Options::default()
    })
}

fn send_from(candor: &Candor, address: &str) {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    assert_eq!(candor.beacons().post("/v1/events", &headers, pageview("")).status, 202);
}

fn stored_hashes(candor: &Candor, count: usize) -> Vec<String> {
    candor.sql_becomes("SELECT count() FROM candor.statistics", &count.to_string());
    let query = "SELECT replaceAll(toString(address_hash), '-', '') FROM candor.statistics ORDER BY received_at";
    candor.sql(query).lines().map(str::to_owned).collect()
}

#[test]
fn equal_within_an_epoch_and_different_across() {
    let candor = hashing("[keys]\nrotation_s = 3\noverlap_s = 1\n");
    let mut sent = 0;
    let mut hashes = Vec::new();
    while hashes.is_empty() || hashes.first() == hashes.last() {
        send_from(&candor, "198.51.100.77");
        send_from(&candor, "198.51.100.77");
        sent += 2;
        hashes = stored_hashes(&candor, sent);
        assert!(sent < 200, "no rotation was seen");
    }
    let mut distinct = hashes.clone();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() < hashes.len(), "within an epoch they are equal: {hashes:?}");
    let epochs = candor.sql("SELECT uniqExact(key_epoch) FROM candor.statistics");
    assert_eq!(epochs, distinct.len().to_string(), "rows name their epoch");
}

#[test]
fn two_purposes_cannot_be_joined_by_an_id() {
    let fields = ["path", "address", "visitor"];
    let candor = Candor::with_policy(
        policy()
            .with("[address]\nmode = \"hash\"\n[visitor]\nmode = \"rotating\"")
            .purpose("statistics", "consent", "1 months", &fields)
            .purpose("security", "legitimate-interest", "7 days", &fields),
    );
    send_from(&candor, "198.51.100.77");
    send_from(&candor, "198.51.100.77");
    let distinct = |purpose: &str| {
        candor.sql_becomes(&format!("SELECT count() FROM candor.{purpose}"), "2");
        candor.sql(&format!("SELECT DISTINCT address_hash, visitor FROM candor.{purpose}"))
    };
    let (statistics, security) = (distinct("statistics"), distinct("security"));
    assert_eq!(
        (statistics.lines().count(), security.lines().count()),
        (1, 1),
        "the same within one"
    );
    let ids = |row: &str| row.split('\t').map(str::to_owned).collect::<Vec<_>>();
    let (statistics, security) = (ids(&statistics), ids(&security));
    assert!(statistics.iter().all(|id| !security.contains(id)), "{statistics:?} {security:?}");
}

/// With the key, the whole network falls at once: the search below can find what is there.
#[test]
fn the_key_alone_would_find_it() {
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let file = memory.path().join("key");
    let candor = hashing(&format!("[keys]\nfile = {file:?}\n"));
    send_from(&candor, "198.51.100.77");
    let stored = stored_hashes(&candor, 1).remove(0);
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.windows(32).any(|key| hex(&hash_under(key, [198, 51, 100, 77])) == stored));
}

#[test]
fn nothing_that_is_stored_finds_it_again() {
    let mut candor = hashing("");
    send_from(&candor, "198.51.100.77");
    let stored = stored_hashes(&candor, 1).remove(0);
    candor.stop();

    // Who knows the address already and tries every stored byte sequence as a key.
    for file in files(&candor.data()) {
        let bytes = std::fs::read(&file).unwrap();
        let found =
            bytes.windows(32).any(|key| hex(&hash_under(key, [198, 51, 100, 77])) == stored);
        assert!(!found, "a key lies in {}", file.display());
    }
    // Who tries the whole network without a key, or with what the rows say beside the hash.
    let target = stored.as_bytes();
    for (third, fourth) in (0..=255).flat_map(|c| (0..=255).map(move |d| (c, d))) {
        let address = [NETWORK[0], NETWORK[1], third, fourth];
        let plain = blake3::hash(&address);
        assert_ne!(plain.to_hex().as_bytes()[..32], *target);
        assert_ne!(hex(&hash_under(&[0; 32], address)).as_bytes(), target);
    }
    assert!(!Path::new("/dev/shm/candor").exists(), "no key file unless it is asked for");
}
