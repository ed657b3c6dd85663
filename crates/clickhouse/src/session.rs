//! Sessions: connections that several requests share, one at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::exception::{Exception, Kind};
use crate::ffi::Connection;
use crate::http::parameters::Session;

/// The open sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    slots: Mutex<HashMap<String, Slot>>,
    limit: usize,
}

/// A connection for one statement, which goes back to its session, or is closed.
pub(crate) struct Lease {
    connection: Option<Connection>,
    home: Option<(Arc<Sessions>, Session)>,
}

enum Slot {
    Busy,
    Idle { connection: Connection, until: Instant },
}

// === impl Sessions ===

impl Sessions {
    pub(crate) fn new(limit: usize) -> Self {
        Self { slots: Mutex::default(), limit }
    }

    /// Closes the sessions that nobody came back to.
    pub(crate) fn sweep(&self, now: Instant) {
        // The connections are closed after the lock is gone.
        let _closed: Vec<Slot> = {
            let mut slots = self.lock();
            let is_late = |slot: &Slot| matches!(slot, Slot::Idle { until, .. } if *until <= now);
            slots.extract_if(|_, slot| is_late(slot)).map(|(_, slot)| slot).collect()
        };
    }

    /// Closes all idle sessions.
    pub(crate) fn clear(&self) {
        let _closed = std::mem::take(&mut *self.lock());
    }

    fn take(&self, session: &Session) -> Result<Option<Connection>, Exception> {
        let mut slots = self.lock();
        match slots.remove(&session.id) {
            Some(Slot::Busy) => {
                slots.insert(session.id.clone(), Slot::Busy);
                let message = "Session is locked by a concurrent client";
                Err(Exception::new(Kind::SessionIsLocked, message))
            }
            Some(Slot::Idle { connection, .. }) => {
                slots.insert(session.id.clone(), Slot::Busy);
                Ok(Some(connection))
            }
            None if session.must_exist => {
                Err(Exception::new(Kind::SessionNotFound, "Session not found"))
            }
            None if slots.len() >= self.limit => {
                let message = "Too many sessions are open: let some run out, then try again";
                Err(Exception::new(Kind::TooManySimultaneousQueries, message))
            }
            None => {
                slots.insert(session.id.clone(), Slot::Busy);
                Ok(None)
            }
        }
    }

    fn put_back(&self, session: Session, connection: Option<Connection>, now: Instant) {
        let mut slots = self.lock();
        match connection {
            Some(connection) => {
                let until = now + session.timeout;
                slots.insert(session.id, Slot::Idle { connection, until });
            }
            None => {
                slots.remove(&session.id);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Lease ===

impl Lease {
    /// A connection of the session, or a fresh one.
    ///
    /// # Errors
    ///
    /// When the session is busy or unknown, or the engine opens no connection.
    pub(crate) fn take(
        engine: &Engine,
        sessions: &Arc<Sessions>,
        session: Option<&Session>,
    ) -> Result<Self, Exception> {
        let Some(session) = session else {
            return Ok(Self { connection: Some(engine.connect()?), home: None });
        };
        sessions.sweep(Instant::now());
        let known = sessions.take(session)?;
        let mut lease =
            Self { connection: known, home: Some((Arc::clone(sessions), session.clone())) };
        if lease.connection.is_none() {
            lease.connection = Some(engine.connect()?);
        }
        Ok(lease)
    }

    /// Whether settings outlive the statement unless they are put back.
    pub(crate) fn is_session(&self) -> bool {
        self.home.is_some()
    }

    /// The connection.
    ///
    /// # Errors
    ///
    /// Never in practice: it is there until the lease is dropped.
    pub(crate) fn connection(&mut self) -> Result<&mut Connection, Exception> {
        self.connection.as_mut().ok_or_else(|| {
            Exception::new(Kind::UnknownException, "The connection is closed already")
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((sessions, session)) = self.home.take() {
            sessions.put_back(session, self.connection.take(), Instant::now());
        }
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Busy => "Busy",
            Self::Idle { .. } => "Idle",
        })
    }
}

/// How often idle sessions are looked through.
pub(crate) const SWEEP: Duration = Duration::from_secs(1);
