//! Country, region, city and network, from databases in the MaxMind format.
//!
//! What is looked up is never finer than what the policy keeps of the address, and never finer than a /24 or
//! a /48, so a database that splits one loses that detail: the price of never holding the rest. A place is
//! no finer than the policy's geography, whatever the fields say. Two layouts of records are read, the nested one of
//! `GeoIP2` and the flat one of ip-location-db.

use std::path::{Path, PathBuf};

use candor_event::{Event, Field, FieldSet};
use maxminddb::{LookupResult, MaxMindDbError, Reader, path};

use crate::anonymize::Lookup;

/// The databases in use; each is optional.
#[derive(Debug, Default)]
pub struct Geo {
    places: Option<Reader<Vec<u8>>>,
    networks: Option<Reader<Vec<u8>>>,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the address database {path}: fetch it again, or leave the setting out")]
pub struct GeoError {
    path: PathBuf,
    /// What is wrong with it.
    pub source: MaxMindDbError,
}

impl Geo {
    /// Reads a country or city database, and one of autonomous systems, into memory and verifies
    /// them: a file that is mapped instead would crash the process when it is replaced.
    ///
    /// # Errors
    /// [`GeoError`] when a file is missing or damaged.
    pub fn open(places: Option<&Path>, networks: Option<&Path>) -> Result<Self, GeoError> {
        Ok(Self {
            places: places.map(open).transpose()?,
            networks: networks.map(open).transpose()?,
        })
    }

    pub(super) fn fill(&self, event: &mut Event, Lookup { prefix, fields }: &Lookup) {
        let of_places = FieldSet::of(&[Field::Country, Field::Region, Field::City]);
        let wants_place = of_places.iter().any(|field| fields.contains(field));
        if let Some(reader) = self.places.as_ref().filter(|_| wants_place)
            && let Ok(found) = reader.lookup(prefix.network())
        {
            place(event, &found, *fields);
        }
        if let Some(reader) = self.networks.as_ref().filter(|_| fields.contains(Field::Network))
            && let Ok(found) = reader.lookup(prefix.network())
        {
            event.network = text(&found, &[&path!["autonomous_system_organization"]]);
            let number = found.decode_path::<u32>(&path!["autonomous_system_number"]);
            event.network_number = number.ok().flatten().unwrap_or_default();
        }
    }
}

type Found<'a> = LookupResult<'a, Vec<u8>>;

fn place(event: &mut Event, found: &Found<'_>, fields: FieldSet) {
    if fields.contains(Field::Country) {
        event.country = text(found, &[&path!["country", "iso_code"], &path!["country_code"]]);
    }
    if fields.contains(Field::Region) {
        event.region = text(found, &[&path!["subdivisions", 0, "iso_code"], &path!["state1"]]);
    }
    if fields.contains(Field::City) {
        event.city = text(found, &[&path!["city", "names", "en"], &path!["city"]]);
    }
}

/// The text at the first of these places that has one.
fn text(found: &Found<'_>, places: &[&[maxminddb::PathElement<'_>]]) -> String {
    let read = |place: &&[_]| found.decode_path::<&str>(place).ok().flatten();
    places.iter().find_map(read).unwrap_or_default().to_owned()
}

fn open(path: &Path) -> Result<Reader<Vec<u8>>, GeoError> {
    let failed = |source| GeoError { path: path.to_owned(), source };
    let reader = Reader::open_readfile(path).map_err(failed)?;
    reader.verify().map_err(failed)?;
    Ok(reader)
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
        let mut database = Database::default();
        database.metadata.binary_format_major_version = 2;
        database.metadata.build_epoch = 1;
        database.metadata.database_type = "Test".to_owned();
        database.metadata.description.insert("en".to_owned(), "Test".to_owned());
        let record = database.insert_value(record).unwrap();
        database.insert_node("192.0.2.0/24".parse::<IpAddrWithMask>().unwrap(), record);
        let file = tempfile::NamedTempFile::new().unwrap();
        database.write_to(file.as_file()).unwrap();
        file
    }

    fn look_up(database: &tempfile::NamedTempFile, address: &'static str, v4: u8) -> Event {
        let geo = Geo::open(Some(database.path()), Some(database.path())).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static(address));
        let peer = Peer::new("127.0.0.1:1".parse().unwrap());
        let client = ClientIp::of_request(&peer, &headers, &TrustedProxies::default());
        let mut event = Event::default();
        let prefix = client.lookup_prefix(v4, 48).unwrap();
        geo.fill(&mut event, &Lookup { prefix, fields: FieldSet::of(&Field::ALL) });
        event
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
        let event = look_up(&flat, "192.0.2.77", 24);
        let place = (event.country.as_str(), event.region.as_str(), event.city.as_str());
        assert_eq!(place, ("FI", "18", "Espoo"));

        let network = database(Network {
            autonomous_system_number: 64_500,
            autonomous_system_organization: "Example",
        });
        let event = look_up(&network, "192.0.2.77", 24);
        assert_eq!((event.network_number, event.network.as_str()), (64_500, "Example"));
        assert_eq!(look_up(&network, "198.51.100.1", 24), Event::default(), "not in it");
        assert_eq!(look_up(&network, "192.0.2.77", 16), Event::default(), "192.0.0.0 is not in it");
    }
}
