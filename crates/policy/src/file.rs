//! What a person writes: the tables of a policy file, each word resolved as far as its own table goes.
//! What the tables say beside each other is checked in [`rules`](crate::rules).

mod address;
mod controller;
mod data;
mod head;
mod page;
mod publish;
mod purpose;
mod referrer;
mod retention;
mod role;
mod signals;
mod site;
mod texts;
mod visitor;

use std::ops::Range;

use candor_event::{Field, Kind, Purpose};
use toml::Spanned;
use toml::de::DeTable;

use crate::document::{Refused, Table};
use crate::page::PathPattern;
use crate::problem::Problem;
use crate::{
    AddressMode, Controller, Edition, Geography, Hours, KindSet, Language, LegalBasis, Period,
    Profile, ReferrerMode, Retention, SiteEntry, Texts, VisitorMode,
};

/// A policy file. What is `None` was refused.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) head: Head,
    pub(crate) controller: Option<Controller>,
    pub(crate) sites: Vec<SiteEntry>,
    pub(crate) data: data::DataTable,
    pub(crate) address: Option<Setting<AddressMode>>,
    pub(crate) geography: Option<Setting<Geography>>,
    pub(crate) visitor: Option<Setting<VisitorMode>>,
    /// Of [address] and [visitor], where they say.
    pub(crate) rotations: Vec<Spanned<Hours>>,
    pub(crate) keep_query: Option<Setting<Vec<String>>>,
    pub(crate) replace_path: Vec<PathPattern>,
    pub(crate) referrer: Option<Setting<ReferrerMode>>,
    pub(crate) high_entropy: Option<Setting<bool>>,
    pub(crate) signals: SignalsTable,
    pub(crate) smallest_cell: Option<Setting<u8>>,
    pub(crate) roles: Vec<RoleTable>,
    pub(crate) purposes: Vec<PurposeTable>,
}

/// `[policy]`.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) edition: Edition,
    pub(crate) profile: Option<Setting<&'static Profile>>,
    /// As the file has them, at least one.
    pub(crate) languages: Vec<Language>,
}

/// A choice that the file makes, or leaves to the default.
#[derive(Debug)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    /// Where it is made.
    pub(crate) span: Option<Range<usize>>,
}

/// `[signals]`: what each denies, in the order of [`Signal::ALL`](candor_event::Signal::ALL).
#[derive(Debug)]
pub(crate) struct SignalsTable(pub(crate) [Denied; 3]);

/// What a signal denies.
#[derive(Debug)]
pub(crate) enum Denied {
    /// Every purpose.
    All,
    /// The purposes of these names, which may not exist.
    These(Spanned<Vec<Spanned<String>>>),
}

/// `[roles.NAME]`.
#[derive(Debug)]
pub(crate) struct RoleTable {
    pub(crate) name: Option<String>,
    pub(crate) title: Option<Texts>,
    /// The names of purposes, which may not exist.
    pub(crate) reads: Vec<Spanned<String>>,
}

/// `[purposes.NAME]`.
#[derive(Debug)]
pub(crate) struct PurposeTable {
    /// As it is written.
    pub(crate) word: String,
    pub(crate) name: Option<Purpose>,
    pub(crate) title: Option<Texts>,
    pub(crate) about: Option<Texts>,
    /// Where it says either.
    pub(crate) retold: Vec<Range<usize>>,
    pub(crate) basis: Option<Spanned<LegalBasis>>,
    pub(crate) retention: Option<Spanned<Retention>>,
    /// Of a sliding period, the kinds that renew it.
    pub(crate) renews: Vec<Spanned<Kind>>,
    /// `None`: not said, so all.
    pub(crate) kinds: Option<Spanned<KindSet>>,
    pub(crate) categories: Vec<(Spanned<Kind>, Spanned<Period>)>,
    /// Those fields of the list that are known.
    pub(crate) fields: Vec<Spanned<Field>>,
    /// Whether all of the list is.
    pub(crate) is_understood: bool,
}

// === impl File ===

impl File {
    /// Reads a document, and notes what is wrong with each of its tables.
    pub(crate) fn read(document: &DeTable<'_>, problems: &mut Vec<Problem>) -> Self {
        let root = Table::of_entries(
            "the file".to_owned(),
            0..0,
            document,
            (&KEYS, &[MOVED_QUERY]),
            problems,
        );
        let head = head::read(&root, problems);
        let address = address::read(&root, problems);
        let visitor = visitor::read(&root, problems);
        let (keep_query, replace_path) = page::read(&root, problems);
        let languages = head.languages.clone();
        Self {
            head,
            controller: controller::read(&root, problems),
            sites: site::read(&root, problems),
            data: data::read(&root, problems),
            address: address.mode,
            geography: address.geography,
            visitor: visitor.mode,
            rotations: address.rotation.into_iter().chain(visitor.rotation).collect(),
            keep_query,
            replace_path,
            referrer: referrer::read(&root, problems),
            high_entropy: referrer::read_hints(&root, problems),
            signals: signals::read(&root, problems),
            smallest_cell: publish::read(&root, problems),
            roles: role::read(&root, &languages, problems),
            purposes: purpose::read(&root, &languages, problems),
        }
    }

    /// Whether some purpose keeps `field`.
    pub(crate) fn keeps(&self, field: Field) -> bool {
        let mut purposes = self.purposes.iter();
        purposes.any(|purpose| purpose.span_of(field).is_some())
    }
}

// === impl Setting ===

impl<T> Setting<T> {
    /// The default of a table that is absent; `None` when it seems to be there under a wrong name.
    fn absent(table: &str, value: T, root: &Table<'_>) -> Option<Self> {
        (!root.misspells(table)).then_some(Self { value, span: None })
    }

    /// What the file says at `span`.
    fn said(value: T, span: Range<usize>) -> Self {
        Self { value, span: Some(span) }
    }
}

// === impl PurposeTable ===

impl PurposeTable {
    /// Where it says that it keeps `field`.
    pub(crate) fn span_of(&self, field: Field) -> Option<Range<usize>> {
        let mut fields = self.fields.iter();
        fields.find(|kept| *kept.get_ref() == field).map(Spanned::span)
    }
}

const KEYS: [&str; 13] = [
    "policy",
    "controller",
    "sites",
    "data",
    "address",
    "visitor",
    "page",
    "referrer",
    "client_hints",
    "signals",
    "publish",
    "roles",
    "purposes",
];

const MOVED_QUERY: Refused = Refused {
    key: "query",
    title: "the table `[query]` has moved",
    label: "is a key of [page] now",
    help: "write `keep_query = [\"page\"]` in a table `[page]`",
};
