//! What a person writes: the tables of a policy file, each word resolved as far as its own table goes.
//! What the tables say beside each other is checked in [`rules`](crate::rules).

mod address;
mod controller;
mod purpose;
mod query;
mod signals;
mod site;
mod visitor;

use std::ops::Range;

use candor_event::{Basis, Field, Purpose};
use toml::Spanned;
use toml::de::DeTable;

use crate::document::Table;
use crate::problem::Problem;
use crate::{AddressMode, Controller, Retention, SiteEntry, VisitorMode};

/// A policy file. What is `None` was refused.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) controller: Option<Controller>,
    pub(crate) sites: Vec<SiteEntry>,
    pub(crate) address: Option<Setting<AddressMode>>,
    pub(crate) visitor: Option<Setting<VisitorMode>>,
    pub(crate) signals: SignalsTable,
    pub(crate) query: Option<Setting<Vec<String>>>,
    pub(crate) purposes: Vec<PurposeTable>,
}

/// A choice that the file makes, or leaves to the default.
#[derive(Debug)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    /// Where it is made.
    pub(crate) span: Option<Range<usize>>,
}

/// `[signals]`: what each denies.
#[derive(Debug)]
pub(crate) struct SignalsTable {
    pub(crate) dnt: Denied,
    pub(crate) gpc: Denied,
}

/// What a signal denies.
#[derive(Debug)]
pub(crate) enum Denied {
    /// Every purpose.
    All,
    /// The purposes of these names, which may not exist.
    These(Vec<Spanned<String>>),
}

/// `[purposes.NAME]`.
#[derive(Debug)]
pub(crate) struct PurposeTable {
    /// As it is written.
    pub(crate) word: String,
    pub(crate) name: Option<Purpose>,
    pub(crate) basis: Option<Spanned<Basis>>,
    pub(crate) retention: Option<Retention>,
    /// Those fields of the list that are known.
    pub(crate) fields: Vec<Spanned<Field>>,
    /// Whether all of the list is.
    pub(crate) is_understood: bool,
}

// === impl File ===

impl File {
    /// Reads a document, and notes what is wrong with each of its tables.
    pub(crate) fn read(document: &DeTable<'_>, problems: &mut Vec<Problem>) -> Self {
        let root = Table::of_entries("the file".to_owned(), 0..0, document, &KEYS, problems);
        Self {
            controller: controller::read(&root, problems),
            sites: site::read(&root, problems),
            address: address::read(&root, problems),
            visitor: visitor::read(&root, problems),
            signals: signals::read(&root, problems),
            query: query::read(&root, problems),
            purposes: purpose::read(&root, problems),
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
}

// === impl PurposeTable ===

impl PurposeTable {
    /// Where it says that it keeps `field`.
    pub(crate) fn span_of(&self, field: Field) -> Option<Range<usize>> {
        let mut fields = self.fields.iter();
        fields.find(|kept| *kept.get_ref() == field).map(Spanned::span)
    }
}

const KEYS: [&str; 7] =
    ["controller", "sites", "address", "visitor", "signals", "query", "purposes"];
