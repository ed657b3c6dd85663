//! Everything about the spill that can be set, in one place.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SpillError;
use super::frame::FRAME_BYTES;
use crate::journal::JournalConfig;
use crate::kafka::{RECORD_BYTES_MAX, RECORD_EVENTS_MAX};

/// The spill: how large, for how long, and from when.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpillConfig {
    /// The disk space that it may take; above it events are refused with 503. With 0 there is no spill.
    pub bytes: u64,
    /// Events that lay in it for so long, in hours, are deleted: the notice says how long the log keeps
    /// them.
    pub hours_max: NonZeroU32,
    /// An acknowledgement that takes longer, in milliseconds, means that Kafka is slow: events go to the
    /// spill.
    pub after_ms: NonZeroU32,
}

// === impl SpillConfig ===

impl SpillConfig {
    /// Whether there is a spill.
    pub const fn is_on(&self) -> bool {
        self.bytes > 0
    }

    /// Whether the values can be used.
    ///
    /// # Errors
    /// [`SpillError::Config`], with what is to be changed.
    pub const fn check(&self) -> Result<(), SpillError> {
        if self.is_on() && self.bytes < BYTES_MIN {
            return Err(SpillError::Config("bytes must be 0, for none, or at least 4194304"));
        }
        if self.after_ms.get() > AFTER_MS_MAX {
            return Err(SpillError::Config(
                "after_ms must be at most 8000: requests are answered after 10 s",
            ));
        }
        if self.hours_max.get() > HOURS_MAX {
            return Err(SpillError::Config("hours_max must be at most 8784, a year"));
        }
        Ok(())
    }

    /// The bounds of the journal that it is: what waits in memory for the disk, and a segment, are parts of
    /// the whole.
    pub(super) fn journal(&self) -> JournalConfig {
        let part = |of: u64, least: u64, most: u64| (self.bytes / of).clamp(least, most);
        let record = RECORD_BYTES_MAX as u64 + FRAME_BYTES as u64;
        let queue = part(4, record, QUEUE_BYTES_MAX);
        JournalConfig {
            segment_bytes: NonZeroU64::new(part(8, 1, SEGMENT_BYTES_MAX))
                .unwrap_or(NonZeroU64::MIN),
            bytes_max: NonZeroU64::new(self.bytes).unwrap_or(NonZeroU64::MIN),
            queue_bytes_max: at_least_one(u32::try_from(queue).unwrap_or(u32::MAX)),
            record_events_max: at_least_one(u32::try_from(RECORD_EVENTS_MAX).unwrap_or(u32::MAX)),
            record_bytes_max: at_least_one(u32::try_from(record).unwrap_or(u32::MAX)),
            ..JournalConfig::default()
        }
    }

    pub(super) fn after(&self) -> Duration {
        Duration::from_millis(self.after_ms.get().into())
    }

    pub(super) const fn seconds_max(&self) -> i64 {
        self.hours_max.get() as i64 * 3_600
    }
}

impl Default for SpillConfig {
    fn default() -> Self {
        Self { bytes: 4 << 30, hours_max: at_least_one(4), after_ms: at_least_one(1_000) }
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

const BYTES_MIN: u64 = 4 << 20;
const AFTER_MS_MAX: u32 = 8_000;
const HOURS_MAX: u32 = 8_784;
const SEGMENT_BYTES_MAX: u64 = 64 << 20;
const QUEUE_BYTES_MAX: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_size_is_taken_makes_a_journal() {
        assert!(SpillConfig::default().check().is_ok());
        assert_eq!(toml::from_str::<SpillConfig>("").unwrap(), SpillConfig::default());
        for bytes in [BYTES_MIN, BYTES_MIN + 1, 64 << 20, 1 << 30, 1 << 50] {
            let config = SpillConfig { bytes, ..SpillConfig::default() };
            assert!(config.check().is_ok() && config.is_on());
            config.journal().check().unwrap();
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for bad in ["bytes = 1", "bytes = 4194303", "after_ms = 8001", "hours_max = 8785"] {
            let config: SpillConfig = toml::from_str(bad).unwrap();
            assert!(matches!(config.check(), Err(SpillError::Config(_))), "{bad}");
        }
        let off: SpillConfig = toml::from_str("bytes = 0").unwrap();
        assert!(off.check().is_ok() && !off.is_on());
    }
}
