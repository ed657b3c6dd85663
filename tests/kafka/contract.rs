//! The contract that Kafka and the journal share.

use candor_tests::Broker;
use candor_transport::kafka::{KafkaConfig, KafkaConsumer, KafkaProducer};

use crate::suite;
use crate::support::{STALL_MAX, create, fresh, start};

struct KafkaHarness {
    config: KafkaConfig,
}

impl suite::Harness for KafkaHarness {
    type Producer = KafkaProducer;
    type Consumer = KafkaConsumer;
    const EVENT_BYTES_MAX: usize = 512 << 10;

    async fn start() -> Self {
        let config = fresh(Broker::shared());
        create(&config).await;
        Self { config }
    }

    async fn open(&mut self) -> (KafkaProducer, KafkaConsumer) {
        let producer = start(&self.config).await;
        (producer, KafkaConsumer::start(&self.config, STALL_MAX).unwrap())
    }
}

suite::contract!(KafkaHarness);
