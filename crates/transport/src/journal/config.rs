//! Every bound of the journal, in one place.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::JournalError;
use super::record::PAYLOAD_BYTES_MAX;

/// The bounds of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// A segment file is closed once it is this large; a group of events is never split between two.
    pub segment_bytes: NonZeroU64,
    /// The disk space that all segments may take. Above it events are refused with 503 until the
    /// sink has confirmed enough for a segment to be deleted.
    pub bytes_max: NonZeroU64,
    /// Events that may wait in memory for the disk; further ones are refused with 503.
    pub queue_events_max: NonZeroU32,
    /// Bytes of events that may wait in memory for the disk.
    pub queue_bytes_max: NonZeroU32,
    /// The most events in one record of the log.
    pub record_events_max: NonZeroU32,
    /// The most bytes in one record of the log, and so in one event.
    pub record_bytes_max: NonZeroU32,
    /// A segment that holds confirmed events is closed at this age, to be deleted as soon as its last
    /// event is confirmed; if that takes longer than this, those that are confirmed are overwritten.
    /// At most 50,000: what is confirmed must be gone in 60 s.
    pub retire_after_ms: NonZeroU32,
}

// === impl JournalConfig ===

impl JournalConfig {
    /// What remains of the promised 60 s is for deleting.
    const RETIRE_AFTER_MS_MAX: u32 = 50_000;

    /// Whether the values fit each other.
    ///
    /// # Errors
    /// [`JournalError`] names the value.
    pub fn check(&self) -> Result<(), JournalError> {
        let queue = u64::from(self.queue_bytes_max.get());
        let need = self.segment_bytes.saturating_add(queue);
        if self.bytes_max < need {
            return Err(JournalError::Config(
                "bytes_max must be at least segment_bytes + queue_bytes_max",
            ));
        }
        if self.record_bytes_max.get() > PAYLOAD_BYTES_MAX {
            return Err(JournalError::Config("record_bytes_max must be at most 16777216"));
        }
        if self.record_bytes_max > self.queue_bytes_max {
            return Err(JournalError::Config("queue_bytes_max must be at least record_bytes_max"));
        }
        if self.retire_after_ms.get() > Self::RETIRE_AFTER_MS_MAX {
            return Err(JournalError::Config("retire_after_ms must be at most 50000"));
        }
        Ok(())
    }

    pub(super) fn retire_after(&self) -> Duration {
        Duration::from_millis(self.retire_after_ms.get().into())
    }
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            segment_bytes: at_least_one_u64(64 << 20),
            bytes_max: at_least_one_u64(4 << 30),
            queue_events_max: at_least_one(65_536),
            queue_bytes_max: at_least_one(32 << 20),
            record_events_max: at_least_one(1_000),
            record_bytes_max: at_least_one(1 << 20),
            retire_after_ms: at_least_one(20_000),
        }
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

fn at_least_one_u64(number: u64) -> NonZeroU64 {
    NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_documented_ones_and_hold_together() {
        let config: JournalConfig = toml::from_str("").unwrap();
        assert_eq!(config, JournalConfig::default());
        assert_eq!(config.segment_bytes.get(), 64 * 1024 * 1024);
        assert_eq!(config.bytes_max.get(), 4 * 1024 * 1024 * 1024);
        assert_eq!(config.record_events_max.get(), 1_000);
        assert_eq!(config.record_bytes_max.get(), 1024 * 1024);
        assert!(config.check().is_ok());
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for bad in [
            "bytes_max = 1000",
            "record_bytes_max = 16777217\nqueue_bytes_max = 33554432",
            "queue_bytes_max = 1000",
            "retire_after_ms = 50001",
        ] {
            let config: JournalConfig = toml::from_str(bad).unwrap();
            assert!(matches!(config.check(), Err(JournalError::Config(_))), "{bad}");
        }
        assert!(toml::from_str::<JournalConfig>("segment_bytes = 0").is_err());
        assert!(toml::from_str::<JournalConfig>("segments = 1").is_err());
    }
}
