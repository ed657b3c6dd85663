//! What the database has.

use std::collections::{BTreeMap, HashMap, HashSet};

use clickhouse::Row;
use serde::Deserialize;

use crate::{Store, StoreError};

/// What the database has.
#[derive(Debug, Default)]
pub(super) struct Present {
    relations: BTreeMap<String, Relation>,
    /// By table: the type of each column.
    columns: HashMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize, Row)]
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) engine: String,
    pub(super) create_table_query: String,
    pub(super) comment: String,
}

#[derive(Debug, Deserialize, Row)]
struct Column {
    table: String,
    name: String,
    #[serde(rename = "type")]
    sql_type: String,
}

// === impl Present ===

impl Present {
    pub(super) async fn read(store: &Store, database: &str) -> Result<Self, StoreError> {
        let relations: Vec<Relation> = store
            .client
            .query("SELECT ?fields FROM system.tables WHERE database = ?")
            .bind(database)
            .fetch_all()
            .await
            .map_err(|error| StoreError::read(&error))?;
        let found: Vec<Column> = store
            .client
            .query("SELECT ?fields FROM system.columns WHERE database = ?")
            .bind(database)
            .fetch_all()
            .await
            .map_err(|error| StoreError::read(&error))?;
        let mut columns = HashMap::<String, BTreeMap<String, String>>::new();
        for column in found {
            columns.entry(column.table).or_default().insert(column.name, column.sql_type);
        }
        let relations = relations.into_iter().map(|r| (r.name.clone(), r)).collect();
        Ok(Self { relations, columns })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.relations.is_empty()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.relations.contains_key(name)
    }

    pub(super) fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.get(name)
    }

    /// Everything, in the order of names.
    pub(super) fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// The columns of a table, with their types.
    pub(super) fn columns(&self, table: &str) -> impl Iterator<Item = (&str, &str)> {
        let columns = self.columns.get(table).into_iter().flatten();
        columns.map(|(name, sql_type)| (name.as_str(), sql_type.as_str()))
    }

    pub(super) fn column_type(&self, table: &str, column: &str) -> Option<&str> {
        self.columns.get(table)?.get(column).map(String::as_str)
    }

    /// The tables of purposes, also of those that no policy has any more: the purpose, and the names of
    /// the columns.
    pub(super) fn rows_tables(&self) -> impl Iterator<Item = (&str, HashSet<&str>)> {
        let tables = self.relations().filter(|relation| relation.engine.ends_with("MergeTree"));
        tables.filter_map(|relation| {
            let columns: HashSet<_> = self.columns(&relation.name).map(|(name, _)| name).collect();
            let purpose = relation.name.strip_suffix(ROWS)?;
            // Whatever else somebody made here is not ours to change.
            EVERY_ROW_HAS.iter().all(|name| columns.contains(name)).then_some((purpose, columns))
        })
    }
}

const EVERY_ROW_HAS: [&str; 4] = ["site", "kind", "received_at", "expires_at"];
const ROWS: &str = "_rows";
