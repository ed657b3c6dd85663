//! `candor migrate`: ClickHouse's tables and views, and Kafka's topic.

use anyhow::{Result, bail};
use candor_policy::Registry;
use candor_store::{Migration, Schema, Store};
use candor_transport::kafka::{Topic, TopicPlan};

use crate::cli::MigrateArgs;
use crate::config::{Config, LogKind};
use crate::{policies, promises, telemetry};

/// Plans against the servers that are configured, and prints or runs the plan. What is not a statement
/// is printed as a comment, so that the whole can be run by hand.
pub(crate) async fn run(args: &MigrateArgs) -> Result<()> {
    let config = args.config()?;
    let registry = policies::load(config.policies.dir.as_deref())?;
    promises::check(&config, &registry)?;
    if config.log.kind == LogKind::Kafka {
        config.check_inserts(registry.purposes().len())?;
    }
    tables(&config, &registry, args.dry_run).await?;
    if config.log.kind == LogKind::Kafka {
        topic(&config, args.dry_run).await?;
    }
    Ok(())
}

async fn tables(config: &Config, registry: &Registry, is_dry_run: bool) -> Result<()> {
    let clickhouse = config.server()?;
    let schema = Schema::in_database(registry, &clickhouse.database, clickhouse.tables);
    let store = Store::new(&clickhouse);
    let migration = Migration::plan(&store, &schema).await?;
    for step in migration.steps() {
        telemetry::say(&step.to_string())?;
    }
    if is_dry_run {
        return Ok(());
    }
    migration.apply(&store).await?;
    let statements = migration.statements().count();
    telemetry::say(&format!("-- {statements} statements, the database is as the policies say\n"))
}

async fn topic(config: &Config, is_dry_run: bool) -> Result<()> {
    let kafka = config.kafka()?;
    let plan = Topic::plan(kafka).await?;
    for line in plan.to_string().lines() {
        telemetry::say(&format!("-- {line}\n"))?;
    }
    match plan {
        TopicPlan::Create(_) if !is_dry_run => {
            plan.create(kafka).await?;
            telemetry::say(&format!("-- the topic {} was made\n", kafka.topic))
        }
        TopicPlan::Create(_) | TopicPlan::Fits => Ok(()),
        TopicPlan::Differs(_) => bail!(
            "the topic {} is not as candor.toml says, and nothing was changed about it: run the \
             commands above, or change [kafka.create] to what the topic is",
            kafka.topic
        ),
    }
}
