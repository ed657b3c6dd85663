//! TLS of the listeners, and of the fleet: certificates and keys are read at the start, and again when their files have changed
//! and come to rest, or at once at SIGHUP. Files that cannot be used change nothing. When certificates run out is measured.

mod expiry;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use candor_collector::tls::{self, Certificates, Tls, TlsConfig, TlsError};
use candor_event::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::config::{Config, ConfigError, LogKind};
use crate::policies::Stamp;
use expiry::Expiry;

/// TLS of both listeners, where they have it.
#[derive(Clone, Debug)]
pub(crate) struct Listeners {
    pub(crate) beacons: Option<Tls>,
    pub(crate) admin: Option<Tls>,
}

/// Looks after the files of one listener, or of the fleet.
struct Follower {
    name: &'static str,
    tls: Arc<dyn Certificates>,
    expiry: Expiry,
    /// The files that were read last.
    seen: Stamp,
    /// How they looked a moment ago, when they had changed.
    changing: Option<Stamp>,
}

/// How often the files are looked at. They are read when they did not change in between.
const LOOK_EVERY: Duration = Duration::from_secs(1);

// === impl Listeners ===

impl Listeners {
    /// Reads the files of both listeners.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        Ok(Self { beacons: load(&config.collector.tls)?, admin: load(&config.admin.tls)? })
    }

    /// Reads the files of the admin listener, where there is no other.
    pub(crate) fn open_admin(config: &Config) -> Result<Self> {
        Ok(Self { beacons: None, admin: load(&config.admin.tls)? })
    }

    /// Looks after the files, and after those of the fleet, until the task is aborted; there is nothing to
    /// look after without any. The certificate that Kafka is shown is read by its client alone, at the start.
    pub(crate) fn follow(
        &self,
        config: &Config,
        fleet: Option<Arc<dyn Certificates>>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<JoinHandle<()>>> {
        let of =
            |tls: &Option<Tls>| tls.clone().map(|tls| -> Arc<dyn Certificates> { Arc::new(tls) });
        let all = [("beacons", of(&self.beacons)), ("admin", of(&self.admin)), ("fleet", fleet)];
        let follower = |(name, tls): (_, Option<_>)| Some(Follower::of(name, tls?, clock));
        let followers: Vec<_> = all.into_iter().filter_map(follower).collect();
        let kafka = shown_to_kafka(config, clock)?;
        if followers.is_empty() && kafka.is_none() {
            return Ok(None);
        }
        let hangups = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
        Ok(Some(tokio::spawn(look_after(followers, kafka, hangups))))
    }
}

fn load(config: &TlsConfig) -> Result<Option<Tls>> {
    let Some(files) = config.files().map_err(|error| ConfigError::Value(error.to_string()))? else {
        return Ok(None);
    };
    Config::check_secret(&files.key_file)?;
    let tls = Tls::load(files).map_err(|error| ConfigError::Value(said(&error)))?;
    Ok(Some(tls))
}

/// The certificate by which Kafka knows us, if it is shown one.
fn shown_to_kafka(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Expiry>> {
    let file = config.kafka.security.certificate_file.as_ref();
    let Some(file) = file.filter(|_| config.log.kind == LogKind::Kafka) else {
        return Ok(None);
    };
    let expires_at = tls::expires_at(file).map_err(|error| ConfigError::Value(said(&error)))?;
    let mut expiry = Expiry::new("kafka", Arc::clone(clock));
    expiry.read(expires_at);
    Ok(Some(expiry))
}

async fn look_after(
    mut followers: Vec<Follower>,
    mut kafka: Option<Expiry>,
    mut hangups: tokio::signal::unix::Signal,
) {
    loop {
        let is_asked = tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => false,
            _ = hangups.recv() => true,
        };
        for follower in &mut followers {
            follower.look(is_asked).await;
            follower.expiry.look();
        }
        if let Some(kafka) = &mut kafka {
            kafka.look();
        }
    }
}

// === impl Follower ===

impl Follower {
    fn of(name: &'static str, tls: Arc<dyn Certificates>, clock: &Arc<dyn Clock>) -> Self {
        metrics::gauge!("candor_tls_refused", "listener" => name).set(0.0);
        let seen = Stamp::of_files(tls.files().paths());
        let mut expiry = Expiry::new(name, Arc::clone(clock));
        expiry.read(tls.expires_at());
        Self { name, tls, expiry, seen, changing: None }
    }

    async fn look(&mut self, is_asked: bool) {
        let now = Stamp::of_files(self.tls.files().paths());
        let is_at_rest = self.changing.as_ref() == Some(&now);
        self.changing = (now != self.seen).then(|| now.clone());
        if !is_asked && (self.changing.is_none() || !is_at_rest) {
            return;
        }
        self.seen = now;
        self.changing = None;
        let tls = Arc::clone(&self.tls);
        let read = spawn_blocking(move || {
            Config::check_secret(&tls.files().key_file)?;
            tls.reload().map_err(|error| ConfigError::Value(said(&error)))
        });
        let refused = match read.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        let (listener, outcome) =
            (self.name, if refused.is_none() { "taken_over" } else { "refused" });
        metrics::counter!("candor_tls_reloads_total", "listener" => listener, "outcome" => outcome)
            .increment(1);
        let is_refused = if refused.is_some() { 1.0 } else { 0.0 };
        metrics::gauge!("candor_tls_refused", "listener" => listener).set(is_refused);
        match refused {
            None => {
                tracing::info!(listener, "the certificate was read again");
                self.expiry.read(self.tls.expires_at());
            }
            Some(reason) => tracing::error!(
                listener,
                reason,
                "the certificate is not taken over; the one before stays in use"
            ),
        }
    }
}

/// An error with what caused it, once.
pub(crate) fn said(error: &TlsError) -> String {
    match error {
        TlsError::Read { path, source } => format!("cannot read {}: {source}", path.display()),
        error => error.to_string(),
    }
}
