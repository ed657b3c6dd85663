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
    /// A batch is stored when its first event has waited this long, milliseconds. Left out: 1000 with a
    /// journal, 5000 with Kafka, whose partitions each make batches of their own.
    pub batch_age_ms: Option<NonZeroU64>,
    /// An insert is given up after this long, seconds; neither the sink nor ClickHouse goes on with it.
    pub insert_deadline_s: NonZeroU64,
}

const EVENTS: NonZeroU32 = NonZeroU32::new(100_000).unwrap();
const BYTES: NonZeroU64 = NonZeroU64::new(32 * 1_048_576).unwrap();
const AGE_MS: u64 = 1_000;
const DEADLINE_S: NonZeroU64 = NonZeroU64::new(30).unwrap();

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_events: EVENTS,
            batch_bytes: BYTES,
            batch_age_ms: None,
            insert_deadline_s: DEADLINE_S,
        }
    }
}

/// A setting that would make more inserts than ClickHouse can merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "sink.batch_age_ms = {batch_age_ms} makes up to {inserts} inserts in that time, one for each table and \
     partition; ClickHouse merges at most {INSERTS_PER_SECOND_MAX} a second for long: set it to {} or more",
    Config::batch_age_ms_min(*inserts)
)]
pub struct TooManyInserts {
    batch_age_ms: u64,
    inserts: u64,
}

/// Every insert makes a part, and parts are merged at a bounded rate: above it ClickHouse slows inserts
/// down and then refuses them.
const INSERTS_PER_SECOND_MAX: u64 = 10;

impl Config {
    /// With this age, unless one is set already.
    #[must_use]
    pub fn or_batch_age(mut self, milliseconds: NonZeroU64) -> Self {
        self.batch_age_ms = self.batch_age_ms.or(Some(milliseconds));
        self
    }

    /// Whether so many tables can be inserted into at this batch age, by so many partitions.
    ///
    /// # Errors
    /// [`TooManyInserts`] names the least age.
    pub fn check(&self, tables: u64, partitions: u64) -> Result<(), TooManyInserts> {
        let batch_age_ms = self.batch_age_ms.map_or(AGE_MS, NonZeroU64::get);
        let inserts = tables.saturating_mul(partitions);
        if batch_age_ms < Self::batch_age_ms_min(inserts) {
            return Err(TooManyInserts { batch_age_ms, inserts });
        }
        Ok(())
    }

    const fn batch_age_ms_min(inserts: u64) -> u64 {
        inserts.saturating_mul(1_000) / INSERTS_PER_SECOND_MAX
    }

    pub(crate) fn batch_age(&self) -> Duration {
        Duration::from_millis(self.batch_age_ms.map_or(AGE_MS, NonZeroU64::get))
    }

    /// How long an insert may be under way after it was announced.
    pub fn insert_deadline(&self) -> Duration {
        Duration::from_secs(self.insert_deadline_s.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_inserts_is_bounded() {
        let config = Config::default();
        assert_eq!(config.check(10, 1), Ok(()));
        let refused = config.check(2, 6).unwrap_err().to_string();
        assert!(refused.contains("1200 or more"), "{refused}");
        let slower = config.or_batch_age(NonZeroU64::new(5_000).unwrap());
        assert_eq!(slower.check(2, 6), Ok(()));
    }
}
