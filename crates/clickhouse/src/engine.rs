//! The running engine: boots it, opens connections, closes it.

use std::ffi::CString;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::fs::{FlockOperation, flock};

use crate::error::Error;
use crate::exception::{Exception, Kind};
use crate::ffi::{Connection, Library};
use crate::sandbox::{self, Confinement};
use crate::setup;

/// A running engine and the connection that keeps it running.
///
/// The engine stops with its last connection and must not be booted twice in a process, so one is
/// held until [`Engine::close`]. Dropping the engine without closing it leaves its threads to the
/// end of the process.
pub struct Engine {
    library: Arc<Library>,
    arguments: Vec<CString>,
    keeper: Mutex<Option<Connection>>,
    version: String,
    confinement: Confinement,
}

// === impl Engine ===

impl Engine {
    /// Loads the library, confines the process to `data`, and boots the engine on it.
    ///
    /// Call it before any other thread exists: threads started earlier stay unconfined. Bind the
    /// listening socket before, for afterwards no socket can be bound.
    ///
    /// # Errors
    ///
    /// When the library cannot be loaded, the directory is in use or not writable, or the engine
    /// does not come up.
    pub fn open(library: &Path, data: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(data)
            .map_err(|source| Error::Data { path: data.to_owned(), source })?;
        let absolute = |path: &Path| -> Result<PathBuf, Error> {
            path.canonicalize().map_err(|source| Error::Data { path: path.to_owned(), source })
        };
        let data = absolute(data)?;
        check_unlocked(&data)?;
        let config = setup::write(&data)?;
        let library_path = library;
        let library = Library::load(library_path)
            .map_err(|source| Error::Library { path: library_path.to_owned(), source })?;
        let confinement = sandbox::enter(&data, &absolute(library_path)?)?;
        let argument = |name: &str, path: &Path| {
            CString::new(format!("{name}{}", path.display()))
                .map_err(|error| Error::Data { path: path.to_owned(), source: error.into() })
        };
        let arguments = vec![
            c"clickhouse".to_owned(),
            argument("--path=", &data)?,
            argument("--config-file=", &config)?,
        ];
        let library = Arc::new(library);
        let (keeper, version) = boot(&library, &arguments, &data)?;
        Ok(Self { library, arguments, keeper: Mutex::new(Some(keeper)), version, confinement })
    }

    /// The engine's version, such as `26.7.2.1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How far the kernel confines this process.
    pub fn confinement(&self) -> Confinement {
        self.confinement
    }

    /// Opens a connection: a fresh session with default settings, for about a fifth of a
    /// millisecond.
    ///
    /// # Errors
    ///
    /// When the engine opens none.
    pub(crate) fn connect(&self) -> Result<Connection, Exception> {
        Connection::open(&self.library, &self.arguments).ok_or_else(|| {
            Exception::new(Kind::UnknownException, "The engine opens no further connection")
        })
    }

    /// Closes the last connection, which stops the engine: tables are flushed, background tasks end.
    /// Statements must have ended before.
    ///
    /// The engine then joins its threads where it can; it leaves some to the end of the process,
    /// where they do no harm.
    pub fn close(&self) {
        drop(self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take());
        let joined = self.library.shutdown();
        tracing::debug!(joined, "the engine's threads");
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Boots on a thread of its own: for the main thread, the engine looks its stack up in
/// `/proc/self/maps`, which the process may no longer read.
fn boot(
    library: &Arc<Library>,
    arguments: &[CString],
    data: &Path,
) -> Result<(Connection, String), Error> {
    thread::scope(|scope| {
        let booted = scope.spawn(|| {
            let mut keeper = Connection::open(library, arguments)?;
            let version = answer(&mut keeper, "SELECT version()");
            Some((keeper, version))
        });
        match booted.join() {
            Ok(Some((keeper, version))) => Ok((keeper, version?)),
            Ok(None) | Err(_) => Err(Error::Boot(data.to_owned())),
        }
    })
}

fn answer(connection: &mut Connection, sql: &str) -> Result<String, Error> {
    let result = connection.query(sql, "TSVRaw", &[]);
    match result.error() {
        Some(error) => Err(Error::Startup(error)),
        None => Ok(String::from_utf8_lossy(result.as_ref()).trim().to_owned()),
    }
}

/// The engine locks its status file; asking first gives a clear error instead of its silence.
fn check_unlocked(data: &Path) -> Result<(), Error> {
    let Ok(status) = File::open(data.join("status")) else {
        return Ok(());
    };
    match flock(&status, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(_) => Err(Error::Locked(data.to_owned())),
    }
}
