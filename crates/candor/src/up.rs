//! `candor up`: the life of the whole on one machine. Bind, start, serve, be told to stop, drain.
#![expect(clippy::disallowed_types, reason = "addresses to listen on")]

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use candor_collector::Door;
use candor_collector::server::{Drained, serve};
use candor_event::Clock;
use candor_pipeline::{Agents, Geo, KeyFile, KeyRing, Pipeline, Sources};
use candor_policy::Registry;
use candor_sink::Sink;
use candor_store::{Migration, Schema, Store};
use candor_transport::journal::Journal;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admin::Admin;
use crate::clock::SystemClock;
use crate::config::{Config, ConfigError};
use crate::engine::{Engine, Launch};
use crate::{assets, demo, harden, policies, telemetry};

/// What is left in the log is stored within this time after the last beacon.
const SINK_DEADLINE: Duration = Duration::from_secs(20);
/// The admin listener serves few.
const ADMIN_CONNECTIONS_MAX: usize = 64;
/// What a shell says of a program that a signal ended (128 + SIGINT).
const EXIT_INTERRUPTED: i32 = 130;
/// How often keys are looked after.
const KEY_TICK: Duration = Duration::from_secs(1);

/// Runs until a signal, or until something cannot go on.
pub(crate) async fn run(config: Config, metrics: PrometheusHandle) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let registry = Arc::new(policies::load(config.policies.dir.as_deref())?);
    // The tables of all purposes, and the ledger.
    let tables = registry.purposes().len() as u64 + 1;
    config.sink.check(tables, 1).map_err(|error| ConfigError::Value(error.to_string()))?;
    let beacons = bind(config.collector.listen).await?;
    let admin = bind(config.admin.listen).await?;
    let keys = Arc::new(keys(&config)?);
    let pipeline = pipeline(&config, &registry, &keys)?;
    // The journal's lock tells at once when another candor has the directory.
    let journal = config.data.dir.join("journal");
    let (producer, consumer) = Journal::open(&journal, config.journal.clone())?;
    let engine = Engine::start(launch(&config)?).await?;

    let store = store(&config, &engine);
    migrate(&config, &store, &registry).await?;
    let mut sink = tokio::spawn(
        Sink::new(consumer, store.clone(), config.sink.clone(), Arc::clone(&clock))
            .run(std::future::pending()),
    );

    let trusted = config.collector.trusted_proxies.clone();
    let mut door = Door::new(pipeline, producer, Arc::clone(&clock), trusted);
    let admin_address = admin.local_addr()?;
    let mut demo_origins = HashSet::new();
    if registry.is_demo() {
        door = demo::pages(door, &format!("http://{admin_address}"), &engine.url());
        demo_origins = origins(beacons.local_addr()?);
    }
    let door = Arc::new(door);
    let ready = Arc::new(AtomicBool::new(true));
    let service = Admin {
        door: Arc::clone(&door),
        store,
        clock: Arc::clone(&clock),
        metrics: metrics.clone(),
        ready: Arc::clone(&ready),
        only_this_machine: admin_address.ip().is_loopback(),
        demo_origins,
    };
    let (stop, stopped) = watch::channel(false);
    let admin =
        tokio::spawn(serve(admin, Arc::new(service), ADMIN_CONNECTIONS_MAX, told(&stopped)));
    let upkeep = tokio::spawn(telemetry::upkeep(metrics));
    let rotation = tokio::spawn(rotate(Arc::clone(&keys), clock));
    tracing::info!(
        beacons = %beacons.local_addr()?, admin = %admin_address, clickhouse = engine.url(),
        "candor is up"
    );

    let failed = {
        let serving = serve(beacons, Arc::clone(&door), connections(&config), stopping(&ready));
        tokio::select! {
            drained = serving => {
                say_drained(drained);
                None
            }
            ended = &mut sink => Some(ended),
        }
    };
    ready.store(false, Ordering::SeqCst);
    // The log is closed by its last producer: the door, which the admin listener holds too.
    stop.send_replace(true);
    admin.await?;
    drop(door);
    let outcome = match failed {
        Some(ended) => ended?.context("the sink cannot go on"),
        None => drain(sink).await,
    };
    upkeep.abort();
    rotation.abort();
    engine.stop().await;
    outcome
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: is another candor running?"))
}

fn keys(config: &Config) -> Result<KeyRing> {
    let file = config.keys.file.as_deref().map(KeyFile::open).transpose()?;
    Ok(KeyRing::new(config.key_period(), file))
}

fn pipeline(config: &Config, registry: &Arc<Registry>, keys: &Arc<KeyRing>) -> Result<Pipeline> {
    let rules = assets::agent_rules(config.agents.rules.as_deref())?;
    let geo = Geo::open(config.geo.places.as_deref(), config.geo.networks.as_deref())
        .map_err(|error| ConfigError::Value(format!("{error}: {}", error.source)))?;
    let sources = Sources { agents: Agents::from_yaml(&rules)?, geo };
    Ok(Pipeline::new(Arc::clone(registry), Arc::clone(keys), sources))
}

fn launch(config: &Config) -> Result<Launch> {
    Ok(Launch {
        program: assets::engine_program()?,
        library: assets::library(config.engine.library.as_deref())?,
        data: config.data.dir.join("clickhouse"),
        listen: config.engine.listen,
    })
}

fn store(config: &Config, engine: &Engine) -> Store {
    Store::new(&candor_store::Config { url: engine.url(), ..config.clickhouse.clone() })
}

async fn migrate(config: &Config, store: &Store, registry: &Registry) -> Result<()> {
    let clickhouse = &config.clickhouse;
    let schema = Schema::in_database(registry, &clickhouse.database, clickhouse.tables);
    let migration = Migration::plan(store, &schema).await?;
    let statements = migration.statements().len();
    if statements > 0 {
        tracing::info!(statements, "bringing the tables to what the policies say");
    }
    Ok(migration.apply(store).await?)
}

/// The addresses under which a browser on this machine sees the demo page.
fn origins(beacons: SocketAddr) -> HashSet<String> {
    let port = beacons.port();
    [beacons.to_string(), format!("localhost:{port}"), format!("127.0.0.1:{port}")]
        .map(|host| format!("http://{host}"))
        .into()
}

/// Keys die on time although no beacon comes.
async fn rotate(keys: Arc<KeyRing>, clock: Arc<dyn Clock>) {
    let mut tick = tokio::time::interval(KEY_TICK);
    loop {
        tick.tick().await;
        if keys.tick(clock.now()).is_err() {
            tracing::error!("no key can be drawn: beacons are refused");
        }
    }
}

fn told(stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stopped = stopped.clone();
    async move {
        // An error means that whoever tells is gone, which tells the same.
        stopped.wait_for(|stopped| *stopped).await.ok();
    }
}

/// As many connections as are wanted and as there are files for.
fn connections(config: &Config) -> usize {
    let (wanted, possible) = (config.collector.connections_max, harden::connections());
    if possible < wanted {
        tracing::warn!(
            wanted,
            possible,
            "fewer connections than wanted: raise the limit of open files"
        );
    }
    wanted.min(possible)
}

/// Resolves at the first signal, from when on we are not ready; a second one ends the process at once,
/// which loses nothing either.
async fn stopping(ready: &AtomicBool) {
    stop_signal().await;
    ready.store(false, Ordering::SeqCst);
    tracing::info!("draining; a second signal stops at once");
    tokio::spawn(async {
        stop_signal().await;
        std::process::exit(EXIT_INTERRUPTED);
    });
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("signals cannot be heard: kill is the only way to stop");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn say_drained(drained: Drained) {
    if drained == Drained::Late {
        tracing::warn!("some connections were cut off at the deadline");
    }
}

async fn drain(sink: tokio::task::JoinHandle<Result<(), candor_sink::SinkError>>) -> Result<()> {
    let Ok(ended) = tokio::time::timeout(SINK_DEADLINE, sink).await else {
        tracing::warn!("what is left in the journal is stored at the next start");
        return Ok(());
    };
    ended?.context("the sink cannot go on")
}
