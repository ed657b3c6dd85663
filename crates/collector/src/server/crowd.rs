//! How many connections there are, of all and of each network. Networks are counted by marks, which are
//! pseudonyms; no more of them are held than there are connections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use candor_pipeline::Mark;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limit::CROWDED_BELOW;

/// All connections of a listener.
#[derive(Debug)]
pub(super) struct Crowd {
    /// The listener's name in metrics.
    name: &'static str,
    places: Arc<Semaphore>,
    places_max: usize,
    of_network_max: usize,
    networks: Networks,
}

/// A connection's place among the others, until it is dropped.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    mark: Option<Mark>,
    _permit: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Networks(Mutex<HashMap<Mark, usize>>);

/// Nobody but us closes the semaphore, and we do not.
#[derive(Debug, thiserror::Error)]
#[error("no more connections are taken")]
pub(super) struct Closed;

// === impl Crowd ===

impl Crowd {
    pub(super) fn new(name: &'static str, places_max: usize, of_network_max: usize) -> Arc<Self> {
        let places_max = places_max.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let places = Arc::new(Semaphore::new(places_max));
        let networks = Networks::default();
        Arc::new(Self { name, places, places_max, of_network_max, networks })
    }

    /// Waits until there is room for one more.
    pub(super) async fn room(&self) -> Result<OwnedSemaphorePermit, Closed> {
        Arc::clone(&self.places).acquire_owned().await.map_err(|_| Closed)
    }

    /// Gives a connection its place; `None` when its network has as many as it may.
    pub(super) fn enter(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        mark: Option<Mark>,
    ) -> Option<Place> {
        if let Some(mark) = mark {
            self.networks.add(mark, self.of_network_max)?;
        }
        metrics::gauge!("collector_connections", "listener" => self.name).increment(1.0);
        Some(Place { crowd: Arc::clone(self), mark, _permit: permit })
    }

    /// Whether nearly all places are taken.
    pub(super) fn is_crowded(&self) -> bool {
        self.places.available_permits() < self.places_max.div_ceil(CROWDED_BELOW)
    }

    /// Waits until all are gone.
    pub(super) async fn gone(&self) {
        // As many as fit a u32, by construction.
        let all = u32::try_from(self.places_max).unwrap_or(u32::MAX);
        self.places.acquire_many(all).await.map(drop).ok();
    }
}

// === impl Networks ===

impl Networks {
    fn add(&self, mark: Mark, max: usize) -> Option<()> {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = networks.entry(mark).or_default();
        if *held >= max.max(1) {
            return None;
        }
        *held += 1;
        Some(())
    }

    fn remove(&self, mark: Mark) {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut held) = networks.entry(mark) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

impl std::fmt::Debug for Networks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Networks")
    }
}

// === impl Place ===

impl Place {
    pub(super) fn is_crowded(&self) -> bool {
        self.crowd.is_crowded()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("collector_connections", "listener" => self.crowd.name).decrement(1.0);
        if let Some(mark) = self.mark {
            self.crowd.networks.remove(mark);
        }
    }
}
