//! What machines run: a policy in which every word is resolved and every promise can be kept.

use std::fmt;
use std::sync::Arc;

use candor_event::{Basis, FieldSet, PolicyVersion, Purpose, Signal, Site};

use crate::{HostPattern, Retention, Signals};

/// One controller's notice, compiled. It cannot be made but by [`compile`](crate::compile()).
#[derive(Clone, Debug)]
pub struct Policy {
    /// The name of the file, for messages.
    pub(crate) origin: Arc<str>,
    pub(crate) version: PolicyVersion,
    pub(crate) controller: Controller,
    /// In the order of their names.
    pub(crate) sites: Vec<SiteEntry>,
    pub(crate) address: AddressMode,
    pub(crate) visitor: VisitorMode,
    /// In order.
    pub(crate) query: Vec<String>,
    /// In the order of their names; at least one, at most [`Policy::PURPOSES_MAX`].
    pub(crate) purposes: Vec<PurposeRule>,
}

/// Who answers for the processing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) contact: String,
}

/// A site, and the hosts whose pages may send beacons for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteEntry {
    pub(crate) name: Site,
    /// In order.
    pub(crate) hosts: Vec<HostPattern>,
}

/// What becomes of a visitor's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressMode {
    /// It is not kept in any form.
    Drop,
    /// A keyed hash is kept, whose key is destroyed in time.
    Hash,
    /// Its leading bits are kept.
    Truncate {
        /// Of an IPv4 address.
        v4: u8,
        /// Of an IPv6 address.
        v6: u8,
    },
}

/// How visitors are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisitorMode {
    /// By an id that the site keeps with the visitor's consent.
    Consented,
    /// Not at all.
    None,
    /// By a keyed hash, whose key is destroyed in time.
    Rotating,
}

/// What one purpose may keep, why, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurposeRule {
    pub(crate) name: Purpose,
    pub(crate) basis: Basis,
    pub(crate) retention: Retention,
    pub(crate) fields: FieldSet,
    pub(crate) denied_by: Signals,
}

// === impl Policy ===

impl Policy {
    /// The most purposes that a policy can have.
    pub const PURPOSES_MAX: usize = 16;

    /// The hash of what the policy means. Comments, spacing and the order of things do not count.
    pub fn version(&self) -> PolicyVersion {
        self.version
    }

    /// Who answers for the processing.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// The sites, in the order of their names.
    pub fn sites(&self) -> &[SiteEntry] {
        &self.sites
    }

    /// The purposes, in the order of their names.
    pub fn purposes(&self) -> &[PurposeRule] {
        &self.purposes
    }

    /// What becomes of a visitor's address.
    pub fn address(&self) -> AddressMode {
        self.address
    }

    /// How visitors are told apart.
    pub fn visitor(&self) -> VisitorMode {
        self.visitor
    }

    /// Whether the query parameter of this name is kept.
    pub fn keeps_query(&self, name: &str) -> bool {
        self.query.binary_search_by(|kept| kept.as_str().cmp(name)).is_ok()
    }

    /// The query parameters that are kept, in order.
    pub fn query(&self) -> &[String] {
        &self.query
    }

    /// Every field that some purpose keeps.
    pub fn fields(&self) -> FieldSet {
        self.purposes.iter().fold(FieldSet::EMPTY, |all, rule| all.union(rule.fields))
    }

    /// Whether it needs the keys that rotate.
    pub fn uses_keys(&self) -> bool {
        self.address == AddressMode::Hash || self.visitor == VisitorMode::Rotating
    }

    /// Whether a page of `host` may send beacons for `site`. Case and port do not count.
    pub fn allows_host(&self, site: &Site, host: &str) -> bool {
        self.sites
            .binary_search_by(|entry| entry.name.cmp(site))
            .ok()
            .and_then(|at| self.sites.get(at))
            .is_some_and(|entry| entry.hosts.iter().any(|pattern| pattern.matches(host)))
    }
}

// === impl Controller ===

impl Controller {
    /// The short name; it ends the names of the controller's views.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name that visitors read.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where visitors can turn to.
    pub fn contact(&self) -> &str {
        &self.contact
    }
}

// === impl SiteEntry ===

impl SiteEntry {
    /// What beacons say in `site`.
    pub fn name(&self) -> &Site {
        &self.name
    }

    /// The hosts, in order.
    pub fn hosts(&self) -> &[HostPattern] {
        &self.hosts
    }
}

// === impl PurposeRule ===

impl PurposeRule {
    /// The purpose, which is also the name of its table.
    pub fn name(&self) -> &Purpose {
        &self.name
    }

    /// The legal basis.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// How long.
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// What may be kept.
    pub fn fields(&self) -> FieldSet {
        self.fields
    }

    /// Whether a visitor's `signal` denies it.
    pub fn denied_by(&self, signal: Signal) -> bool {
        match signal {
            Signal::Dnt => self.denied_by.dnt,
            Signal::Gpc => self.denied_by.gpc,
        }
    }
}

// === impl AddressMode, VisitorMode ===

impl AddressMode {
    /// The word for it in policy files.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Hash => "hash",
            Self::Truncate { .. } => "truncate",
        }
    }
}

impl VisitorMode {
    /// The word for it in policy files.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Consented => "consented",
            Self::None => "none",
            Self::Rotating => "rotating",
        }
    }
}

impl fmt::Display for AddressMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl fmt::Display for VisitorMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
