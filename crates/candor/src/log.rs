//! The log as the configuration has it: what events are put into, when that is answered, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use candor_event::Clock;
use candor_transport::journal::JournalProducer;
use candor_transport::kafka::{KafkaConfig, KafkaProducer};
use candor_transport::memory::{MemoryBounds, MemoryProducer};
use candor_transport::spill::{SpillHealth, SpillingProducer};
use candor_transport::{Outgoing, ProduceError, Producer};

use crate::config::{Ack, Config, ConfigError};
use crate::readiness::{LogHealth, in_words};

/// Puts events into the log.
#[derive(Clone, Debug)]
pub(crate) struct LogProducer {
    durable: Arc<Durable>,
    /// Answers before them, when it is asked for.
    memory: Option<MemoryProducer>,
}

/// What makes events durable.
#[derive(Debug)]
enum Durable {
    Journal(JournalProducer),
    Kafka(KafkaProducer),
    Spilling(SpillingProducer),
}

/// So long a start waits to meet Kafka.
const MEET_DEADLINE: Duration = Duration::from_secs(2);
/// What was acknowledged in memory, and Kafka gave back, is spilled within this time.
const SPILL_DEADLINE: Duration = Duration::from_secs(2);

// === impl LogProducer ===

impl LogProducer {
    /// A journal.
    pub(crate) fn journal(producer: JournalProducer, config: &Config) -> Self {
        let bounds = MemoryBounds {
            events: config.journal.queue_events_max,
            bytes: config.journal.queue_bytes_max,
        };
        Self::new(Durable::Journal(producer), config, bounds)
    }

    /// Kafka, with the spill that is configured.
    pub(crate) async fn kafka(
        kafka: &KafkaConfig,
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let durable = if config.spill.is_on() {
            let dir = config.data.dir.join("spill");
            let spilling = SpillingProducer::open(kafka, &config.spill, &dir, clock).await?;
            // Where Kafka is there, nothing need take the detour.
            tokio::time::timeout(MEET_DEADLINE, spilling.becomes_live()).await.ok();
            Durable::Spilling(spilling)
        } else {
            Durable::Kafka(KafkaProducer::start(kafka)?)
        };
        let bounds = MemoryBounds { events: kafka.queue_events_max, bytes: kafka.queue_bytes_max };
        Ok(Self::new(durable, config, bounds))
    }

    fn new(durable: Durable, config: &Config, bounds: MemoryBounds) -> Self {
        let durable = Arc::new(durable);
        let memory = match config.log.ack {
            Ack::Durable => None,
            Ack::Memory => {
                tracing::warn!(
                    "events are acknowledged in memory (`ack` under [log]): a crash loses the last of \
                     them"
                );
                Some(MemoryProducer::start(Arc::clone(&durable), bounds))
            }
        };
        Self { durable, memory }
    }

    /// Takes no more events, and makes durable what it was given, for about `deadline` at most. A journal is
    /// closed when the last clone is gone, too.
    pub(crate) async fn close(self, deadline: Duration) {
        if let Some(memory) = &self.memory {
            memory.stop();
            memory.flush(deadline / 2).await;
        }
        let left = match &*self.durable {
            Durable::Journal(_) => deadline / 2,
            Durable::Kafka(kafka) => {
                kafka.clone().close(deadline / 2).await;
                Duration::ZERO
            }
            Durable::Spilling(spilling) => {
                spilling.clone().close(deadline / 2).await;
                SPILL_DEADLINE
            }
        };
        if let Some(memory) = self.memory {
            memory.close(left).await;
        }
    }
}

impl Producer for LogProducer {
    async fn produce(&self, events: Vec<Outgoing>) -> Result<(), ProduceError> {
        match &self.memory {
            Some(memory) => memory.produce(events).await,
            None => self.durable.produce(events).await,
        }
    }
}

impl Producer for Durable {
    async fn produce(&self, events: Vec<Outgoing>) -> Result<(), ProduceError> {
        match self {
            Self::Journal(journal) => journal.produce(events).await,
            Self::Kafka(kafka) => kafka.produce(events).await,
            Self::Spilling(spilling) => spilling.produce(events).await,
        }
    }
}

impl LogHealth for LogProducer {
    async fn check(&self) -> Result<(), String> {
        let kafka = match &*self.durable {
            Durable::Journal(_) => return Ok(()), // where the process is, its journal is
            Durable::Kafka(kafka) => kafka,
            Durable::Spilling(spilling) => spilling.kafka(),
        };
        kafka.check().await.map_err(|error| in_words(&error))
    }

    fn takes_events(&self) -> bool {
        match &*self.durable {
            Durable::Journal(_) | Durable::Kafka(_) => false,
            Durable::Spilling(spilling) => spilling.health() != SpillHealth::Refusing,
        }
    }
}
