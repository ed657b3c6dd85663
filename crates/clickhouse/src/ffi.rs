//! The engine's C interface, and the only unsafe code of the crate.
//!
//! The library is loaded at run time, so that building Candor needs neither the library nor its
//! header. Four owning types stand in front of the raw handles: [`Connection`], [`QueryResult`],
//! [`RowStream`] and `InsertStream`; each frees what it holds when it is dropped, and the two
//! streams borrow their connection, because the engine runs one statement per connection at a time.
//!
//! The library is never unloaded: its threads and thread-locals outlive every handle.

mod connection;
mod result;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::path::Path;

pub(crate) use connection::{Connection, RowStream};
pub(crate) use result::{Counts, QueryResult};

/// The loaded library: its entry points, checked to be there.
pub(crate) struct Library {
    connect: unsafe extern "C" fn(c_int, *const *const c_char) -> *mut Handle,
    close: unsafe extern "C" fn(*mut Handle),
    shutdown: unsafe extern "C" fn() -> c_int,
    query: WithParameters,
    stream_query: WithParameters,
    stream_fetch: unsafe extern "C" fn(Handle, Handle) -> Handle,
    stream_cancel: unsafe extern "C" fn(Handle, Handle),
    insert: WithParameters,
    insert_append: unsafe extern "C" fn(Handle, *const c_void, usize) -> c_int,
    insert_done: unsafe extern "C" fn(Handle) -> Handle,
    insert_error: unsafe extern "C" fn(Handle) -> *const c_char,
    insert_destroy: Destroy,
    classify: unsafe extern "C" fn(
        Handle,
        *const c_char,
        usize,
        *const c_char,
        usize,
        *mut Analysis,
    ) -> c_int,
    result_buffer: unsafe extern "C" fn(Handle) -> *const c_char,
    result_length: unsafe extern "C" fn(Handle) -> usize,
    result_error: unsafe extern "C" fn(Handle) -> *const c_char,
    result_rows: ReadNumber,
    result_bytes: ReadNumber,
    storage_rows: ReadNumber,
    storage_bytes: ReadNumber,
    written_rows: ReadNumber,
    written_bytes: ReadNumber,
    result_destroy: Destroy,
    _loaded: ManuallyDrop<libloading::Library>,
}

/// Query parameters, name and value, for the `{name:Type}` places of a statement.
pub(crate) type Parameters = [(String, String)];

/// Layout of the engine's statement analysis; the engine fills what fits into `struct_size`.
#[repr(C)]
#[derive(Default)]
struct Analysis {
    struct_size: u32,
    statement_count: u32,
    flags: u32,
    query_class: u32,
}

type Handle = *mut c_void;
type ReadNumber = unsafe extern "C" fn(Handle) -> u64;
type Destroy = unsafe extern "C" fn(Handle);
type WithParameters = unsafe extern "C" fn(
    Handle,
    *const c_char,
    usize,
    *const c_char,
    usize,
    *const *const c_char,
    *const usize,
    *const *const c_char,
    *const usize,
    usize,
) -> Handle;

// === impl Library ===

impl Library {
    /// Loads the library and looks every entry point up.
    ///
    /// # Errors
    ///
    /// When the file cannot be loaded or lacks an entry point.
    pub(crate) fn load(path: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: loading runs the library's static initialisers; it is the engine's published
        // build, chosen by the operator, and it is loaded before any other thread exists.
        let library = unsafe { libloading::Library::new(path)? };
        macro_rules! symbol {
            ($name:literal) => {
                // SAFETY: the field's type is the declaration of this symbol in the engine's
                // header of version 26.7.
                *unsafe { library.get($name)? }
            };
        }
        let set_signal_handlers: unsafe extern "C" fn(c_int) =
            symbol!(b"chdb_set_signal_handlers_enabled");
        // SAFETY: takes a plain flag; called before the first connection, as it asks.
        unsafe { set_signal_handlers(0) };
        Ok(Self {
            connect: symbol!(b"chdb_connect"),
            close: symbol!(b"chdb_close_conn"),
            shutdown: symbol!(b"chdb_shutdown"),
            query: symbol!(b"chdb_query_with_params_n"),
            stream_query: symbol!(b"chdb_stream_query_with_params_n"),
            stream_fetch: symbol!(b"chdb_stream_fetch_result"),
            stream_cancel: symbol!(b"chdb_stream_cancel_query"),
            insert: symbol!(b"chdb_stream_insert_with_params_n"),
            insert_append: symbol!(b"chdb_stream_append"),
            insert_done: symbol!(b"chdb_stream_done"),
            insert_error: symbol!(b"chdb_stream_insert_error"),
            insert_destroy: symbol!(b"chdb_destroy_insert_stream"),
            classify: symbol!(b"chdb_classify_query_n"),
            result_buffer: symbol!(b"chdb_result_buffer"),
            result_length: symbol!(b"chdb_result_length"),
            result_error: symbol!(b"chdb_result_error"),
            result_rows: symbol!(b"chdb_result_rows_read"),
            result_bytes: symbol!(b"chdb_result_bytes_read"),
            storage_rows: symbol!(b"chdb_result_storage_rows_read"),
            storage_bytes: symbol!(b"chdb_result_storage_bytes_read"),
            written_rows: symbol!(b"chdb_result_rows_written"),
            written_bytes: symbol!(b"chdb_result_bytes_written"),
            result_destroy: symbol!(b"chdb_destroy_query_result"),
            _loaded: ManuallyDrop::new(library),
        })
    }

    /// Joins the engine's threads; true once none is left. Every connection must be closed first.
    pub(crate) fn shutdown(&self) -> bool {
        // SAFETY: takes nothing, and refuses by itself while a connection is open.
        unsafe { (self.shutdown)() == 0 }
    }

    fn call(
        function: WithParameters,
        connection: Handle,
        (sql, format): (&str, &str),
        parameters: &Parameters,
    ) -> Handle {
        let names: Vec<_> = parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect();
        let name_lengths: Vec<_> = parameters.iter().map(|(name, _)| name.len()).collect();
        let values: Vec<_> = parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect();
        let value_lengths: Vec<_> = parameters.iter().map(|(_, value)| value.len()).collect();
        // SAFETY: all strings go with their lengths and need no NUL; the four arrays have
        // `parameters.len()` members; the engine copies what it keeps.
        unsafe {
            function(
                connection,
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                parameters.len(),
            )
        }
    }
}

/// # Safety
///
/// `pointer` is null or a NUL-terminated string that is alive.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller promises a live NUL-terminated string.
    let text = unsafe { CStr::from_ptr(pointer) };
    Some(text.to_string_lossy().into_owned())
}
