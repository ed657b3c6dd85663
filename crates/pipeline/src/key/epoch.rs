//! One key, its time, and what is derived from it.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use candor_event::{EventId, Site, Timestamp};
use zeroize::Zeroizing;

use crate::locked::Locked;

/// One key and its time.
pub(crate) struct Epoch {
    id: u64,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) key: Arc<Locked>,
    pub(super) previous: Option<Previous>,
    /// What makes random event ids of this process differ from those of any other under this key.
    nonce: [u8; 16],
    drawn: AtomicU64,
}

/// The key before, for as long as a session may last.
#[derive(Clone)]
pub(super) struct Previous {
    pub(super) key: Arc<Locked>,
    pub(super) until: Timestamp,
}

/// A site's key, derived for one use and overwritten after it.
pub(crate) struct SiteKey(Zeroizing<[u8; 32]>);

/// What keys of sites are derived for. It is no secret, and the same for all of them.
static SITE_KEYS: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("candor 2026-11 site key"));

// === impl Epoch ===

impl Epoch {
    /// An epoch with a key and a name of its own.
    pub(super) fn draw(
        from: Timestamp,
        until: Timestamp,
        previous: Option<Previous>,
    ) -> Option<Self> {
        let key = Locked::new(|bytes| getrandom::fill(bytes).ok())?;
        let id = getrandom::u64().ok()?.max(1);
        Self::with_key(id, (from, until), Arc::new(key), previous)
    }

    pub(super) fn with_key(
        id: u64,
        (from, until): (Timestamp, Timestamp),
        key: Arc<Locked>,
        previous: Option<Previous>,
    ) -> Option<Self> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).ok()?;
        Some(Self { id, from, until, key, previous, nonce, drawn: AtomicU64::new(0) })
    }

    /// The epoch's random name; it says nothing of the key.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The key of one site.
    pub(crate) fn site_key(&self, site: &Site) -> SiteKey {
        SiteKey::derive(&self.key, site)
    }

    /// The key of one site in the epoch before, while sessions may still cross over from it.
    pub(crate) fn previous_site_key(&self, site: &Site, now: Timestamp) -> Option<SiteKey> {
        let previous = self.previous.as_ref().filter(|previous| now < previous.until)?;
        Some(SiteKey::derive(&previous.key, site))
    }

    /// An id that nobody can guess: the next output of a keyed generator.
    pub(crate) fn random_id(&self) -> EventId {
        let mut hasher = blake3::Hasher::new_keyed(self.key.expose());
        hasher.update(b"random id");
        hasher.update(&self.nonce);
        hasher.update(&self.drawn.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        EventId::from_bytes(id)
    }

    /// A hasher under the epoch's own key, for what belongs to no site.
    pub(crate) fn hasher(&self, used_for: &'static str) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(self.key.expose());
        hasher.update(used_for.as_bytes());
        hasher.update(&[0]);
        hasher
    }

    /// The key as the one before, until its time is over.
    pub(super) fn retire(&self, until: Timestamp, now: Timestamp) -> Option<Previous> {
        (now < until).then(|| Previous { key: Arc::clone(&self.key), until })
    }

    /// The same key, until another moment or beside another.
    pub(super) fn again(&self, until: Timestamp, previous: Option<Previous>) -> Self {
        Self {
            id: self.id,
            from: self.from,
            until,
            key: Arc::clone(&self.key),
            previous,
            nonce: self.nonce,
            drawn: AtomicU64::new(self.drawn.load(Ordering::Relaxed).wrapping_add(1 << 32)),
        }
    }
}

// === impl SiteKey ===

impl SiteKey {
    pub(super) fn derive(key: &Locked, site: &Site) -> Self {
        let mut hasher = blake3::Hasher::new_from_context_key(&SITE_KEYS);
        hasher.update(key.expose());
        hasher.update(site.as_str().as_bytes());
        Self(Zeroizing::new(*hasher.finalize().as_bytes()))
    }

    /// A hasher under this key, for one use.
    pub(crate) fn hasher(&self, used_for: &'static str) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(used_for.as_bytes());
        hasher.update(&[0]);
        hasher
    }
}
