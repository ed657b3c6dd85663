//! Brings a database to what the policies say. Idempotent: what is right already is left alone, and
//! nothing is ever dropped.

use std::collections::HashMap;

use clickhouse::Row;
use serde::Deserialize;

use crate::column::Column;
use crate::schema::{Relation, RelationKind, SCHEMA_VERSION, Schema, TRUNCATED};
use crate::{Store, StoreError};

/// The statements that are still to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    statements: Vec<String>,
}

/// What the database has.
#[derive(Debug, Default)]
struct Present {
    relations: HashMap<String, PresentRelation>,
    columns: HashMap<(String, String), String>,
}

#[derive(Debug, Deserialize, Row)]
struct PresentRelation {
    name: String,
    engine: String,
    create_table_query: String,
    comment: String,
}

#[derive(Debug, Deserialize, Row)]
struct PresentColumn {
    table: String,
    name: String,
    #[serde(rename = "type")]
    sql_type: String,
}

// === impl Migration ===

impl Migration {
    /// Compares the database with the schema.
    ///
    /// # Errors
    /// The database cannot be read, is newer than this program, or has a column that cannot be changed
    /// without a person.
    pub async fn plan(store: &Store, schema: &Schema) -> Result<Self, StoreError> {
        let present = Present::read(store, schema.database()).await?;
        if let Some(found) = store.schema_version(schema, &present).await?
            && found > SCHEMA_VERSION
        {
            return Err(StoreError::SchemaTooNew { found, known: SCHEMA_VERSION });
        }
        let mut statements = Vec::new();
        if present.relations.is_empty() {
            statements.push(schema.create_database());
        }
        for relation in schema.relations() {
            present.compare(schema.database(), &relation, &mut statements)?;
        }
        if !statements.is_empty() {
            let database = schema.database();
            statements
                .push(format!("INSERT INTO {database}.schema (version) VALUES ({SCHEMA_VERSION})"));
        }
        Ok(Self { statements })
    }

    /// The statements, in order; none when the database is as it should be.
    pub fn statements(&self) -> &[String] {
        &self.statements
    }

    /// Runs the statements.
    ///
    /// # Errors
    /// The first one that fails; running again goes on from there.
    pub async fn apply(&self, store: &Store) -> Result<(), StoreError> {
        for statement in &self.statements {
            // The client takes `?` in a query for a placeholder.
            let query = store.client.query(&statement.replace('?', "??"));
            query.execute().await.map_err(|error| StoreError::migrate(statement, &error))?;
        }
        Ok(())
    }
}

// === impl Store ===

impl Store {
    async fn schema_version(
        &self,
        schema: &Schema,
        present: &Present,
    ) -> Result<Option<u32>, StoreError> {
        if !present.relations.contains_key("schema") {
            return Ok(None);
        }
        let sql = format!("SELECT max(version) FROM {}.schema", schema.database());
        let version = self.client.query(&sql).fetch_one::<u32>().await;
        version.map(Some).map_err(|error| StoreError::read(&error))
    }
}

// === impl Present ===

impl Present {
    async fn read(store: &Store, database: &str) -> Result<Self, StoreError> {
        let relations: Vec<PresentRelation> = store
            .client
            .query("SELECT ?fields FROM system.tables WHERE database = ?")
            .bind(database)
            .fetch_all()
            .await
            .map_err(|error| StoreError::read(&error))?;
        let columns: Vec<PresentColumn> = store
            .client
            .query("SELECT ?fields FROM system.columns WHERE database = ?")
            .bind(database)
            .fetch_all()
            .await
            .map_err(|error| StoreError::read(&error))?;
        Ok(Self {
            relations: relations.into_iter().map(|r| (r.name.clone(), r)).collect(),
            columns: columns.into_iter().map(|c| ((c.table, c.name), c.sql_type)).collect(),
        })
    }

    fn compare(
        &self,
        database: &str,
        wanted: &Relation,
        statements: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let Some(found) = self.relations.get(&wanted.name) else {
            statements.push(wanted.create.clone());
            return Ok(());
        };
        match &wanted.kind {
            RelationKind::Own => {}
            RelationKind::View => {
                let mark = format!("COMMENT '{}'", found.comment);
                let is_same = wanted.create.ends_with(&mark);
                if found.engine != "View" || !is_same {
                    statements.push(wanted.create.clone());
                }
            }
            RelationKind::Rows { columns, truncated_address } => {
                let table = format!("{database}.{}", wanted.name);
                for column in columns {
                    self.compare_column(&table, &wanted.name, column, statements)?;
                }
                if !found.create_table_query.contains(" TTL expires_at SETTINGS") {
                    statements.push(format!("ALTER TABLE {table} MODIFY TTL expires_at"));
                }
                if *truncated_address && !found.create_table_query.contains("address_is_truncated")
                {
                    statements.push(format!("ALTER TABLE {table} ADD {TRUNCATED}"));
                }
            }
        }
        Ok(())
    }

    fn compare_column(
        &self,
        table: &str,
        name: &str,
        column: &Column,
        statements: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        match self.columns.get(&(name.to_owned(), column.name.to_owned())) {
            None => {
                statements
                    .push(format!("ALTER TABLE {table} ADD COLUMN {}", column.definition(true)));
                Ok(())
            }
            Some(found) if found == column.sql_type => Ok(()),
            Some(found) => Err(StoreError::ColumnDiffers {
                table: table.to_owned(),
                column: column.name.to_owned(),
                found: found.clone(),
                wanted: column.sql_type.to_owned(),
            }),
        }
    }
}
