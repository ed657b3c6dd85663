//! What machines run: a policy in which every word is resolved and every promise can be kept.

pub(crate) mod controller;
pub(crate) mod purpose;
pub(crate) mod treatment;

use std::borrow::Cow;
use std::sync::Arc;

use candor_event::{FieldSet, PolicyVersion, Purpose, Site};

use crate::host::HostPattern;
use crate::page::PathPattern;
use crate::{
    AddressMode, Controller, Data, Edition, Geography, Hours, Language, Profile, PurposeRule,
    ReferrerMode, Role, SiteEntry, VisitorMode,
};

/// One controller's notice, compiled. It cannot be made but by [`compile`](crate::compile()) and
/// [`compile_json`](crate::compile_json).
#[derive(Clone, Debug)]
pub struct Policy {
    /// The name of the file, for messages.
    pub(crate) origin: Arc<str>,
    pub(crate) version: PolicyVersion,
    pub(crate) edition: Edition,
    pub(crate) profile: &'static Profile,
    /// As the file has them, at least one.
    pub(crate) languages: Vec<Language>,
    pub(crate) controller: Controller,
    /// In the order of their names.
    pub(crate) sites: Vec<SiteEntry>,
    pub(crate) data: Data,
    pub(crate) address: AddressMode,
    pub(crate) geography: Geography,
    pub(crate) visitor: VisitorMode,
    pub(crate) rotation: Hours,
    pub(crate) page: PageRules,
    pub(crate) referrer: ReferrerMode,
    pub(crate) high_entropy: bool,
    pub(crate) smallest_cell: u8,
    /// In the order of their names.
    pub(crate) roles: Vec<Role>,
    /// In the order of their names; at least one, at most [`Policy::PURPOSES_MAX`].
    pub(crate) purposes: Vec<PurposeRule>,
}

/// What is kept of the address of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageRules {
    /// Query parameters, in order.
    pub(crate) keep_query: Vec<String>,
    /// Patterns of paths, in order.
    pub(crate) replace_path: Vec<PathPattern>,
}

// === impl Policy ===

impl Policy {
    /// The most purposes that a policy can have.
    pub const PURPOSES_MAX: usize = 16;

    /// The smallest file that is of use, for `candor policy new`.
    pub const fn template() -> &'static str {
        include_str!("../policies/template.toml")
    }

    /// The hash of what the policy means. Comments, spacing and the order of things do not count.
    pub fn version(&self) -> PolicyVersion {
        self.version
    }

    /// What the controller itself calls the policy.
    pub fn edition(&self) -> &Edition {
        &self.edition
    }

    /// The bounds that it keeps to.
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// The languages of the notice. The first is shown to whoever asks for none.
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// Who answers for the processing.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// The sites, in the order of their names.
    pub fn sites(&self) -> &[SiteEntry] {
        &self.sites
    }

    /// The site of this name.
    pub fn site(&self, name: &Site) -> Option<&SiteEntry> {
        let at = self.sites.binary_search_by(|entry| entry.name.cmp(name));
        at.ok().and_then(|at| self.sites.get(at))
    }

    /// Where data may lie, and who processes it for the controller.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The purposes, in the order of their names.
    pub fn purposes(&self) -> &[PurposeRule] {
        &self.purposes
    }

    /// The purpose of this name.
    pub fn purpose(&self, name: &Purpose) -> Option<&PurposeRule> {
        self.purposes.iter().find(|rule| rule.name == *name)
    }

    /// Every field that some purpose keeps.
    pub fn fields(&self) -> FieldSet {
        self.purposes.iter().fold(FieldSet::EMPTY, |all, rule| all.union(rule.fields))
    }

    /// What becomes of a visitor's address.
    pub fn address(&self) -> AddressMode {
        self.address
    }

    /// The finest place that may be told from a visitor's address.
    pub fn geography(&self) -> Geography {
        self.geography
    }

    /// How visitors are told apart.
    pub fn visitor(&self) -> VisitorMode {
        self.visitor
    }

    /// How long a key may live; it matters when [`Self::uses_keys`].
    pub fn rotation(&self) -> Hours {
        self.rotation
    }

    /// Whether it needs the keys that rotate.
    pub fn uses_keys(&self) -> bool {
        self.address == AddressMode::Hash || self.visitor == VisitorMode::Rotating
    }

    /// Whether the query parameter of this name is kept.
    pub fn keeps_query(&self, name: &str) -> bool {
        self.page.keep_query.binary_search_by(|kept| kept.as_str().cmp(name)).is_ok()
    }

    /// The query parameters that are kept, in order.
    pub fn query(&self) -> &[String] {
        &self.page.keep_query
    }

    /// The patterns of which the stars are never kept, in order.
    pub fn path_patterns(&self) -> &[PathPattern] {
        &self.page.replace_path
    }

    /// What may be kept of the path of a page: what a pattern's stars stand for is replaced, and so is
    /// what [`redact`](crate::redact()) finds. Borrowed when nothing is.
    pub fn path<'a>(&self, path: &'a str) -> Cow<'a, str> {
        crate::page::path(&self.page.replace_path, path)
    }

    /// The most that is kept of the page that linked here.
    pub fn referrer(&self) -> ReferrerMode {
        self.referrer
    }

    /// Whether browsers may be asked for more than they say on their own (client hints of high entropy).
    pub fn asks_for_hints(&self) -> bool {
        self.high_entropy
    }

    /// The fewest visitors of whom a published figure may tell.
    pub fn smallest_cell(&self) -> u8 {
        self.smallest_cell
    }

    /// Who may read what, in the order of their names; empty: nobody but the controller's own people,
    /// whom the policy does not tell apart.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The hosts of all sites.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &HostPattern> {
        self.sites.iter().flat_map(|entry| &entry.hosts)
    }

    /// Whether a page of `host` may send beacons for `site`. Case and port do not count.
    pub fn allows_host(&self, site: &Site, host: &str) -> bool {
        let entry = self.site(site);
        entry.is_some_and(|entry| entry.hosts.iter().any(|pattern| pattern.matches(host)))
    }
}
