//! Takes a visitor's address and gives back what may be kept of it. After this step no type can hold
//! an address.

use std::ops::Deref;
use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use candor_event::draft::Facts;
use candor_event::{EventId, Field, FieldSet, Site, StoredAddress, Timestamp};
use candor_policy::{AddressMode, Geography, Policy, VisitorMode};

use crate::beacon::Beacon;
use crate::client_ip::{ClientIp, LookupPrefix};
use crate::key::{Epoch, SiteKey};

/// What is left of an address.
pub(crate) struct Anonymized {
    address: Option<StoredAddress>,
    address_hash: Option<[u8; 16]>,
    visitor: Option<[u8; 16]>,
    visitor_previous: Option<[u8; 16]>,
    /// The key that any of them was made with; 0 when none was.
    pub(crate) key_epoch: u64,
    /// For [`enrich`](mod@crate::enrich).
    pub(crate) lookup: Option<Lookup>,
}

/// What is to be looked up, and by how much of the address. It has no encoding, and is not even formed
/// when no grant covers what could be found.
pub(crate) struct Lookup {
    pub(crate) prefix: LookupPrefix,
    /// Places no finer than the policy's geography, and the network.
    pub(crate) fields: FieldSet,
}

/// Everything that anonymising looks at.
pub(crate) struct Subject<'a> {
    pub(crate) client: &'a ClientIp,
    pub(crate) user_agent: &'a str,
    pub(crate) beacon: &'a Beacon<'a>,
    pub(crate) site: &'a Site,
    pub(crate) policy: &'a Policy,
    /// What at least one purpose may keep.
    pub(crate) fields: FieldSet,
}

/// Truncates or hashes the address and forms the visitor's pseudonym, as the policy says. The site's key is
/// derived when something is to be hashed.
pub(crate) fn anonymize(
    subject: &Subject<'_>,
    epoch: &Epoch,
    site_key: &impl Deref<Target = SiteKey>,
    now: Timestamp,
) -> Anonymized {
    let mut left = Anonymized {
        address: None,
        address_hash: None,
        visitor: None,
        visitor_previous: None,
        key_epoch: 0,
        lookup: Lookup::of(subject),
    };
    if subject.fields.contains(Field::Address) {
        match subject.policy.address() {
            AddressMode::Drop => {}
            AddressMode::Truncate { v4, v6 } => {
                // A policy with a longer prefix than may be stored does not compile; were there one,
                // nothing would be stored.
                left.address = subject.client.truncate(v4, v6).ok().flatten();
            }
            AddressMode::Hash => {
                left.address_hash = hash_address(subject, site_key);
                left.key_epoch = epoch.id();
            }
        }
    }
    if subject.fields.contains(Field::Visitor) {
        match subject.policy.visitor() {
            VisitorMode::None => {}
            VisitorMode::Rotating => {
                left.visitor = rotating_id(subject, site_key);
                left.visitor_previous = epoch
                    .previous_site_key(subject.site, now)
                    .and_then(|key| rotating_id(subject, &key));
                left.key_epoch = epoch.id();
            }
            VisitorMode::Consented => left.visitor = consented_id(subject),
        }
    }
    left
}

/// The idempotency key of a beacon that has an `id` of its own: the same in every collector, after every restart
/// and rotation, or a retry would be another event. No key: the id is one beacon's, and nobody's name.
pub(crate) fn event_id(site: &Site, client_id: &str) -> EventId {
    EventId::from_bytes(unkeyed(&EVENT_IDS, site, client_id))
}

// What ids without a key are derived for.
static CONSENTED_IDS: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("candor 2026-11 consented visitor id"));
static EVENT_IDS: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("candor 2026-11 event id"));

impl Anonymized {
    /// Writes what may be kept among the facts.
    pub(crate) fn fill(&self, facts: &mut Facts<'_>) {
        facts.address = self.address;
        facts.address_hash = self.address_hash;
        facts.visitor = self.visitor;
        facts.visitor_previous = self.visitor_previous;
    }
}

impl Lookup {
    fn of(subject: &Subject<'_>) -> Option<Self> {
        let fields = looked_up(subject.policy.geography(), subject.fields);
        if fields.is_empty() {
            return None;
        }
        let (v4, v6) = subject.policy.address().lookup_prefixes();
        let prefix = subject.client.lookup_prefix(v4, v6)?;
        Some(Self { prefix, fields })
    }
}

/// Those of the fields that are looked up by the address.
fn looked_up(geography: Geography, fields: FieldSet) -> FieldSet {
    let places = [
        (Field::Country, Geography::Country),
        (Field::Region, Geography::Region),
        (Field::City, Geography::City),
    ];
    let places = places.into_iter().filter(|(_, fineness)| *fineness <= geography);
    let all = places.map(|(field, _)| field).chain([Field::Network]);
    all.filter(|field| fields.contains(*field)).collect()
}

fn hash_address(subject: &Subject<'_>, key: &SiteKey) -> Option<[u8; 16]> {
    subject.client.is_known().then(|| {
        let mut hasher = key.hasher("address");
        subject.client.hash_into(&mut hasher);
        first_16(&hasher)
    })
}

fn rotating_id(subject: &Subject<'_>, key: &SiteKey) -> Option<[u8; 16]> {
    subject.client.is_known().then(|| {
        let mut hasher = key.hasher("visitor");
        subject.client.hash_into(&mut hasher);
        hasher.update(subject.user_agent.as_bytes());
        first_16(&hasher)
    })
}

/// A stable pseudonym of the id that the visitor's browser chose with consent. No key: the id itself
/// is random and long, so that it cannot be guessed, and possession of it is what proves later
/// whose rows these are.
fn consented_id(subject: &Subject<'_>) -> Option<[u8; 16]> {
    let id = subject.beacon.visitor.as_ref()?;
    Some(unkeyed(&CONSENTED_IDS, subject.site, id.as_str()))
}

/// What stands for an id that a client of a site chose.
fn unkeyed(used_for: &ContextKey, site: &Site, id: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_from_context_key(used_for);
    hasher.update(site.as_str().as_bytes());
    hasher.update(&[0]);
    hasher.update(id.as_bytes());
    first_16(&hasher)
}

fn first_16(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut out = [0; 16];
    hasher.finalize_xof().fill(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_no_finer_than_the_geography() {
        let places = [Field::Country, Field::Region, Field::City];
        for (geography, fineness) in Geography::ALL.iter().zip(0..) {
            let want: FieldSet =
                places.into_iter().take(fineness).chain([Field::Network]).collect();
            assert_eq!(looked_up(*geography, FieldSet::of(&Field::ALL)), want, "{geography}");
        }
        let ungranted = FieldSet::of(&[Field::Path, Field::Address, Field::Visitor]);
        assert!(looked_up(Geography::City, ungranted).is_empty());
    }
}
