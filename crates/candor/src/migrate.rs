//! `candor migrate`.

use anyhow::Result;
use candor_store::{Migration, Schema, Store};

use crate::cli::MigrateArgs;
use crate::{policies, telemetry};

/// Plans against the server that is configured, and prints or runs the plan.
pub(crate) async fn run(args: &MigrateArgs) -> Result<()> {
    let config = args.config()?;
    let registry = policies::load(config.policies.dir.as_deref())?;
    let clickhouse = &config.clickhouse;
    let schema = Schema::in_database(&registry, &clickhouse.database, clickhouse.tables);
    let store = Store::new(clickhouse);
    let migration = Migration::plan(&store, &schema).await?;
    for statement in migration.statements() {
        telemetry::say(&format!("{statement};\n"))?;
    }
    if args.dry_run {
        return Ok(());
    }
    migration.apply(&store).await?;
    let statements = migration.statements().len();
    telemetry::say(&format!("-- {statements} statements, the database is as the policies say\n"))
}
