//! The tables that the policies ask for, where the process itself sees to them.

use anyhow::Result;
use candor_policy::Registry;
use candor_store::{Migration, Schema, Step, Store};

use crate::config::Config;

/// Brings the database to what the policies say.
pub(crate) async fn migrate(config: &Config, store: &Store, registry: &Registry) -> Result<()> {
    let clickhouse = &config.clickhouse;
    let schema = Schema::in_database(registry, &clickhouse.database, clickhouse.tables);
    let migration = Migration::plan(store, &schema).await?;
    let statements = migration.statements().count();
    for step in migration.steps() {
        if let Step::Finding(rows) = step {
            tracing::info!(rows, "a policy became stricter, and holds for what is stored");
        }
    }
    if statements > 0 {
        tracing::info!(statements, "bringing the tables to what the policies say");
    }
    Ok(migration.apply(store).await?)
}
