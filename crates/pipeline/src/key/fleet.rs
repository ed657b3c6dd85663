//! How the collectors of a fleet come to share keys: the leader hands its epochs out, followers take them
//! over. A follower never draws a key, and never lets one live for longer than it was told to.

use candor_event::Timestamp;
use zeroize::Zeroizing;

use super::epoch::{Epoch, Previous};
use super::form::{self, FORM_BYTES, Form, Held};
use super::{CLOCK_SECONDS_MAX, KeyRing, KeySource, Waiting};
use crate::rejection::Rejection;

/// The bytes of a [`Handover`].
pub const HANDOVER_BYTES: usize = FORM_BYTES;

/// A leader's epochs as bytes, which are overwritten when they are dropped.
#[expect(missing_debug_implementations, reason = "keys must not print")]
pub struct Handover(Zeroizing<Vec<u8>>);

/// What a handover has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenOver {
    /// Another epoch is the present one from now on.
    Begun,
    /// The present epoch is the one that was known.
    Known,
}

/// A handover that no key is taken from. Nothing of it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeOverError {
    /// Epochs would not begin and end together.
    #[error(
        "the leader's clock and this one are {seconds} s apart, and at most 60 are allowed: set both \
         by NTP"
    )]
    ClocksApart {
        /// By how much.
        seconds: u64,
    },
    /// The ring draws its keys itself.
    #[error("this collector follows nobody")]
    NotFollowing,
    /// What was handed out has ended here, and nothing that was handed out has begun.
    #[error(
        "the leader's key has lived for as long as policies let it here: let both have the same policies \
         and the same rotation_s"
    )]
    Over,
    /// Damaged, or of another version.
    #[error("the leader's answer is no key: let both have the same version of candor")]
    Unreadable,
}

// === impl Handover ===

impl AsRef<[u8]> for Handover {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

// === impl TakeOverError ===

impl TakeOverError {
    /// A word for counting.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ClocksApart { .. } => "clocks_apart",
            Self::NotFollowing => "not_following",
            Self::Over => "over",
            Self::Unreadable => "unreadable",
        }
    }
}

// === impl KeyRing ===

impl KeyRing {
    /// What a leader tells its followers now: the present epoch, the key before while it serves, and the
    /// next one when it is near. Nothing that has ended is in it.
    ///
    /// # Errors
    /// [`Rejection::KeyMissing`]: no key can be drawn, or this is no leader.
    pub fn handover(&self, now: Timestamp) -> Result<Handover, Rejection> {
        if self.source != KeySource::Leads {
            return Err(Rejection::KeyMissing);
        }
        let mut waiting = self.lock();
        self.turn(&mut waiting, now)?;
        self.look_after(&mut waiting, now)?;
        let current = self.current.load_full().ok_or(Rejection::KeyMissing)?;
        Ok(Handover(form::write(Form::Handover, now, &current, waiting.next.as_ref())))
    }

    /// Takes over what the leader handed out.
    ///
    /// # Errors
    /// [`TakeOverError`]: the keys here stay as they are, and end when they were to.
    pub fn take_over(&self, handed: &[u8], now: Timestamp) -> Result<TakenOver, TakeOverError> {
        if self.source != KeySource::Follows {
            return Err(TakeOverError::NotFollowing);
        }
        let handed = form::read(Form::Handover, handed).ok_or(TakeOverError::Unreadable)?;
        let seconds = handed.at.unix().abs_diff(now.unix());
        if seconds > CLOCK_SECONDS_MAX.into() {
            return Err(TakeOverError::ClocksApart { seconds });
        }
        let mut waiting = self.lock();
        // What the key file held, and what is due, comes first. That there is none may change now.
        let own = self.turn(&mut waiting, now).ok();
        let Held { mut current, mut next, .. } = handed;
        if self.end_of(&current, now) <= now {
            // Its end has come here, and not yet where it was drawn.
            let is_due = |next: &mut Epoch| next.from <= now && now < self.end_of(next, now);
            current = next.take_if(is_due).ok_or(TakeOverError::Over)?;
        }
        match own {
            Some(own) if own.id() == current.id() => {
                let until = self.end_of(&own, now).min(current.until);
                self.shorten(&own, until, &mut waiting, next, now);
                Ok(TakenOver::Known)
            }
            _ => {
                waiting.next = next;
                let previous = self.previous_of(&current, now);
                let taken = current.again(self.end_of(&current, now), previous);
                self.begin(taken, &waiting, now, "taken_over");
                Ok(TakenOver::Begun)
            }
        }
    }

    /// The key before one that was handed out: for as long as the leader says, and no longer than here.
    fn previous_of(&self, handed: &Epoch, now: Timestamp) -> Option<Previous> {
        let Previous { key, until } = handed.previous.clone()?;
        let from = handed.from.min(now.plus_seconds(CLOCK_SECONDS_MAX.into()));
        let until = until.min(from.plus_seconds(self.overlap_seconds().into()));
        (now < until).then_some(Previous { key, until })
    }

    /// Puts what comes next in its place. The end of an epoch that is known may come earlier, never later.
    fn shorten(
        &self,
        own: &Epoch,
        until: Timestamp,
        waiting: &mut Waiting,
        next: Option<Epoch>,
        now: Timestamp,
    ) {
        let is_news = next.as_ref().map(Epoch::id) != waiting.next.as_ref().map(Epoch::id);
        waiting.next = next;
        if is_news || until != own.until {
            self.install(own.again(until, own.previous.clone()), waiting, now);
        }
    }
}

#[cfg(test)]
#[path = "fleet/tests.rs"]
mod tests;
