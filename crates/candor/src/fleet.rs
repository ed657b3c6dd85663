//! The keys of a fleet: this collector draws them alone, hands them to others, or asks its leader for them.
//! None of it meets a visitor, and nothing of a key is logged, counted or told.

mod follower;
mod leader;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use candor_collector::tls::{Certificates, Tls, TlsError, TlsFiles};
use candor_event::Clock;
use candor_pipeline::{KeyRing, KeySource};
use rustls::ClientConfig;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError, Role};
use crate::front::bind;
use crate::stop::Stop;
use crate::tls::said;
use follower::Follower;

/// The part that this collector has, with what it needs for it.
#[derive(Debug)]
pub(crate) enum Fleet {
    Alone,
    Follows(Follower),
    Leads { listener: TcpListener, tls: Tls },
}

/// The one path of the handover.
const PATH: &str = "/v1/keys";
/// A follower asks at least this often, so that it has the next key in time and a new leader's soon.
const ASK_EVERY_MAX: Duration = Duration::from_secs(10);
/// And no more often than this.
const ASK_EVERY_MIN: Duration = Duration::from_millis(250);
/// So many times it asks in each epoch, where epochs are short.
const ASKS_OF_EPOCH: u32 = 8;

impl Fleet {
    /// Reads the certificates; a leader takes its address.
    ///
    /// # Errors
    /// They cannot be used, or the address is taken.
    pub(crate) async fn open(config: &Config) -> Result<Self> {
        Ok(match config.keys.fleet.role()? {
            None => Self::Alone,
            Some(Role::Follows(leader, files)) => {
                let tls = load(files, Tls::<ClientConfig>::to_members)?;
                Self::Follows(Follower::new(leader, tls, ask_every(config.keys.rotation_s)))
            }
            Some(Role::Leads(listen, files)) => {
                let tls = load(files, Tls::for_members)?;
                Self::Leads { listener: bind(listen).await?, tls }
            }
        })
    }

    /// Where a ring of this collector has its keys from.
    pub(crate) fn source(&self) -> KeySource {
        match self {
            Self::Alone => KeySource::Alone,
            Self::Follows(_) => KeySource::Follows,
            Self::Leads { .. } => KeySource::Leads,
        }
    }

    /// What is to be read again when it changes.
    pub(crate) fn certificates(&self) -> Option<Arc<dyn Certificates>> {
        match self {
            Self::Alone => None,
            Self::Follows(follower) => Some(Arc::new(follower.tls.clone())),
            Self::Leads { tls, .. } => Some(Arc::new(tls.clone())),
        }
    }

    /// Begins to hand keys out, or to ask for them: once before this returns, so that no beacon need be refused
    /// where the leader is there. It goes on until the task is aborted.
    pub(crate) async fn start(
        self,
        keys: Arc<KeyRing>,
        clock: Arc<dyn Clock>,
        stop: &Stop,
    ) -> Option<JoinHandle<()>> {
        match self {
            Self::Alone => None,
            Self::Follows(mut follower) => {
                follower.ask(&keys, &*clock).await;
                Some(tokio::spawn(follower.run(keys, clock)))
            }
            Self::Leads { listener, tls } => {
                let stop = stop.requested();
                Some(tokio::spawn(leader::hand_out(listener, tls, keys, clock, stop)))
            }
        }
    }
}

fn load<C>(
    files: TlsFiles,
    load: impl FnOnce(TlsFiles) -> Result<Tls<C>, TlsError>,
) -> Result<Tls<C>, ConfigError> {
    Config::check_secret(&files.key_file)?;
    load(files).map_err(|error| ConfigError::Value(format!("[keys.fleet]: {}", said(&error))))
}

fn ask_every(rotation_s: u32) -> Duration {
    let part = Duration::from_secs(rotation_s.into()) / ASKS_OF_EPOCH;
    part.clamp(ASK_EVERY_MIN, ASK_EVERY_MAX)
}
