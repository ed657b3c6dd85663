//! When a batch is stored, and how long that may take.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::Deserialize;

/// The sink's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A batch is stored when it has this many events.
    pub batch_events: NonZeroU32,
    /// A batch is stored when its records have this many bytes.
    pub batch_bytes: NonZeroU64,
    /// A batch is stored when its first event has waited this long, milliseconds.
    pub batch_age_ms: NonZeroU64,
    /// An insert is given up after this long, seconds; neither the sink nor ClickHouse goes on with it.
    pub insert_deadline_s: NonZeroU64,
}

const EVENTS: NonZeroU32 = NonZeroU32::new(100_000).unwrap();
const BYTES: NonZeroU64 = NonZeroU64::new(32 * 1_048_576).unwrap();
const AGE_MS: NonZeroU64 = NonZeroU64::new(1_000).unwrap();
const DEADLINE_S: NonZeroU64 = NonZeroU64::new(30).unwrap();

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_events: EVENTS,
            batch_bytes: BYTES,
            batch_age_ms: AGE_MS,
            insert_deadline_s: DEADLINE_S,
        }
    }
}

impl Config {
    pub(crate) fn batch_age(&self) -> Duration {
        Duration::from_millis(self.batch_age_ms.get())
    }

    pub(crate) fn insert_deadline(&self) -> Duration {
        Duration::from_secs(self.insert_deadline_s.get())
    }
}
