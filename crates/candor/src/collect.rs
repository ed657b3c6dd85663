//! `candor collect`: the collector alone, before Kafka. It keeps nothing but its spill, while Kafka is away:
//! any number of them may run.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use candor_collector::Pages;
use candor_event::Clock;
use candor_pipeline::KeySource;
use candor_transport::journal::Journal;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::admin::{AdminServer, Imports};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::fleet::Fleet;
use crate::front::{Front, bind, serve_beacons};
use crate::log::LogProducer;
use crate::notices::Notices;
use crate::policies::InForce;
use crate::readiness::Readiness;
use crate::reload::Following;
use crate::stop::Stop;
use crate::tls::Listeners;
use crate::{databases, promises, reload};

/// What waits for the broker after the last beacon was answered gets this long.
pub(crate) const CLOSE_DEADLINE: Duration = Duration::from_secs(10);

/// Runs until a signal. Kafka may come later, or go and come back: beacons are spilled meanwhile.
pub(crate) async fn run(config: Config, metrics: PrometheusHandle) -> Result<()> {
    let kafka = config.need_kafka("collect", "use `candor up`")?.clone();
    collect(config, metrics, async |config, clock| {
        Ok(LogProducer::kafka(&kafka, config, clock).await?)
    })
    .await
}

/// The same before a journal that nobody reads, so that `candor bench` can tell what a collector alone costs.
pub(crate) async fn run_before_journal(config: Config, metrics: PrometheusHandle) -> Result<()> {
    let (producer, _unread) =
        Journal::open(config.data.dir.join("journal"), config.journal.clone())?;
    collect(config, metrics, async |config, _| Ok(LogProducer::journal(producer, config))).await
}

async fn collect(
    config: Config,
    metrics: PrometheusHandle,
    log: impl AsyncFnOnce(&Config, Arc<dyn Clock>) -> Result<LogProducer>,
) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let in_force = InForce::load(config.policies.dir.as_deref())?;
    if in_force.registry.is_demo() {
        tracing::warn!("no policies are configured: the built-in demo takes its own site alone");
    }
    promises::check(&config, &in_force.registry)?;
    let tls = Listeners::open(&config)?;
    let beacons = bind(config.collector.listen).await?;
    let admin = bind(config.admin.listen).await?;
    let fleet = Fleet::open(&config).await?;
    if fleet.source() == KeySource::Alone && in_force.registry.rotation().is_some() {
        tracing::info!(
            "visitors are told apart by keys of this collector's own: whoever meets another collector counts \
             there, too, unless [keys.fleet] lets them share keys"
        );
    }
    let (beacons_at, admin_at) = (beacons.local_addr()?, admin.local_addr()?);
    let stop = Stop::on_signal()?;
    let front = Front::open(&config, &in_force, &clock, fleet.source())?;
    let keys = front.keys();
    let certificates = tls.follow(&config, fleet.certificates(), &clock)?;
    let fleet = fleet.start(keys.ring(), Arc::clone(&clock), &stop).await;
    let producer = log(&config, Arc::clone(&clock)).await?;

    let (door, rotation) = front.door(&config, producer.clone());
    let notices = Notices::new(in_force.clone());
    let door = Arc::new(door.with_pages(Arc::clone(&notices) as Arc<dyn Pages>));
    let following =
        Following { config: config.clone(), door: Arc::clone(&door), notices, store: None };
    let reload = reload::start(following, in_force.stamp)?;
    let databases = databases::follow(&config, Arc::clone(&door))?;
    let readiness = Readiness::new(producer.clone(), None, stop.clone()).with_keys(keys);
    let imports = Imports { door: Arc::clone(&door), clock };
    let admin = AdminServer::start(admin, tls.admin.clone(), readiness, metrics, imports)?;
    tracing::info!(part = "collect", beacons = %beacons_at, admin = %admin_at, "candor is up");

    serve_beacons(beacons, door, &config, tls.beacons, &stop).await;
    admin.stop().await;
    reload::stop(reload).await;
    reload::stop(databases).await;
    reload::stop(certificates).await;
    reload::stop(fleet).await;
    producer.close(CLOSE_DEADLINE).await;
    rotation.abort();
    Ok(())
}
