//! Answers of the engine.

use std::ptr::null_mut;
use std::sync::Arc;

use super::{Handle, Library, ReadNumber, text};

/// An answer of the engine, or its error.
pub(crate) struct QueryResult {
    library: Arc<Library>,
    pub(super) handle: Handle,
}

/// What an answer counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows and bytes of the answer itself.
    pub(crate) result: (u64, u64),
    /// Rows and bytes read from storage.
    pub(crate) read: (u64, u64),
    /// Rows and bytes written, those of materialized views included.
    pub(crate) written: (u64, u64),
}

// === impl Counts ===

impl Counts {
    /// Adds what a further block counted.
    pub(crate) fn add(&mut self, other: Self) {
        let sum = |a: &mut (u64, u64), b: (u64, u64)| *a = (a.0 + b.0, a.1 + b.1);
        sum(&mut self.result, other.result);
        sum(&mut self.read, other.read);
        sum(&mut self.written, other.written);
    }
}

// === impl QueryResult ===

// SAFETY: a result is plain memory that no connection refers to; any thread may read and free it.
unsafe impl Send for QueryResult {}

impl QueryResult {
    pub(super) fn new(library: &Arc<Library>, handle: Handle) -> Self {
        Self { library: Arc::clone(library), handle }
    }

    /// Hands the handle out unfreed, for a stream to own.
    pub(super) fn into_handle(mut self) -> Handle {
        std::mem::replace(&mut self.handle, null_mut())
    }

    /// The engine's error text, if the statement failed.
    pub(crate) fn error(&self) -> Option<String> {
        if self.handle.is_null() {
            return Some("the engine returned no result".to_owned());
        }
        // SAFETY: the handle is alive; the text, if any, lives as long as the handle.
        unsafe { text((self.library.result_error)(self.handle)) }
    }

    /// What the statement read and wrote.
    pub(crate) fn counts(&self) -> Counts {
        let read = |number: ReadNumber| {
            if self.handle.is_null() {
                return 0;
            }
            // SAFETY: the handle is alive, and these calls only read a number from it.
            unsafe { number(self.handle) }
        };
        let library = &self.library;
        Counts {
            result: (read(library.result_rows), read(library.result_bytes)),
            read: (read(library.storage_rows), read(library.storage_bytes)),
            written: (read(library.written_rows), read(library.written_bytes)),
        }
    }
}

impl AsRef<[u8]> for QueryResult {
    fn as_ref(&self) -> &[u8] {
        if self.handle.is_null() {
            return &[];
        }
        // SAFETY: the handle is alive.
        let (start, length) = unsafe {
            ((self.library.result_buffer)(self.handle), (self.library.result_length)(self.handle))
        };
        if start.is_null() || length == 0 {
            return &[];
        }
        // SAFETY: the engine owns `length` bytes at `start` until the result is destroyed, which
        // our drop does; nobody writes to them.
        unsafe { std::slice::from_raw_parts(start.cast(), length) }
    }
}

impl Drop for QueryResult {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: destroyed once, here.
            unsafe { (self.library.result_destroy)(self.handle) };
        }
    }
}
