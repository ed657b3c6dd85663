//! The collector's side of a process: the keys, the door, and the listener for beacons.
#![expect(clippy::disallowed_types, reason = "addresses to listen on")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use candor_collector::Door;
use candor_collector::server::{Drained, Settings, serve};
use candor_collector::tls::Tls;
use candor_event::Clock;
use candor_pipeline::{Agents, KeyFile, KeyRing, KeySource, Pipeline, Sources};
use candor_transport::Producer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::policies::InForce;
use crate::stop::Stop;
use crate::{assets, databases, harden, tracker};

/// What makes beacons into events.
#[derive(Debug)]
pub(crate) struct Front {
    keys: Arc<KeyRing>,
    pipeline: Pipeline,
    clock: Arc<dyn Clock>,
}

/// Knows whether there is a key for beacons.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    ring: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
}

/// How often keys are looked after.
const KEY_TICK: Duration = Duration::from_secs(1);

// === impl Front ===

impl Front {
    /// Opens the key, the user agent rules and the address databases.
    pub(crate) fn open(
        config: &Config,
        in_force: &InForce,
        clock: &Arc<dyn Clock>,
        source: KeySource,
    ) -> Result<Self> {
        let file = config.keys.file.as_deref().map(KeyFile::open).transpose()?;
        let keys = Arc::new(KeyRing::of(source, config.key_period(), file));
        let rules = assets::agent_rules(config.agents.rules.as_deref())?;
        let files = assets::geo(&config.geo)?;
        databases::warn_of_missing(&files, &in_force.registry);
        let geo = databases::open(&files)?;
        let agents = Agents::from_yaml(&rules)?.with_bots(assets::bots(&config.agents)?);
        let spam = assets::spam(config.agents.referrer_spam.as_deref())?;
        let sources = Sources { agents, geo, spam };
        let pipeline = Pipeline::new(Arc::clone(&in_force.registry), Arc::clone(&keys), sources);
        Ok(Self { keys, pipeline, clock: Arc::clone(clock) })
    }

    /// Whether there is a key.
    pub(crate) fn keys(&self) -> Keys {
        Keys::new(Arc::clone(&self.keys), Arc::clone(&self.clock))
    }

    /// The door before this log. Keys rotate from now on, until the task is aborted.
    pub(crate) fn door<P: Producer>(
        self,
        config: &Config,
        producer: P,
    ) -> (Door<P>, JoinHandle<()>) {
        let rotation = tokio::spawn(rotate(self.keys, Arc::clone(&self.clock)));
        let door = Door::new(self.pipeline, producer, self.clock, &config.collector);
        (tracker::scripts(door, &config.collector.tracker_path), rotation)
    }
}

// === impl Keys ===

impl Keys {
    pub(crate) fn new(ring: Arc<KeyRing>, clock: Arc<dyn Clock>) -> Self {
        Self { ring, clock }
    }

    /// The keys themselves.
    pub(crate) fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring)
    }

    /// Whether beacons can be taken; otherwise why not, in words.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.ring.has_key(self.clock.now()) {
            return Ok(());
        }
        Err(self.ring.missing().to_owned())
    }
}

/// Takes beacons until the process is to stop, and answers those that are under way.
pub(crate) async fn serve_beacons<P: Producer>(
    listener: TcpListener,
    door: Arc<Door<P>>,
    config: &Config,
    tls: Option<Tls>,
    stop: &Stop,
) {
    let settings = Settings {
        name: "beacons",
        connections_max: connections(config),
        connections_of_network_max: config.collector.limits.connections_of_network,
        requests_end: true,
        tls,
    };
    if serve(listener, door, settings, stop.requested()).await == Drained::Late {
        tracing::warn!("some connections were cut off at the deadline");
    }
}

/// Takes an address, before anything else is done.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: is another candor running?"))
}

/// Keys die on time although no beacon comes.
async fn rotate(keys: Arc<KeyRing>, clock: Arc<dyn Clock>) {
    let mut tick = tokio::time::interval(KEY_TICK);
    let (mut is_missing, mut told) = (false, false);
    loop {
        tick.tick().await;
        let was_missing = std::mem::replace(&mut is_missing, keys.tick(clock.now()).is_err());
        if is_missing && !was_missing {
            tracing::error!("{}: beacons are refused", keys.missing());
        } else if was_missing && !is_missing {
            tracing::info!("there is a key again: beacons are taken");
        } else if !told && keys.is_locked() == Some(false) {
            told = true;
            tracing::warn!(
                "the key's memory cannot be locked: it may be swapped out; raise RLIMIT_MEMLOCK"
            );
        }
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
