//! Whether the log can be read.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use tokio::task::spawn_blocking;

use super::owned::Owned;
use crate::kafka::KafkaError;

/// Tells whether a consumer's log can be read.
#[derive(Clone, Debug)]
pub struct KafkaHealth {
    owned: Arc<Owned>,
}

// === impl KafkaHealth ===

impl KafkaHealth {
    pub(super) const fn new(owned: Arc<Owned>) -> Self {
        Self { owned }
    }

    /// Whether the topic can be read now: asks the broker, for 2 s at most.
    ///
    /// # Errors
    /// [`KafkaError::TopicMissing`], [`KafkaError::Unreachable`], [`KafkaError::Denied`], and
    /// [`KafkaError::Fenced`] once another sink took our name.
    pub async fn check(&self) -> Result<(), KafkaError> {
        if self.owned.is_fenced() {
            return Err(KafkaError::Fenced);
        }
        let fail = |code| KafkaError::of(&self.owned.config, "ask about the topic", code);
        let reader = self.owned.reader().ok_or_else(|| fail(Code::Fail))?;
        let topic = self.owned.config.topic.clone();
        let asked = spawn_blocking(move || reader.side().describe(&topic, TIMEOUT));
        asked.await.unwrap_or(Err(Code::Fail)).map_err(fail)?;
        Ok(())
    }
}

const TIMEOUT: Duration = Duration::from_secs(2);
