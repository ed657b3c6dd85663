//! How often the country of a truncated address is that of the whole one: exact, by walking a database.
//!
//! `make geo`, then `cargo bench -p candor-benches --bench geo`; `CANDOR_GEO_COUNTRY` names another file.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures"
)]

use std::path::PathBuf;

use maxminddb::{LookupResult, Reader, WithinOptions, path};

/// What a policy may keep at most, and so what is looked up by.
const KEPT: [(&str, u8, u8); 3] =
    [("/24 and /48", 24, 48), ("/16 and /32", 16, 32), ("/8 and /16", 8, 16)];

fn main() {
    let fetched = concat!(env!("CARGO_MANIFEST_DIR"), "/../third_party/geo/country.mmdb");
    let file = std::env::var_os("CANDOR_GEO_COUNTRY").map_or_else(|| fetched.into(), PathBuf::from);
    let Ok(reader) = Reader::open_readfile(&file) else {
        println!("{} cannot be read: run `make geo`", file.display());
        return;
    };
    println!("{}", reader.metadata().database_type);
    for (name, v4, v6) in KEPT {
        let (four, six) = (agreement(&reader, v4, true), agreement(&reader, v6, false));
        println!("  by {name}: {four:.4} % of IPv4, {six:.4} % of IPv6 addresses that it knows");
    }
}

/// The share of addresses whose own country is that of the first address of their prefix.
fn agreement(reader: &Reader<Vec<u8>>, kept: u8, is_v4: bool) -> f64 {
    let (mut all, mut same) = (0.0_f64, 0.0_f64);
    for network in reader.networks(WithinOptions::default()).unwrap() {
        let found = network.unwrap();
        let network = found.network().unwrap();
        let country = country(&found);
        if network.is_ipv4() != is_v4 || country.is_empty() {
            continue;
        }
        let bits = if is_v4 { 32 } else { 128 };
        let addresses = f64::from(bits - i32::from(network.prefix())).exp2();
        all += addresses;
        // Whoever is coarser than what is kept lies whole in one network.
        let is_whole = network.prefix() <= kept;
        if is_whole || first_of(reader, network, kept) == country {
            same += addresses;
        }
    }
    100.0 * same / all
}

/// The country of the first address of the prefix that a network lies in.
fn first_of(reader: &Reader<Vec<u8>>, network: ipnetwork::IpNetwork, kept: u8) -> String {
    let prefix = ipnetwork::IpNetwork::new(network.ip(), kept).unwrap();
    country(&reader.lookup(prefix.network()).unwrap())
}

fn country(found: &LookupResult<'_, Vec<u8>>) -> String {
    let places: [&[_]; 2] = [&path!["country", "iso_code"], &path!["country_code"]];
    let read = |place: &&[_]| found.decode_path::<String>(place).ok().flatten();
    places.iter().find_map(read).unwrap_or_default()
}
