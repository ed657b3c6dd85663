//! Policies that change while the process runs. They are read again when their files have changed and
//! come to rest, or at once at SIGHUP; they are taken over whole, or refused whole while those before stay
//! in force.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use candor_collector::Door;
use candor_policy::Policy;
use candor_store::Store;
use candor_transport::Producer;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::config::Config;
use crate::notices::Notices;
use crate::policies::{InForce, Stamp};
use crate::{promises, tables};

/// What follows the policies.
pub(crate) struct Following<P> {
    pub(crate) config: Config,
    pub(crate) door: Arc<Door<P>>,
    pub(crate) notices: Arc<Notices>,
    /// The database whose tables must follow; none where `candor migrate` sees to it.
    pub(crate) store: Option<Store>,
}

/// Looks after the files of policies.
struct Reload<P> {
    following: Following<P>,
    place: PathBuf,
    hangups: Signal,
    /// The files that were read last.
    seen: Stamp,
    /// The files that are in force.
    in_force: Stamp,
    /// How they looked a moment ago, when they had changed.
    changing: Option<Stamp>,
    /// What was told last of why they are not in force.
    told: Option<String>,
    /// When rows that were under way while the policies changed are looked after.
    settle_at: Option<Instant>,
}

/// How often the files are looked at, at most. They are read when they did not change in between.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Thousands of files take a while to look at: this many times as long they are left alone, which bounds what
/// looking costs to 1 % of a core.
const REST: u32 = 100;
/// However long looking takes.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(30);
/// After this long, events that were admitted before have become rows, unless something is away.
const SETTLE_AFTER: Duration = Duration::from_mins(1);

/// Begins to look after the policies, for as long as the task lives; there is nothing to look after when
/// the built-in demo is in force.
pub(crate) fn start<P: Producer>(
    following: Following<P>,
    seen: Stamp,
) -> Result<Option<JoinHandle<()>>> {
    let Some(place) = following.config.policies.dir.clone() else {
        return Ok(None);
    };
    let settle_at = following.store.as_ref().map(|_| Instant::now() + SETTLE_AFTER);
    let reload = Reload {
        hangups: signal(SignalKind::hangup())?,
        in_force: seen.clone(),
        seen,
        changing: None,
        told: None,
        settle_at,
        following,
        place,
    };
    metrics::gauge!("candor_policies_refused").set(0.0);
    Ok(Some(tokio::spawn(reload.run())))
}

/// Ends, and lets go of everything that follows.
pub(crate) async fn stop(task: Option<JoinHandle<()>>) {
    if let Some(task) = task {
        task.abort();
        // It was told to end.
        task.await.ok();
    }
}

// === impl Reload ===

impl<P: Producer> Reload<P> {
    async fn run(mut self) {
        let mut rest = LOOK_EVERY;
        loop {
            let is_asked = tokio::select! {
                () = tokio::time::sleep(rest) => false,
                _ = self.hangups.recv() => true,
            };
            let begun = Instant::now();
            let looked = self.look(is_asked).await;
            rest = LOOK_EVERY.max(begun.elapsed() * REST).min(LOOK_AT_LEAST_EVERY);
            let taken_over = match looked {
                Ok(Some(in_force)) => self.take_over(in_force).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = taken_over {
                self.tell(&error);
            }
            self.settle().await;
        }
    }

    /// Reads the policies when there is something to read. A file that is being written has no say.
    async fn look(&mut self, is_asked: bool) -> Result<Option<InForce>> {
        let stamp = stamp_of(self.place.clone()).await?;
        let is_at_rest = self.changing.as_ref() == Some(&stamp);
        if !is_asked && (stamp == self.seen || !is_at_rest) {
            self.changing = (stamp != self.seen).then_some(stamp);
            return Ok(None);
        }
        let place = self.place.clone();
        let in_force = spawn_blocking(move || InForce::load(Some(&place))).await?;
        let after = stamp_of(self.place.clone()).await?;
        if after != stamp {
            self.changing = Some(after);
            return Ok(None);
        }
        // What is refused is not read again until it changes.
        self.seen = stamp;
        self.changing = None;
        let in_force = in_force?;
        if !is_asked {
            self.check_whole(&in_force)?;
        }
        Ok(Some(in_force))
    }

    /// Most of what a policy could be cut off at is a policy, and may be a looser one. A file that was
    /// replaced was whole; one that was written to is whole when somebody said so.
    fn check_whole(&self, in_force: &InForce) -> Result<()> {
        let Some(path) = in_force.stamp.written_since(&self.in_force).next() else {
            return Ok(());
        };
        let before = self.following.door.pipeline().registry();
        let before: HashSet<_> = before.policies().iter().map(|policy| policy.version()).collect();
        let is_known = |policy: &Arc<Policy>| {
            before.contains(&policy.version()) || in_force.history.has(policy.version())
        };
        if in_force.registry.policies().iter().all(is_known) {
            return Ok(());
        }
        bail!(
            "{} was written to, and may not be whole yet: say that it is with `candor policy publish \
             --policies {}` or SIGHUP, or write another file and rename it",
            path.display(),
            self.place.display()
        )
    }

    /// The tables first, for the first beacon needs them; then what makes beacons into events; then what
    /// visitors read.
    async fn take_over(&mut self, in_force: InForce) -> Result<()> {
        let Following { config, door, notices, store } = &self.following;
        let registry = &in_force.registry;
        promises::check(config, registry)?;
        config.check_inserts(registry.purposes().len())?;
        if let Some(store) = store
            && let Err(error) = tables::migrate(config, store, registry).await
        {
            // ClickHouse may be away: the policies are taken over when it is back.
            self.seen = Stamp::default();
            return Err(error).context("the tables do not follow yet");
        }
        door.pipeline().obey(Arc::clone(registry));
        self.in_force = in_force.stamp.clone();
        tell_what_is_in_force(&in_force);
        notices.replace(in_force);
        metrics::counter!("candor_policy_reloads_total", "outcome" => "taken_over").increment(1);
        metrics::gauge!("candor_policies_refused").set(0.0);
        self.told = None;
        self.settle_at = store.as_ref().map(|_| Instant::now() + SETTLE_AFTER);
        Ok(())
    }

    /// Says once why policies are not in force.
    fn tell(&mut self, error: &anyhow::Error) {
        let reason = format!("{error:#}");
        if self.told.as_ref() == Some(&reason) {
            return;
        }
        metrics::counter!("candor_policy_reloads_total", "outcome" => "refused").increment(1);
        metrics::gauge!("candor_policies_refused").set(1.0);
        tracing::error!(reason, "the policies are not taken over; those before stay in force");
        self.told = Some(reason);
    }

    /// Rows that were under way under a looser policy follow the one in force.
    async fn settle(&mut self) {
        let Some(store) = &self.following.store else {
            return;
        };
        if self.settle_at.is_none_or(|at| Instant::now() < at) {
            return;
        }
        let registry = self.following.door.pipeline().registry();
        let settled = tables::migrate(&self.following.config, store, &registry).await;
        self.settle_at = match settled {
            Ok(()) => None,
            Err(_) => Some(Instant::now() + SETTLE_AFTER),
        };
    }
}

async fn stamp_of(place: PathBuf) -> Result<Stamp> {
    Ok(spawn_blocking(move || Stamp::of(&place)).await??)
}

/// Which policies are in force now, for the log and for whoever looks after it.
pub(crate) fn tell_what_is_in_force(in_force: &InForce) {
    let policies = in_force.registry.policies();
    let sites: usize = policies.iter().map(|policy| policy.sites().len()).sum();
    for path in &in_force.history.damaged {
        tracing::warn!(
            file = %path.display(),
            "an earlier policy is not served: the file is not the version that it is named after"
        );
    }
    tracing::info!(policies = policies.len(), sites, "the policies are in force");
}
