//! MaxMind's own test databases.

use std::path::PathBuf;

/// One of them.
pub fn geo_database(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../third_party/maxminddb");
    let path = root.join(name);
    assert!(path.is_file(), "{} is missing: run `make test`", path.display());
    path
}

/// The lines of `candor.toml` that name two of them.
pub fn geo_config(places: &str, networks: &str) -> String {
    let (places, networks) = (geo_database(places), geo_database(networks));
    format!("[geo]\nplaces = '{}'\nnetworks = '{}'\n", places.display(), networks.display())
}
