//! Country, region, city and network, from databases in the MaxMind format, and networks from a table of
//! ranges too.
//!
//! What is looked up is never finer than what the policy keeps of the address, and never finer than a /24 or
//! a /48, so a database that splits one loses that detail: the price of never holding the rest. A place is
//! no finer than the policy's geography, whatever the fields say. Two layouts of records are read, the nested one of
//! `GeoIP2` and the flat one of ip-location-db.

mod table;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use candor_event::draft::Facts;
use candor_event::{Field, FieldSet};
use maxminddb::{LookupResult, MaxMindDbError, Reader, WithinOptions, path};
use serde::de::IgnoredAny;

use crate::anonymize::Lookup;
use crate::client_ip::LookupPrefix;
use table::{Table, TableError};

/// The databases in use; each is optional. Others can be put in their place at any time: an event is looked
/// up in those before or in those after, never in some of each.
#[derive(Debug, Default)]
pub struct Geo(ArcSwap<Databases>);

/// Those that one event is looked up in.
#[derive(Debug, Default)]
pub(crate) struct Databases {
    places: Option<Reader<Vec<u8>>>,
    networks: Option<Networks>,
}

/// Whose network an address lies in.
#[derive(Debug)]
enum Networks {
    Database(Reader<Vec<u8>>),
    Table(Table),
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the address database {path}: fetch it again, or leave the setting out")]
pub struct GeoError {
    path: PathBuf,
    source: Damage,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error(transparent)]
    Database(#[from] MaxMindDbError),
    #[error("it has no {0}: is it a database of something else?")]
    Kind(&'static str),
    #[error(transparent)]
    Table(#[from] TableError),
}

/// A database that is in use, for people: what kind it is, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeoSource {
    /// What is looked up in it: `places` or `networks`.
    pub of: &'static str,
    /// What it calls itself.
    pub kind: String,
    /// When it was made, as seconds since 1970; a table does not say.
    pub built_at: Option<i64>,
}

impl Geo {
    /// Reads a country or city database, and one of autonomous systems (`.mmdb`, or a table `.csv`), into
    /// memory and verifies them: a file that is mapped instead would crash the process when it is replaced.
    ///
    /// # Errors
    /// [`GeoError`] when a file is missing or damaged.
    pub fn open(places: Option<&Path>, networks: Option<&Path>) -> Result<Self, GeoError> {
        let databases = Databases {
            places: places.map(open_places).transpose()?,
            networks: networks.map(Networks::open).transpose()?,
        };
        Ok(Self(ArcSwap::from_pointee(databases)))
    }

    pub(crate) fn replace(&self, other: Self) {
        self.0.store(other.0.into_inner());
    }

    /// What is in use.
    pub fn sources(&self) -> Vec<GeoSource> {
        let database = |of, reader: &Reader<Vec<u8>>| {
            let metadata = reader.metadata();
            let built_at = i64::try_from(metadata.build_epoch).ok();
            GeoSource { of, kind: metadata.database_type.clone(), built_at }
        };
        let databases = self.0.load();
        let places = databases.places.as_ref().map(|reader| database("places", reader));
        let networks = databases.networks.as_ref().map(|networks| match networks {
            Networks::Database(reader) => database("networks", reader),
            Networks::Table(_) => {
                GeoSource { of: "networks", kind: "table of ranges".to_owned(), built_at: None }
            }
        });
        places.into_iter().chain(networks).collect()
    }

    pub(super) fn databases(&self) -> Guard<Arc<Databases>> {
        self.0.load()
    }
}

// === impl Databases ===

impl Databases {
    pub(super) fn fill<'a>(&'a self, facts: &mut Facts<'a>, Lookup { prefix, fields }: &Lookup) {
        let of_places = FieldSet::of(&[Field::Country, Field::Region, Field::City]);
        let wants_place = of_places.iter().any(|field| fields.contains(field));
        if let Some(reader) = self.places.as_ref().filter(|_| wants_place)
            && let Ok(found) = reader.lookup(prefix.network())
        {
            place(facts, &found, *fields);
        }
        if let Some(networks) = self.networks.as_ref().filter(|_| fields.contains(Field::Network)) {
            networks.fill(facts, prefix);
        }
    }
}

// === impl Networks ===

impl Networks {
    fn open(path: &Path) -> Result<Self, GeoError> {
        if path.extension().is_none_or(|extension| extension != "csv") {
            return open(path, "networks", network).map(Self::Database);
        }
        let failed = |source: TableError| GeoError { path: path.to_owned(), source: source.into() };
        Table::open(path).map(Self::Table).map_err(failed)
    }

    fn fill<'a>(&'a self, facts: &mut Facts<'a>, prefix: &LookupPrefix) {
        match self {
            Self::Database(reader) => {
                let Ok(found) = reader.lookup(prefix.network()) else {
                    return;
                };
                network(facts, &found);
            }
            Self::Table(table) => {
                if let Some((number, name)) = table.find(prefix.network()) {
                    (facts.network_number, facts.network) = (number, name);
                }
            }
        }
    }
}

impl fmt::Display for GeoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.of, self.kind)
    }
}

type Found<'a> = LookupResult<'a, Vec<u8>>;

fn place<'a>(facts: &mut Facts<'a>, found: &Found<'a>, fields: FieldSet) {
    if fields.contains(Field::Country) {
        facts.country = text(found, &[&path!["country", "iso_code"], &path!["country_code"]]);
    }
    if fields.contains(Field::Region) {
        facts.region = text(found, &[&path!["subdivisions", 0, "iso_code"], &path!["state1"]]);
    }
    if fields.contains(Field::City) {
        facts.city = text(found, &[&path!["city", "names", "en"], &path!["city"]]);
    }
}

fn network<'a>(facts: &mut Facts<'a>, found: &Found<'a>) {
    facts.network = text(found, &[&path!["autonomous_system_organization"]]);
    let number = found.decode_path::<u32>(&path!["autonomous_system_number"]);
    facts.network_number = number.ok().flatten().unwrap_or_default();
}

/// The text at the first of these places that has one.
fn text<'a>(found: &Found<'a>, places: &[&[maxminddb::PathElement<'_>]]) -> &'a str {
    let read = |place: &&[_]| found.decode_path::<&str>(place).ok().flatten();
    places.iter().find_map(read).unwrap_or_default()
}

fn open_places(path: &Path) -> Result<Reader<Vec<u8>>, GeoError> {
    let fields = FieldSet::of(&[Field::Country, Field::Region, Field::City]);
    open(path, "country, region or city", |facts, found| place(facts, found, fields))
}

/// Records that are asked whether they have what is looked up.
const ASKED: usize = 4_096;

/// Whether any of the first records says anything of it.
fn says_any(
    reader: &Reader<Vec<u8>>,
    fill: impl for<'a> Fn(&mut Facts<'a>, &Found<'a>),
) -> Result<bool, MaxMindDbError> {
    for network in reader.networks(WithinOptions::default())?.take(ASKED) {
        let mut facts = Facts::default();
        fill(&mut facts, &network?);
        if facts != Facts::default() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn open(
    path: &Path,
    what: &'static str,
    fill: impl for<'a> Fn(&mut Facts<'a>, &Found<'a>),
) -> Result<Reader<Vec<u8>>, GeoError> {
    let failed = |source: MaxMindDbError| GeoError { path: path.to_owned(), source: source.into() };
    let reader = Reader::open_readfile(path).map_err(failed)?;
    // The library's own check refuses what has no description, as databases of ip-location-db have not.
    let is_sound =
        if reader.metadata().description.is_empty() { walk(&reader) } else { reader.verify() };
    is_sound.map_err(failed)?;
    if !says_any(&reader, fill).map_err(failed)? {
        return Err(GeoError { path: path.to_owned(), source: Damage::Kind(what) });
    }
    Ok(reader)
}

/// Reads every record once.
fn walk(reader: &Reader<Vec<u8>>) -> Result<(), MaxMindDbError> {
    let mut seen = HashSet::new();
    for network in reader.networks(WithinOptions::default())? {
        let found = network?;
        if found.offset().is_some_and(|offset| seen.insert(offset)) {
            found.decode::<IgnoredAny>()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use maxminddb_writer::Database;
    use maxminddb_writer::paths::IpAddrWithMask;

    use super::*;
    use crate::{ClientIp, Peer, TrustedProxies};

    /// A database with one record for 192.0.2.0/24.
    fn database(record: impl serde::Serialize) -> tempfile::NamedTempFile {
        of(record, "Test")
    }

    /// The same, with another description, or none.
    fn of(record: impl serde::Serialize, description: &str) -> tempfile::NamedTempFile {
        let mut database = Database::default();
        database.metadata.binary_format_major_version = 2;
        database.metadata.build_epoch = 1;
        database.metadata.database_type = "Test".to_owned();
        if !description.is_empty() {
            database.metadata.description.insert("en".to_owned(), description.to_owned());
        }
        let record = database.insert_value(record).unwrap();
        database.insert_node("192.0.2.0/24".parse::<IpAddrWithMask>().unwrap(), record);
        let file = tempfile::NamedTempFile::new().unwrap();
        database.write_to(file.as_file()).unwrap();
        file
    }

    /// Country, region, city, network and its number.
    type Place = ([String; 4], u32);

    fn look_up(database: &tempfile::NamedTempFile, address: &'static str, v4: u8) -> Place {
        let path = Some(database.path());
        let geo = Geo::open(path, None).or_else(|_| Geo::open(None, path)).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static(address));
        let peer = Peer::new("127.0.0.1:1".parse().unwrap());
        let client = ClientIp::of_request(&peer, &headers, &TrustedProxies::default());
        let databases = geo.databases();
        let mut facts = Facts::default();
        let prefix = client.lookup_prefix(v4, 48).unwrap();
        databases.fill(&mut facts, &Lookup { prefix, fields: FieldSet::of(&Field::ALL) });
        let Facts { country, region, city, network, network_number, .. } = facts;
        ([country, region, city, network].map(str::to_owned), network_number)
    }

    #[test]
    fn a_database_without_a_description_is_read_through() {
        #[derive(serde::Serialize)]
        struct Flat {
            country_code: &'static str,
        }
        let undescribed = of(Flat { country_code: "SE" }, "");
        assert_eq!(look_up(&undescribed, "192.0.2.77", 24).0[0], "SE");
        let mut bytes = std::fs::read(undescribed.path()).unwrap();
        let at = bytes.windows(2).position(|pair| pair == b"SE").unwrap();
        // The control byte before the text says how long it is: it now says longer than the file.
        bytes[at - 1] = 0x5e;
        std::fs::write(undescribed.path(), bytes).unwrap();
        assert!(Geo::open(Some(undescribed.path()), None).is_err());
    }

    #[test]
    fn a_database_of_something_else_is_refused() {
        #[derive(serde::Serialize)]
        struct Other {
            isp: &'static str,
        }
        let other = database(Other { isp: "Example" });
        for (places, networks) in [(Some(other.path()), None), (None, Some(other.path()))] {
            let refused = Geo::open(places, networks).unwrap_err();
            assert!(matches!(refused.source, Damage::Kind(_)), "{refused:?}");
        }
    }

    #[test]
    fn both_layouts_are_read() {
        #[derive(serde::Serialize)]
        struct Flat {
            country_code: &'static str,
            city: &'static str,
            state1: &'static str,
        }
        #[derive(serde::Serialize)]
        struct Network {
            autonomous_system_number: u32,
            autonomous_system_organization: &'static str,
        }
        let flat = database(Flat { country_code: "FI", city: "Espoo", state1: "18" });
        let (names, _) = look_up(&flat, "192.0.2.77", 24);
        assert_eq!(names, ["FI", "18", "Espoo", ""]);

        let network = database(Network {
            autonomous_system_number: 64_500,
            autonomous_system_organization: "Example",
        });
        let (names, number) = look_up(&network, "192.0.2.77", 24);
        assert_eq!((number, names[3].as_str()), (64_500, "Example"));
        assert_eq!(look_up(&network, "198.51.100.1", 24), Place::default(), "not in it");
        assert_eq!(look_up(&network, "192.0.2.77", 16), Place::default(), "192.0.0.0 is not in it");
    }
}
