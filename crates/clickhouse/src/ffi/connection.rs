//! Connections and the statements that run on them.

use std::ffi::{CString, c_int};
use std::ptr::{NonNull, null};
use std::sync::Arc;

use super::{Analysis, Handle, Library, Parameters, QueryResult, text};

/// One connection, which is one session: its settings, current database and temporary tables.
pub(crate) struct Connection {
    library: Arc<Library>,
    handle: NonNull<Handle>,
}

/// A running SELECT that hands its rows out block by block.
pub(crate) struct RowStream<'c> {
    connection: &'c mut Connection,
    handle: Handle,
    finished: bool,
}

/// A running INSERT that is fed bytes; nothing is committed before [`InsertStream::finish`].
pub(crate) struct InsertStream<'c> {
    connection: &'c mut Connection,
    handle: Handle,
}

// === impl Connection ===

// SAFETY: a connection may be used from any thread, one at a time; `&mut self` keeps it to one.
unsafe impl Send for Connection {}

impl Connection {
    /// Opens a connection; the first one boots the engine with these arguments.
    pub(crate) fn open(library: &Arc<Library>, arguments: &[CString]) -> Option<Self> {
        let pointers: Vec<_> = arguments.iter().map(|argument| argument.as_ptr()).collect();
        let count = c_int::try_from(pointers.len()).ok()?;
        // SAFETY: `pointers` holds `count` NUL-terminated strings that live through the call.
        let handle = unsafe { (library.connect)(count, pointers.as_ptr()) };
        Some(Self { library: Arc::clone(library), handle: NonNull::new(handle)? })
    }

    /// Runs a statement and hands its whole answer back.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &Parameters,
    ) -> QueryResult {
        let library = &self.library;
        let handle = Library::call(library.query, self.raw(), (sql, format), parameters);
        QueryResult::new(library, handle)
    }

    /// Starts a SELECT whose answer is fetched block by block.
    ///
    /// # Errors
    ///
    /// The engine's own text, when it refuses the statement.
    pub(crate) fn stream(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &Parameters,
    ) -> Result<RowStream<'_>, String> {
        let library = &self.library;
        let handle = Library::call(library.stream_query, self.raw(), (sql, format), parameters);
        // A result of its own frees the handle when the engine refused the statement.
        let result = QueryResult::new(library, handle);
        if let Some(error) = result.error() {
            return Err(error);
        }
        Ok(RowStream { handle: result.into_handle(), connection: self, finished: false })
    }

    /// Starts an INSERT; `head` is the statement without its FORMAT clause and data.
    ///
    /// # Errors
    ///
    /// The engine's own text, when it refuses the statement.
    pub(crate) fn insert(
        &mut self,
        head: &str,
        format: &str,
        parameters: &Parameters,
    ) -> Result<InsertStream<'_>, String> {
        let library = &self.library;
        let handle = Library::call(library.insert, self.raw(), (head, format), parameters);
        let stream = InsertStream { connection: self, handle };
        match stream.error() {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// Whether the engine's own parser says that the statement leaves no trace.
    pub(crate) fn is_read_only(&mut self, sql: &str) -> bool {
        let size = u32::try_from(size_of::<Analysis>()).unwrap_or(0);
        let mut analysis =
            Analysis { struct_size: size, query_class: UNKNOWN, ..Analysis::default() };
        // SAFETY: the text goes with its length, no target database is named, and the engine
        // writes at most `struct_size` bytes.
        let state = unsafe {
            (self.library.classify)(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                null(),
                0,
                &raw mut analysis,
            )
        };
        state == 0 && analysis.query_class == READ_ONLY && analysis.statement_count == 1
    }

    fn raw(&self) -> Handle {
        // SAFETY: the engine allocated the cell at connect and frees it at close, in our drop.
        unsafe { *self.handle.as_ptr() }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the handle came from connect and is closed once; streams borrow the connection
        // and so are gone.
        unsafe { (self.library.close)(self.handle.as_ptr()) };
    }
}

// === impl RowStream ===

impl RowStream<'_> {
    /// The next block; empty and without error at the end.
    pub(crate) fn fetch(&mut self) -> QueryResult {
        let library = &self.connection.library;
        // SAFETY: connection and stream are alive, and `&mut self` makes the fetches serial.
        let handle = unsafe { (library.stream_fetch)(self.connection.raw(), self.handle) };
        let result = QueryResult::new(library, handle);
        self.finished = result.as_ref().is_empty();
        result
    }
}

impl Drop for RowStream<'_> {
    fn drop(&mut self) {
        let library = &self.connection.library;
        // SAFETY: both handles are alive; an unfinished query is cancelled before its handle goes.
        unsafe {
            if !self.finished {
                (library.stream_cancel)(self.connection.raw(), self.handle);
            }
            (library.result_destroy)(self.handle);
        }
    }
}

// === impl InsertStream ===

impl InsertStream<'_> {
    /// Hands bytes over; false once the engine has failed, and [`InsertStream::finish`] says why.
    pub(crate) fn append(&mut self, data: &[u8]) -> bool {
        // SAFETY: the stream is alive; the engine copies the bytes.
        unsafe {
            (self.connection.library.insert_append)(self.handle, data.as_ptr().cast(), data.len())
                == 0
        }
    }

    /// Ends the input and commits.
    pub(crate) fn finish(self) -> QueryResult {
        let library = &self.connection.library;
        // SAFETY: the stream is alive, and `self` is consumed, so it is finished once.
        let handle = unsafe { (library.insert_done)(self.handle) };
        QueryResult::new(library, handle)
    }

    fn error(&self) -> Option<String> {
        if self.handle.is_null() {
            return Some("the engine returned no insert stream".to_owned());
        }
        // SAFETY: the stream is alive; the text, if any, lives as long as it.
        unsafe { text((self.connection.library.insert_error)(self.handle)) }
    }
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: destroyed once, here; the engine cancels what was not finished.
            unsafe { (self.connection.library.insert_destroy)(self.handle) };
        }
    }
}

const READ_ONLY: u32 = 0;
const UNKNOWN: u32 = 4;
