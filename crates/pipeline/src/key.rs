//! The rotating key under which addresses and ids are hashed.
//!
//! One random key per deployment and epoch, in locked memory; a site's key is derived from it, so that
//! all are destroyed together at rotation. There is no stored master: whole IPv4 under a known key
//! falls within minutes, so a key that can be found again protects nothing. Epochs end at multiples of
//! the rotation period in UTC. A restart finds the key on tmpfs, when the operator gave a place there
//! ([`KeyFile`]), or starts a new epoch, which splits the day: events carry the epoch's random name, so
//! that a split can be seen.
//!
//! The collectors of a fleet share a key: one leads, draws it and hands it to the others
//! ([`KeyRing::handover`], [`KeyRing::take_over`]).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use candor_event::Timestamp;

use crate::rejection::Rejection;
use form::Held;

mod epoch;
mod file;
mod fleet;
mod form;

pub use file::{KeyFile, KeyFileError};
pub use fleet::{HANDOVER_BYTES, Handover, TakeOverError, TakenOver};

pub(crate) use epoch::{Epoch, SiteKey};

/// Draws, rotates and destroys the keys.
pub struct KeyRing {
    current: ArcSwapOption<Epoch>,
    waiting: Mutex<Waiting>,
    source: KeySource,
    period: KeyPeriod,
    /// The most seconds that policies let a key live, which may be fewer than the period has.
    seconds_max: AtomicU32,
    file: Option<KeyFile>,
}

/// Where a ring has its keys from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeySource {
    /// It draws them, and nobody else has them: the only collector of its deployment.
    #[default]
    Alone,
    /// It takes over what the leader of its fleet hands out, and never draws one.
    Follows,
    /// It draws them, the next one ahead of its time, and hands them to its fleet.
    Leads,
}

/// What is not in use yet. Whoever changes the ring holds it.
#[derive(Default)]
struct Waiting {
    /// What the key file held at the start.
    found: Option<Held>,
    /// The epoch after the present one.
    next: Option<Epoch>,
}

/// A leader draws the next key this long before its time, so that all have it when they rotate.
const AHEAD_SECONDS: u32 = 120;
/// The clocks of a fleet differ by less than this; a follower refuses what comes from further away.
const CLOCK_SECONDS_MAX: u32 = 60;

/// How long keys live.
#[derive(Clone, Copy, Debug)]
pub struct KeyPeriod {
    /// Seconds between rotations, aligned to UTC: 86,400 rotates at midnight.
    pub rotation_seconds: u32,
    /// Seconds for which the key before still serves to recognise a session that crosses a rotation.
    pub overlap_seconds: u32,
}

// === impl KeyPeriod ===

impl Default for KeyPeriod {
    /// Daily, with an overlap of half an hour.
    fn default() -> Self {
        Self { rotation_seconds: 86_400, overlap_seconds: 1_800 }
    }
}

impl KeyPeriod {
    /// The end of the epoch that `now` lies in.
    fn end(self, now: Timestamp) -> Timestamp {
        let period = i64::from(self.rotation_seconds.max(1));
        let epoch = now.unix().div_euclid(period);
        Timestamp::from_unix(epoch.saturating_add(1).saturating_mul(period))
    }
}

// === impl KeyRing ===

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("period", &self.period).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// A ring that draws its keys itself, and holds them in memory only, or also in `file`.
    pub fn new(period: KeyPeriod, file: Option<KeyFile>) -> Self {
        Self::of(KeySource::Alone, period, file)
    }

    /// A ring that has its keys from `source`.
    pub fn of(source: KeySource, period: KeyPeriod, file: Option<KeyFile>) -> Self {
        let found = file.as_ref().and_then(KeyFile::read);
        Self {
            current: ArcSwapOption::empty(),
            waiting: Mutex::new(Waiting { found, next: None }),
            source,
            period,
            seconds_max: AtomicU32::new(u32::MAX),
            file,
        }
    }

    /// Lets no key live for longer than this, from the next [`Self::tick`] on also the one that lives.
    pub(crate) fn keep_to(&self, seconds_max: u32) {
        self.seconds_max.store(seconds_max, Ordering::Relaxed);
    }

    /// Rotates when it is time, and destroys the key before when its time is over; a leader draws the next
    /// key when it is near. To be called now and then, so that keys die on time although no beacon comes.
    ///
    /// # Errors
    /// [`Rejection::KeyMissing`]: no key can be had; beacons are refused until one can.
    pub fn tick(&self, now: Timestamp) -> Result<(), Rejection> {
        let mut waiting = self.lock();
        let turned = self.turn(&mut waiting, now).and_then(|_| self.look_after(&mut waiting, now));
        let last = waiting.next.as_ref().map(|next| next.until);
        let last = last.or_else(|| Some(self.current.load().as_ref()?.until));
        let left = last.map_or(0, |until| until.unix().saturating_sub(now.unix()).max(0));
        metrics::gauge!("pipeline_key_seconds_left")
            .set(f64::from(i32::try_from(left).unwrap_or(i32::MAX)));
        turned
    }

    /// Ends every epoch now: whatever was hashed so far can never be linked again.
    pub fn destroy(&self) {
        let mut waiting = self.lock();
        *waiting = Waiting::default();
        self.forget();
    }

    /// Whether there is a key for this moment, so that beacons are taken.
    pub fn has_key(&self, now: Timestamp) -> bool {
        self.at(now).is_ok()
    }

    /// Why there is no key when there is none, in words.
    pub fn missing(&self) -> &'static str {
        match self.source {
            KeySource::Alone | KeySource::Leads => "no key can be drawn",
            KeySource::Follows => "the leader of the fleet has handed out no key of this epoch",
        }
    }

    /// Whether the key of the present epoch is kept out of swap and core dumps; `None` without a key.
    pub fn is_locked(&self) -> Option<bool> {
        self.current.load().as_ref().map(|epoch| epoch.key.is_locked())
    }

    /// The epoch of this moment. The clock never turns an epoch back: a moment before the epoch's
    /// beginning belongs to it.
    ///
    /// # Errors
    /// [`Rejection::KeyMissing`]: no key can be drawn, or the leader has handed none out.
    pub(crate) fn at(&self, now: Timestamp) -> Result<Arc<Epoch>, Rejection> {
        match self.current.load_full() {
            Some(epoch) if now < epoch.until => Ok(epoch),
            _ => self.turn(&mut self.lock(), now),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of the epoch that `now` lies in.
    fn end(&self, now: Timestamp) -> Timestamp {
        let seconds_max = self.seconds_max.load(Ordering::Relaxed);
        let rotation_seconds = self.period.rotation_seconds.min(seconds_max);
        KeyPeriod { rotation_seconds, ..self.period }.end(now)
    }

    /// When an epoch ends here: not later than its own end, nor than policies let a key of its beginning
    /// live. Where the clock was turned back by much, its beginning says nothing.
    fn end_of(&self, epoch: &Epoch, now: Timestamp) -> Timestamp {
        let is_ahead = epoch.from > now.plus_seconds(CLOCK_SECONDS_MAX.into());
        epoch.until.min(self.end(if is_ahead { now } else { epoch.from }))
    }

    /// For how long the key before serves. In a fleet it was drawn ahead of its time, and another clock may
    /// have to end it; it lives no longer for that.
    fn overlap_seconds(&self) -> u32 {
        let less =
            if self.source == KeySource::Alone { 0 } else { AHEAD_SECONDS + CLOCK_SECONDS_MAX };
        self.period.overlap_seconds.saturating_sub(less)
    }

    /// The epoch of this moment, after a rotation when it is time for one.
    fn turn(&self, waiting: &mut Waiting, now: Timestamp) -> Result<Arc<Epoch>, Rejection> {
        let mut before = self.current.load_full();
        if let Some(epoch) = before.as_ref().filter(|epoch| now < self.end_of(epoch, now)) {
            return Ok(Arc::clone(epoch));
        }
        let reason = if before.is_some() { "rotation" } else { "start" };
        if let Some(Held { current, next, .. }) = waiting.found.take() {
            waiting.next = next;
            let until = self.end_of(&current, now);
            if now < until {
                let restored = current.again(until, current.previous.clone());
                return Ok(self.begin(restored, waiting, now, "restored"));
            }
            before = Some(Arc::new(current));
        }
        let previous = before.as_ref().and_then(|epoch| {
            epoch.retire(self.end_of(epoch, now).plus_seconds(self.overlap_seconds().into()), now)
        });
        let next = waiting.next.take_if(|next| next.from <= now);
        if let Some(next) = next.filter(|next| now < self.end_of(next, now)) {
            let next = next.again(self.end_of(&next, now), previous);
            return Ok(self.begin(next, waiting, now, reason));
        }
        if self.source == KeySource::Follows {
            if before.is_some() {
                self.forget();
            }
            return Err(Rejection::KeyMissing);
        }
        // The next one is handed out already, and begins when it says.
        let end = self.end(now);
        let until = waiting.next.as_ref().map_or(end, |next| next.from.min(end));
        let drawn = Epoch::draw(now, until, previous).ok_or(Rejection::KeyMissing)?;
        Ok(self.begin(drawn, waiting, now, reason))
    }

    /// Ends what has to end earlier than it was to, lets go of the key before, draws the next one ahead.
    fn look_after(&self, waiting: &mut Waiting, now: Timestamp) -> Result<(), Rejection> {
        let Some(epoch) = self.current.load_full() else {
            return Ok(());
        };
        let until = self.end_of(&epoch, now);
        let previous = epoch.previous.clone().filter(|previous| now < previous.until);
        let is_near = until <= now.plus_seconds(AHEAD_SECONDS.into());
        let draws = self.source == KeySource::Leads && waiting.next.is_none() && is_near;
        if draws {
            let next = Epoch::draw(until, self.end(until), None);
            waiting.next = Some(next.ok_or(Rejection::KeyMissing)?);
        }
        if draws || until != epoch.until || previous.is_some() != epoch.previous.is_some() {
            self.install(epoch.again(until, previous), waiting, now);
        }
        Ok(())
    }

    /// Leaves no key of the present epoch, here or in the file.
    fn forget(&self) {
        if let Some(epoch) = self.current.swap(None) {
            tracing::info!(
                epoch = epoch.id(),
                "an epoch of keys has ended, and there is none after it"
            );
        }
        if let Some(file) = &self.file {
            file.erase();
        }
    }

    fn begin(
        &self,
        epoch: Epoch,
        waiting: &Waiting,
        now: Timestamp,
        reason: &'static str,
    ) -> Arc<Epoch> {
        metrics::counter!("pipeline_key_epochs_total", "reason" => reason).increment(1);
        let (id, until) = (epoch.id(), epoch.until.unix());
        tracing::info!(epoch = id, until, reason, "an epoch of keys begins");
        self.install(epoch, waiting, now)
    }

    fn install(&self, epoch: Epoch, waiting: &Waiting, now: Timestamp) -> Arc<Epoch> {
        let locked = if epoch.key.is_locked() { 1.0 } else { 0.0 };
        metrics::gauge!("pipeline_key_locked").set(locked);
        if let Some(file) = &self.file {
            file.write(now, &epoch, waiting.next.as_ref());
        }
        let epoch = Arc::new(epoch);
        self.current.store(Some(Arc::clone(&epoch)));
        epoch
    }
}

#[cfg(test)]
#[path = "key/tests.rs"]
mod tests;
