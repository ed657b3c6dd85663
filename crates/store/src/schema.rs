//! The tables and views that the policies ask for.

use std::collections::BTreeMap;

use candor_event::{Field, FieldSet, Purpose};
use candor_policy::Registry;

use crate::column::{COLUMNS, Column};
use crate::config::TableOptions;

/// What the database should have.
#[derive(Clone, Debug)]
pub struct Schema {
    database: String,
    options: TableOptions,
    purposes: BTreeMap<Purpose, FieldSet>,
    /// Of each controller: its id, its sites, its purposes.
    controllers: Vec<(String, Vec<String>, Vec<Purpose>)>,
}

/// A table or view, and what creates it.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) name: String,
    pub(crate) create: String,
    pub(crate) kind: RelationKind,
}

#[derive(Clone, Debug)]
pub(crate) enum RelationKind {
    /// A purpose's rows; the columns and constraints that it must have.
    Rows { columns: Vec<&'static Column>, truncated_address: bool },
    /// A table that no policy decides.
    Own,
    /// A view: made anew when its text changes.
    View,
}

/// The version of everything below. Raise it with every change of a table that older readers or
/// writers would misunderstand.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// What rows are found by. Only columns that every table has and that nobody may ever want to change,
/// for a column of the key cannot be updated, emptied or given a TTL; and the time as it is, for a day
/// before it would hide it from the index. Measured in `docs/decisions/0003-order-key-and-codecs.md`.
const ORDER_BY: &str = "(site, kind, received_at)";

/// Only the network part of an address is ever stored, whatever the sink was told.
pub(crate) const TRUNCATED: &str = "CONSTRAINT address_is_truncated CHECK if(\
    startsWith(IPv6NumToString(address), '::ffff:'), \
    address_prefix <= 24 AND address = IPv6CIDRToRange(address, toUInt8(96 + address_prefix)).1, \
    address_prefix <= 48 AND address = IPv6CIDRToRange(address, address_prefix).1)";

// === impl Schema ===

impl Schema {
    /// What these policies ask for, in the database `candor`.
    pub fn of(registry: &Registry) -> Self {
        Self::in_database(registry, "candor", TableOptions::default())
    }

    /// What these policies ask for.
    pub fn in_database(registry: &Registry, database: &str, options: TableOptions) -> Self {
        let controllers = registry.policies().iter().map(|policy| {
            let sites = policy.sites().iter().map(|site| site.name().as_str().to_owned());
            let purposes = policy.purposes().iter().map(|rule| rule.name().clone());
            (policy.controller().id().to_owned(), sites.collect(), purposes.collect())
        });
        Self {
            database: database.to_owned(),
            options,
            purposes: registry.purposes(),
            controllers: controllers.collect(),
        }
    }

    /// The statements that create everything in an empty server, in order.
    pub fn statements(&self) -> impl Iterator<Item = String> {
        let relations = self.relations().into_iter().map(|relation| relation.create);
        std::iter::once(self.create_database()).chain(relations)
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn create_database(&self) -> String {
        format!("CREATE DATABASE IF NOT EXISTS {}", self.database)
    }

    pub(crate) fn relations(&self) -> Vec<Relation> {
        let mut relations = self.own_tables();
        for (purpose, fields) in &self.purposes {
            relations.push(self.rows_table(purpose, *fields));
            relations.extend(self.views(purpose, *fields));
        }
        for (id, sites, purposes) in &self.controllers {
            relations.extend(purposes.iter().map(|purpose| self.team_view(id, sites, purpose)));
        }
        relations
    }

    fn rows_table(&self, purpose: &Purpose, fields: FieldSet) -> Relation {
        let columns = columns(fields);
        let truncated_address = fields.contains(Field::Address);
        let name = format!("{purpose}_rows");
        let mut lines: Vec<_> =
            columns.iter().map(|column| column.definition(self.options.compressed)).collect();
        lines.push("INDEX log_offset_range log_offset TYPE minmax GRANULARITY 1".to_owned());
        if truncated_address {
            lines.push(TRUNCATED.to_owned());
        }
        let create = self.create_table(
            &name,
            &lines.join(",\n  "),
            &format!("PARTITION BY toYYYYMM(received_at)\nORDER BY {ORDER_BY}\nTTL expires_at"),
        );
        Relation { name, create, kind: RelationKind::Rows { columns, truncated_address } }
    }

    /// The guarded view of everyone, and the one without bots.
    fn views(&self, purpose: &Purpose, fields: FieldSet) -> Vec<Relation> {
        let visible: Vec<_> =
            columns(fields).iter().filter(|c| c.visible).map(|column| column.in_view()).collect();
        let rows = format!("{}.{purpose}_rows", self.database);
        let select = format!("SELECT {} FROM {rows} WHERE expires_at > now()", visible.join(", "));
        let mut views = vec![self.view(purpose.as_str(), &select)];
        if fields.contains(Field::Bot) {
            let people = format!("{select} AND bot = ''");
            views.push(self.view(&format!("{purpose}_people"), &people));
        }
        views
    }

    /// What the team of one controller is given.
    fn team_view(&self, controller: &str, sites: &[String], purpose: &Purpose) -> Relation {
        let sites: Vec<_> = sites.iter().map(|site| format!("'{site}'")).collect();
        let select = format!(
            "SELECT * FROM {}.{purpose} WHERE site IN ({})",
            self.database,
            sites.join(", ")
        );
        self.view(&format!("{purpose}__{controller}"), &select)
    }

    /// A view runs with the rights of who migrates, so that readers need none on the rows.
    fn view(&self, name: &str, select: &str) -> Relation {
        let mark = blake3::hash(select.as_bytes()).to_hex();
        let mark: String = mark.chars().take(16).collect();
        let create = format!(
            "CREATE OR REPLACE VIEW {}.{name}\nDEFINER = CURRENT_USER SQL SECURITY DEFINER\nAS {select}\n\
             COMMENT 'candor {mark}'",
            self.database
        );
        Relation { name: name.to_owned(), create, kind: RelationKind::View }
    }

    fn own_tables(&self) -> Vec<Relation> {
        let ledger = "log LowCardinality(String),\n  log_partition UInt32,\n  first_offset UInt64,\n  \
            last_offset UInt64,\n  records UInt32,\n  events UInt32,\n  \
            rows Map(LowCardinality(String), UInt64) COMMENT 'How many rows each table got.',\n  \
            buckets Map(LowCardinality(String), UInt64) COMMENT 'What did not become rows, and why.',\n  \
            stored_at DateTime('UTC')";
        let quarantine = "log LowCardinality(String),\n  log_partition UInt32,\n  log_offset UInt64,\n  \
            reason LowCardinality(String),\n  \
            record String COMMENT 'The record, hexadecimal; anonymised like everything in the log.',\n  \
            stored_at DateTime('UTC')";
        let schema = "version UInt32,\n  applied_at DateTime('UTC') DEFAULT now()";
        let tables = [
            (
                "batches",
                ledger,
                "ORDER BY (log, log_partition, first_offset)\nTTL stored_at + INTERVAL 90 DAY",
            ),
            (
                "quarantine",
                quarantine,
                "ORDER BY (log, log_partition, log_offset)\nTTL stored_at + INTERVAL 7 DAY",
            ),
            ("schema", schema, "ORDER BY version"),
        ];
        let own = |(name, columns, keys): (&str, &str, &str)| Relation {
            name: name.to_owned(),
            create: self.create_table(name, columns, keys),
            kind: RelationKind::Own,
        };
        tables.into_iter().map(own).collect()
    }

    fn create_table(&self, name: &str, columns: &str, keys: &str) -> String {
        let compression = if self.options.compressed {
            "default_compression_codec = 'ZSTD(1)'"
        } else {
            "default_compression_codec = 'NONE', compress_marks = 0, compress_primary_key = 0"
        };
        format!(
            "CREATE TABLE IF NOT EXISTS {}.{name} (\n  {columns}\n)\nENGINE = MergeTree\n{keys}\n\
             SETTINGS non_replicated_deduplication_window = 10000,\n  \
             fsync_after_insert = 1, fsync_part_directory = 1,\n  \
             merge_with_ttl_timeout = {},\n  {compression}",
            self.database, self.options.ttl_timeout_seconds,
        )
    }
}

/// The columns of a table that keeps these fields.
pub(crate) fn columns(fields: FieldSet) -> Vec<&'static Column> {
    let kept = |column: &&Column| column.field.is_none_or(|field| fields.contains(field));
    COLUMNS.iter().filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> Vec<Relation> {
        Schema::of(&Registry::demo().unwrap()).relations()
    }

    #[test]
    fn views_show_nothing_that_links_rows() {
        let hidden = ["event_id", "log_offset", "log_index", "log_partition", "stored_at", " log,"];
        for view in demo().iter().filter(|r| matches!(r.kind, RelationKind::View)) {
            assert!(hidden.iter().all(|column| !view.create.contains(column)), "{}", view.create);
        }
    }

    #[test]
    fn a_field_that_nobody_keeps_has_no_column() {
        let names: Vec<_> = columns(FieldSet::of(&[Field::Path])).iter().map(|c| c.name).collect();
        assert!(names.contains(&"path") && names.contains(&"expires_at"));
        assert!(!names.contains(&"address") && !names.contains(&"visitor"));
    }

    #[test]
    fn every_rows_table_has_a_ttl_a_window_and_the_address_check() {
        for table in demo().iter().filter(|r| matches!(r.kind, RelationKind::Rows { .. })) {
            for clause in
                ["\nTTL expires_at", "non_replicated_deduplication_window", "address_is_truncated"]
            {
                assert!(table.create.contains(clause), "{}", table.create);
            }
        }
    }
}
