//! Asks about the topic, of a broker that answers.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::metadata::MetadataBroker;

use super::error::code_of;
use super::native::{self, Described};

/// Asks with one client. librdkafka asks the controller; should that not answer, another broker can.
#[derive(Debug)]
pub(super) struct Asker {
    /// The broker that is asked; none ([`CONTROLLER`]) leaves it to librdkafka.
    broker: AtomicI32,
    /// Whether no answer came last time. Then a plain question goes first: while librdkafka looks for a
    /// broker for the other kind, it connects hundreds of times a second to one that is away.
    is_away: AtomicBool,
}

// === impl Asker ===

impl Asker {
    pub(super) const fn new() -> Self {
        Self { broker: AtomicI32::new(CONTROLLER), is_away: AtomicBool::new(true) }
    }

    /// Blocks for `timeout` at most, and a moment.
    pub(super) fn describe<C: ClientContext>(
        &self,
        client: &Client<C>,
        topic: &str,
        timeout: Duration,
    ) -> Result<Described, Code> {
        if self.is_away.load(Ordering::Relaxed) {
            client.fetch_metadata(Some(topic), timeout / 2).map_err(|error| code_of(&error))?;
        }
        let asked = self.ask(client, topic, timeout);
        let is_answered =
            !matches!(asked, Err(Code::OperationTimedOut | Code::BrokerTransportFailure));
        self.is_away.store(!is_answered, Ordering::Relaxed);
        asked
    }

    fn ask<C: ClientContext>(
        &self,
        client: &Client<C>,
        topic: &str,
        timeout: Duration,
    ) -> Result<Described, Code> {
        let half = timeout / 2;
        let broker = self.broker.load(Ordering::Relaxed);
        let asked = native::describe(client, topic, named(broker), half);
        if asked != Err(Code::OperationTimedOut) {
            return asked;
        }
        self.broker.store(CONTROLLER, Ordering::Relaxed);
        let metadata = client.fetch_metadata(Some(topic), half).map_err(|error| code_of(&error))?;
        let any = metadata.brokers().first().map_or(CONTROLLER, MetadataBroker::id);
        let broker = named(metadata.orig_broker_id()).unwrap_or(any);
        let asked = native::describe(client, topic, named(broker), half);
        if asked != Err(Code::OperationTimedOut) {
            self.broker.store(broker, Ordering::Relaxed);
        }
        asked
    }
}

fn named(broker: i32) -> Option<i32> {
    (broker >= 0).then_some(broker)
}

const CONTROLLER: i32 = -1;
