//! `candor up`: the whole on one machine, around an embedded ClickHouse. Bind, start, serve, be told to
//! stop, drain.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Result;
use candor_collector::Pages;
use candor_event::Clock;
use candor_sink::Sink;
use candor_store::Store;
use candor_transport::Consumer;
use candor_transport::journal::Journal;
use candor_transport::kafka::KafkaConsumer;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use crate::admin::{AdminServer, Imports};
use crate::carry::{Carrying, Rest};
use crate::clock::SystemClock;
use crate::collect::CLOSE_DEADLINE;
use crate::config::{Config, ConfigError, LogKind};
use crate::demo::{self, Demo};
use crate::engine::{Engine, Launch};
use crate::fleet::Fleet;
use crate::front::{Front, bind, serve_beacons};
use crate::log::LogProducer;
use crate::notices::Notices;
use crate::policies::InForce;
use crate::readiness::Readiness;
use crate::reload::Following;
use crate::stop::Stop;
use crate::tls::Listeners;
use crate::{assets, databases, promises, reload, tables, topic};

/// Everything that was opened before the log.
struct Opened {
    config: Config,
    in_force: InForce,
    clock: Arc<dyn Clock>,
    front: Front,
    fleet: Fleet,
    beacons: TcpListener,
    admin: TcpListener,
    tls: Listeners,
    stop: Stop,
    metrics: PrometheusHandle,
}

/// Both ends of the log, and what its end means for the sink.
struct Log<C> {
    producer: LogProducer,
    consumer: C,
    rest: Rest,
}

/// Runs until a signal, or until something cannot go on.
pub(crate) async fn run(config: Config, metrics: PrometheusHandle) -> Result<()> {
    let opened = open(config, metrics).await?;
    match opened.config.log.kind {
        LogKind::Journal => {
            // The journal's lock tells at once when another candor has the directory.
            let dir = opened.config.data.dir.join("journal");
            let (producer, consumer) = Journal::open(&dir, opened.config.journal.clone())?;
            let producer = LogProducer::journal(producer, &opened.config);
            live(opened, Log { producer, consumer, rest: Rest::ReadAll }).await
        }
        LogKind::Kafka => {
            let kafka = opened.config.kafka()?;
            topic::ensure(kafka).await?;
            let consumer = KafkaConsumer::start(kafka, opened.config.stall_max())
                .map_err(ConfigError::Kafka)?;
            let clock = Arc::clone(&opened.clock);
            let producer = LogProducer::kafka(kafka, &opened.config, clock).await?;
            live(opened, Log { producer, consumer, rest: Rest::StoreRead }).await
        }
    }
}

/// Whatever can be refused is refused before anything is started.
async fn open(config: Config, metrics: PrometheusHandle) -> Result<Opened> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let in_force = InForce::load(config.policies.dir.as_deref())?;
    promises::check(&config, &in_force.registry)?;
    if config.log.kind == LogKind::Kafka {
        config.kafka()?;
    }
    config.check_inserts(in_force.registry.purposes().len())?;
    let tls = Listeners::open(&config)?;
    let beacons = bind(config.collector.listen).await?;
    let admin = bind(config.admin.listen).await?;
    let fleet = Fleet::open(&config).await?;
    let stop = Stop::on_signal()?;
    let front = Front::open(&config, &in_force, &clock, fleet.source())?;
    Ok(Opened { config, in_force, clock, front, fleet, beacons, admin, tls, stop, metrics })
}

async fn live<C: Consumer>(opened: Opened, log: Log<C>) -> Result<()> {
    let Opened { config, in_force, clock, front, fleet, beacons, admin, tls, stop, metrics } =
        opened;
    let (beacons_at, admin_at) = (beacons.local_addr()?, admin.local_addr()?);
    let engine = Engine::start(launch(&config)?).await?;
    let store = Store::new(&config.embedded(engine.url()));
    tables::migrate(&config, &store, &in_force.registry).await?;
    let sink = Sink::new(log.consumer, store.clone(), config.batches(), Arc::clone(&clock));
    let mut sink = Carrying::start(sink);

    let keys = front.keys();
    let certificates = tls.follow(&config, fleet.certificates(), &clock)?;
    let fleet = fleet.start(keys.ring(), Arc::clone(&clock), &stop).await;
    let notices = Notices::new(in_force.clone());
    let (door, rotation) = front.door(&config, log.producer.clone());
    let mut door = door.with_pages(Arc::clone(&notices) as Arc<dyn Pages>);
    let mut origins = HashSet::new();
    if in_force.registry.is_demo() {
        door = demo::pages(door, &format!("http://{admin_at}"), &engine.url());
        origins = demo::origins(beacons_at);
    }
    let door = Arc::new(door);
    let following = Following {
        config: config.clone(),
        door: Arc::clone(&door),
        notices,
        store: Some(store.clone()),
    };
    let reload = reload::start(following, in_force.stamp)?;
    let databases = databases::follow(&config, Arc::clone(&door))?;
    let readiness =
        Readiness::new(log.producer.clone(), Some(store.clone()), stop.clone()).with_keys(keys);
    let imports = Imports { door: Arc::clone(&door), clock };
    let routes = Demo { imports, store, origins };
    let admin = AdminServer::start(admin, tls.admin.clone(), readiness, metrics, routes)?;
    tracing::info!(
        part = "all", beacons = %beacons_at, admin = %admin_at, clickhouse = engine.url(),
        "candor is up"
    );

    let failed = tokio::select! {
        () = serve_beacons(beacons, Arc::clone(&door), &config, tls.beacons, &stop) => None,
        ended = sink.ended() => Some(ended),
    };
    // A journal is closed by its last producer; the door, which the admin listener holds too, has one.
    admin.stop().await;
    reload::stop(reload).await;
    reload::stop(databases).await;
    reload::stop(certificates).await;
    reload::stop(fleet).await;
    drop(door);
    log.producer.close(CLOSE_DEADLINE).await;
    let outcome = match failed {
        Some(ended) => ended,
        None => sink.finish(log.rest).await,
    };
    rotation.abort();
    engine.stop().await;
    outcome
}

fn launch(config: &Config) -> Result<Launch> {
    Ok(Launch {
        program: assets::engine_program()?,
        arguments: Vec::new(),
        library: assets::library(config.engine.library.as_deref())?,
        data: config.data.dir.join("clickhouse"),
        listen: config.engine.listen,
    })
}
