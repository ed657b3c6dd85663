//! The rotating key under which addresses and ids are hashed.
//!
//! One random key per deployment and epoch, in locked memory; a site's key is derived from it, so that
//! all are destroyed together at rotation. There is no stored master: whole IPv4 under a known key
//! falls within minutes, so a key that can be found again protects nothing. Epochs end at multiples of
//! the rotation period in UTC. A restart finds the key on tmpfs, when the operator gave a place there
//! ([`KeyFile`]), or starts a new epoch, which splits the day: events carry the epoch's random name, so
//! that a split can be seen.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use candor_event::Timestamp;

use crate::rejection::Rejection;

mod epoch;
mod file;

pub use file::{KeyFile, KeyFileError};

pub(crate) use epoch::{Epoch, SiteKey};

/// Draws, rotates and destroys the keys.
pub struct KeyRing {
    current: ArcSwapOption<Epoch>,
    rotating: Mutex<()>,
    period: KeyPeriod,
    /// The most seconds that policies let a key live, which may be fewer than the period has.
    seconds_max: AtomicU32,
    file: Option<KeyFile>,
}

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
    /// A ring that holds its keys in memory only, or also in `file`.
    pub fn new(period: KeyPeriod, file: Option<KeyFile>) -> Self {
        Self {
            current: ArcSwapOption::empty(),
            rotating: Mutex::new(()),
            period,
            seconds_max: AtomicU32::new(u32::MAX),
            file,
        }
    }

    /// Lets no key live for longer than this, from the next [`Self::tick`] on also the one that lives.
    pub(crate) fn keep_to(&self, seconds_max: u32) {
        self.seconds_max.store(seconds_max, Ordering::Relaxed);
    }

    /// The end of the epoch that `now` lies in.
    fn end(&self, now: Timestamp) -> Timestamp {
        let seconds_max = self.seconds_max.load(Ordering::Relaxed);
        let rotation_seconds = self.period.rotation_seconds.min(seconds_max);
        KeyPeriod { rotation_seconds, ..self.period }.end(now)
    }

    /// Rotates when it is time, and destroys the key before when its time is over. To be called now
    /// and then, so that keys die on time although no beacon comes.
    ///
    /// # Errors
    /// No key can be had; beacons are refused until one can.
    pub fn tick(&self, now: Timestamp) -> Result<(), Rejection> {
        self.at(now)?;
        // Looked at under the lock: a beacon may have rotated since, and its epoch must stay.
        let _guard = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(epoch) = self.current.load_full() else {
            return Ok(());
        };
        let until = epoch.until.min(self.end(now));
        let previous = epoch.previous.clone().filter(|previous| now < previous.until);
        if until != epoch.until || previous.is_some() != epoch.previous.is_some() {
            self.install(epoch.again(until, previous));
        }
        Ok(())
    }

    /// Ends every epoch now: whatever was hashed so far can never be linked again.
    pub fn destroy(&self) {
        let _guard = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &self.file {
            file.erase();
        }
        self.current.store(None);
    }

    /// Whether the key of the present epoch is kept out of swap and core dumps; `None` without a key.
    pub fn is_locked(&self) -> Option<bool> {
        self.current.load().as_ref().map(|epoch| epoch.key.is_locked())
    }

    /// The epoch of this moment. The clock never turns an epoch back: a moment before the epoch's
    /// beginning belongs to it.
    ///
    /// # Errors
    /// [`Rejection::KeyMissing`]: no key can be drawn.
    pub(crate) fn at(&self, now: Timestamp) -> Result<Arc<Epoch>, Rejection> {
        match self.current.load_full() {
            Some(epoch) if now < epoch.until => Ok(epoch),
            _ => self.rotate(now),
        }
    }

    fn rotate(&self, now: Timestamp) -> Result<Arc<Epoch>, Rejection> {
        let _guard = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current.load_full();
        if let Some(epoch) = before.as_ref().filter(|epoch| now < epoch.until) {
            return Ok(Arc::clone(epoch));
        }
        let restored = match (&before, &self.file) {
            (None, Some(file)) => file.read().filter(|epoch| now < epoch.until),
            _ => None,
        };
        let end = self.end(now);
        if let Some(epoch) = restored {
            metrics::counter!("pipeline_key_epochs_total", "reason" => "restored").increment(1);
            return Ok(self.install(epoch.again(epoch.until.min(end), epoch.previous.clone())));
        }
        let reason = if before.is_some() { "rotation" } else { "start" };
        let previous = before.and_then(|epoch| epoch.retire(self.period.overlap_seconds, now));
        let epoch = Epoch::draw(end, previous).ok_or(Rejection::KeyMissing)?;
        metrics::counter!("pipeline_key_epochs_total", "reason" => reason).increment(1);
        Ok(self.install(epoch))
    }

    fn install(&self, epoch: Epoch) -> Arc<Epoch> {
        let locked = if epoch.key.is_locked() { 1.0 } else { 0.0 };
        metrics::gauge!("pipeline_key_locked").set(locked);
        if let Some(file) = &self.file {
            file.write(&epoch);
        }
        let epoch = Arc::new(epoch);
        self.current.store(Some(Arc::clone(&epoch)));
        epoch
    }
}

#[cfg(test)]
#[path = "key/tests.rs"]
mod tests;
