//! Whoever else can reach Kafka: programs that write into the topic by themselves, and operators' tools.

use std::sync::Mutex;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use crate::{Parts, eventually};

/// Somebody with every right, and none of our code.
pub struct Stranger {
    client: ClientConfig,
    topic: String,
    producer: BaseProducer<Refusals>,
}

/// Why records were not taken.
#[derive(Debug, Default)]
struct Refusals(Mutex<Vec<Code>>);

impl Parts {
    /// Somebody else before the same Kafka.
    pub fn stranger(&self) -> Stranger {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.broker().address());
        let mut producer = client.clone();
        producer.set("message.max.bytes", "16777216");
        let producer = producer.create_with_context(Refusals::default()).unwrap();
        Stranger { client, topic: self.topic().to_owned(), producer }
    }
}

impl Stranger {
    /// Puts a record into a partition: it is in the log then.
    ///
    /// # Errors
    /// The broker, or its client, does not take it.
    pub fn put(&self, partition: i32, record: &[u8]) -> Result<(), Code> {
        let record = BaseRecord::<(), _>::to(&self.topic).partition(partition).payload(record);
        let taken = self.producer.send(record).map_err(|(error, _)| error);
        if let Err(error) = taken {
            return Err(error.rdkafka_error_code().unwrap());
        }
        self.producer.flush(Duration::from_secs(30)).unwrap();
        let refused = self.producer.context().0.lock().unwrap().pop();
        refused.map_or(Ok(()), Err)
    }

    /// Lets the topic take records of so many bytes.
    pub fn allow_bytes(&self, most: usize) {
        let most = most.to_string();
        let change = AlterConfig::new(ResourceSpecifier::Topic(&self.topic));
        let change = change.set("max.message.bytes", &most);
        let changed = wait(self.admin().alter_configs([&change], &AdminOptions::new()));
        assert!(changed.unwrap().iter().all(Result::is_ok));
    }

    /// Sets the group's cursor, as `kafka-consumer-groups.sh --reset-offsets` does: no sink may be left.
    pub fn set_cursor(&self, partition: i32, offset: u64, metadata: &str) {
        let consumer = self.member();
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(&self.topic, partition);
        element.set_offset(Offset::Offset(offset.try_into().unwrap())).unwrap();
        element.set_metadata(metadata);
        eventually("the group is empty, and its cursor set", || {
            consumer.commit(&list, CommitMode::Sync).ok()
        });
    }

    /// Where the group stands, and what is noted there.
    pub fn cursor(&self, partition: i32) -> (Offset, String) {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition);
        let list = self.member().committed_offsets(list, Duration::from_secs(30)).unwrap();
        let element = &list.elements()[0];
        (element.offset(), element.metadata().to_owned())
    }

    /// Forgets the group with all its cursors, as brokers do when no sink came for a week.
    pub fn forget_cursors(&self) {
        let admin = self.admin();
        eventually("the group is empty, and forgotten", || {
            let gone = wait(admin.delete_groups(&[&self.topic], &AdminOptions::new())).unwrap();
            gone.iter().all(Result::is_ok).then_some(())
        });
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client.create().unwrap()
    }

    /// The group has the topic's name.
    fn member(&self) -> BaseConsumer {
        self.client.clone().set("group.id", &self.topic).create().unwrap()
    }
}

fn wait<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(what)
}

impl std::fmt::Debug for Stranger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stranger").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl ClientContext for Refusals {}

impl ProducerContext for Refusals {
    type DeliveryOpaque = ();

    fn delivery(&self, delivery: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = delivery {
            self.0.lock().unwrap().extend(error.rdkafka_error_code());
        }
    }
}
