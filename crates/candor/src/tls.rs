//! TLS of the listeners, and of the fleet: certificates and keys are read at the start, and again when their files have changed
//! and come to rest, or at once at SIGHUP. Files that cannot be used change nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use candor_collector::tls::{Certificates, Tls, TlsConfig, TlsError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::config::{Config, ConfigError};
use crate::policies::Stamp;

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
    /// look after without any.
    pub(crate) fn follow(
        &self,
        fleet: Option<Arc<dyn Certificates>>,
    ) -> Result<Option<JoinHandle<()>>> {
        let of =
            |tls: &Option<Tls>| tls.clone().map(|tls| -> Arc<dyn Certificates> { Arc::new(tls) });
        let all = [("beacons", of(&self.beacons)), ("admin", of(&self.admin)), ("fleet", fleet)];
        let followers: Vec<_> =
            all.into_iter().filter_map(|(name, tls)| Some(Follower::of(name, tls?))).collect();
        if followers.is_empty() {
            return Ok(None);
        }
        let hangups = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
        Ok(Some(tokio::spawn(look_after(followers, hangups))))
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

async fn look_after(mut followers: Vec<Follower>, mut hangups: tokio::signal::unix::Signal) {
    loop {
        let is_asked = tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => false,
            _ = hangups.recv() => true,
        };
        for follower in &mut followers {
            follower.look(is_asked).await;
        }
    }
}

// === impl Follower ===

impl Follower {
    fn of(name: &'static str, tls: Arc<dyn Certificates>) -> Self {
        metrics::gauge!("candor_tls_refused", "listener" => name).set(0.0);
        let seen = Stamp::of_files(tls.files().paths());
        Self { name, tls, seen, changing: None }
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
            None => tracing::info!(listener, "the certificate was read again"),
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
