//! Country, region, city and network, from databases in the MaxMind format.
//!
//! What is looked up is never finer than a /24 or a /48, so a database that splits one loses that
//! detail: the price of never holding the rest. Two layouts of records are read, the nested one of
//! `GeoIP2` and the flat one of ip-location-db.

use std::path::{Path, PathBuf};

use candor_event::{Event, Field, FieldSet};
use maxminddb::{LookupResult, MaxMindDbError, Reader, path};

use crate::client_ip::LookupPrefix;

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
    #[source]
    source: MaxMindDbError,
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

    pub(super) fn fill(&self, event: &mut Event, prefix: &LookupPrefix, fields: FieldSet) {
        let of_places = FieldSet::of(&[Field::Country, Field::Region, Field::City]);
        let wants_place = of_places.iter().any(|field| fields.contains(field));
        if let Some(reader) = self.places.as_ref().filter(|_| wants_place)
            && let Ok(found) = reader.lookup(prefix.network())
        {
            place(event, &found, fields);
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
