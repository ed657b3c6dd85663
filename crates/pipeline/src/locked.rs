//! A secret in a memory page of its own: never swapped, never in a core dump, overwritten when it is
//! dropped. The only unsafe code of this crate.
//!
//! Where the platform refuses to lock the page (`RLIMIT_MEMLOCK` of 0), the secret is kept all the
//! same and [`Locked::is_locked`] says so.
#![expect(unsafe_code, reason = "mapping, locking and viewing one page of memory")]

use std::ptr::NonNull;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munlock, munmap};
use zeroize::Zeroize;

/// The bytes that are mapped: one page everywhere we run.
const PAGE_BYTES: usize = 4_096;

/// A 32-byte secret in locked memory.
pub(crate) struct Locked {
    page: NonNull<[u8; 32]>,
    locked: bool,
}

// SAFETY: `Locked` owns its page alone, gives out shared views only, and nothing mutates the page
// between `new` and `drop`.
unsafe impl Send for Locked {}
// SAFETY: as above.
unsafe impl Sync for Locked {}

impl Locked {
    /// Maps a page and lets `fill` write the secret into it; `None` when the platform gives no memory
    /// or `fill` fails.
    pub(crate) fn new(fill: impl FnOnce(&mut [u8; 32]) -> Option<()>) -> Option<Self> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: an anonymous private mapping at an address of the kernel's choice aliases nothing.
        let page = unsafe {
            mmap_anonymous(std::ptr::null_mut(), PAGE_BYTES, prot, MapFlags::PRIVATE).ok()?
        };
        // SAFETY: the range is the page that was just mapped.
        let locked = unsafe {
            let dump = madvise(page, PAGE_BYTES, Advice::LinuxDontDump);
            mlock(page, PAGE_BYTES).and(dump).is_ok()
        };
        let mut secret = Self { page: NonNull::new(page.cast())?, locked };
        // SAFETY: the page is mapped, zero-filled, aligned and owned by `secret` alone.
        fill(unsafe { secret.page.as_mut() })?;
        Some(secret)
    }

    /// The secret.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        // SAFETY: the page is mapped and initialised for as long as `self` lives.
        unsafe { self.page.as_ref() }
    }

    /// Whether the page is kept out of swap and core dumps.
    pub(crate) fn is_locked(&self) -> bool {
        self.locked
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: nobody else has a view of the page any more; the range is the one that was mapped.
        // A failing munlock or munmap leaves nothing to do: the secret is overwritten already.
        unsafe {
            self.page.as_mut().zeroize();
            let page = self.page.as_ptr().cast();
            munlock(page, PAGE_BYTES).ok();
            munmap(page, PAGE_BYTES).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_was_filled_in() {
        let secret = Locked::new(|bytes| {
            bytes.fill(9);
            Some(())
        });
        assert_eq!(secret.unwrap().expose(), &[9; 32]);
        assert!(Locked::new(|_| None).is_none());
    }
}
