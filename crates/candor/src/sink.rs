//! `candor sink`: the sink alone, between Kafka and ClickHouse. As many as the topic has partitions share
//! the work. It reads no policy: what may be stored stands in the events' grants.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use candor_event::Clock;
use candor_sink::Sink;
use candor_store::Store;
use candor_transport::kafka::KafkaConsumer;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::admin::{AdminServer, NoRoutes};
use crate::carry::{Carrying, Rest};
use crate::clock::SystemClock;
use crate::config::{Config, ConfigError};
use crate::front::bind;
use crate::readiness::Readiness;
use crate::reload;
use crate::stop::Stop;
use crate::tls::Listeners;

/// How soon ClickHouse is asked for its tables again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Runs until a signal, or until somebody must do something. Kafka and ClickHouse may come later, or go
/// and come back.
pub(crate) async fn run(config: Config, metrics: PrometheusHandle) -> Result<()> {
    let kafka = config.need_kafka("sink", "use `candor up`")?;
    let store = Store::new(&config.server()?);
    let tls = Listeners::open_admin(&config)?;
    let admin = bind(config.admin.listen).await?;
    let admin_at = admin.local_addr()?;
    let stop = Stop::on_signal()?;
    let batches = config.batches();
    let consumer = KafkaConsumer::start(kafka, config.stall_max()).map_err(ConfigError::Kafka)?;
    let readiness = Readiness::new(consumer.health(), Some(store.clone()), stop.clone());
    let admin = AdminServer::start(admin, tls.admin.clone(), readiness, metrics, NoRoutes)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let certificates = tls.follow(&config, None, &clock)?;
    tracing::info!(part = "sink", admin = %admin_at, "candor is up");

    let sink = Sink::new(consumer, store.clone(), batches, clock);
    let mut sink = Carrying::start(sink);
    let ended = tokio::select! {
        ended = sink.ended() => ended,
        Err(refused) = check_inserts(&config, &store) => Err(refused),
        () = stop.requested() => sink.finish(Rest::StoreRead).await,
    };
    admin.stop().await;
    reload::stop(certificates).await;
    ended
}

/// Whether ClickHouse can merge what this sink and its like will insert. Resolves only when it cannot:
/// it is asked for its tables until it answers.
async fn check_inserts(config: &Config, store: &Store) -> Result<Infallible> {
    loop {
        match store.purposes().await {
            Ok(purposes) => {
                config.check_inserts(purposes.len())?;
                return std::future::pending().await;
            }
            Err(error) if error.is_transient() => tokio::time::sleep(ASK_AGAIN).await,
            Err(error) => return Err(error.into()),
        }
    }
}
