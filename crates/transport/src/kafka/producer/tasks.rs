//! The two tasks of a producer: one answers and sends, one looks after the topic and the client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;
use tokio::task::spawn_blocking;

use super::client::Client;
use super::shared::{Next, Shared};
use crate::kafka::error::is_missing;
use crate::kafka::metrics::{self, Role};
use crate::kafka::native::Described;

/// Answers what librdkafka is done with, and sends what has waited long enough: one wake-up for all that
/// came back together.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        let woken = shared.inbox.wake.notified();
        match shared.turn() {
            Next::Over => return,
            Next::Wait => woken.await,
            Next::WaitUntil(due) => {
                // Woken or due: the next turn looks at everything.
                drop(tokio::time::timeout_at(due.into(), woken).await);
            }
        }
    }
}

/// Keeps the number of partitions known and the client sound.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut looked = None::<Instant>;
    while !shared.is_over() {
        if shared.client().is_some_and(|client| client.is_broken()) {
            replace_client(&shared).await;
        }
        let pause = match (shared.knows_the_topic(), shared.is_silent(PATIENCE)) {
            (true, false) => LOOK_EVERY,
            (true, true) => LOOK_AGAIN_SILENT,
            (false, _) => LOOK_AGAIN,
        };
        if looked.is_none_or(|at| at.elapsed() >= pause) {
            look(&shared).await;
            looked = Some(Instant::now());
        }
        shared.measure();
        let tick = if shared.knows_the_topic() { TICK } else { LOOK_AGAIN };
        if tokio::time::timeout(tick, shared.inbox.suspect.notified()).await.is_ok() {
            // Errors come in swarms.
            tokio::time::sleep(LOOK_AGAIN).await;
            looked = None;
        }
    }
}

/// Asks the broker, for 2 s at most.
pub(super) async fn describe(shared: &Shared) -> Result<Described, Code> {
    let Some(client) = shared.client() else {
        return Err(Code::Fail);
    };
    let topic = shared.config.topic.clone();
    let asked = spawn_blocking(move || client.describe(&topic, ASK_TIMEOUT));
    asked.await.unwrap_or(Err(Code::Fail))
}

async fn look(shared: &Arc<Shared>) {
    match describe(shared).await {
        Ok(described) => {
            if !shared.learn(described) {
                return;
            }
            // librdkafka takes the leader epochs of the new topic, which begin at 0 again, for old news.
            tracing::warn!(topic = shared.config.topic, "the topic was deleted and made anew");
            let replaced = replace_client(shared).await;
            shared.forget_topic(replaced);
            if replaced {
                metrics::log_changed(Role::Producer);
                shared.learn(described);
            }
        }
        Err(code) if is_missing(code) => {
            if shared.knows_the_topic() {
                tracing::error!(
                    topic = shared.config.topic,
                    "the topic is gone: run `candor migrate`"
                );
            }
            shared.forget_topic(false);
        }
        Err(error) => tracing::debug!(%error, "cannot ask about the topic"),
    }
}

/// Whether it was done.
async fn replace_client(shared: &Arc<Shared>) -> bool {
    let (config, inbox) = (shared.config.clone(), Arc::clone(&shared.inbox));
    match spawn_blocking(move || Client::new(&config, inbox)).await {
        Ok(Ok(client)) => {
            shared.replace_client(client);
            true
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "no other Kafka producer can be made, trying again");
            shared.inbox.suspect.notify_one();
            false
        }
        Err(_) => false, // the runtime is going down
    }
}

const ASK_TIMEOUT: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const LOOK_AGAIN_SILENT: Duration = Duration::from_secs(1);
/// So long an acknowledgement may take before the topic is looked at.
const PATIENCE: Duration = Duration::from_secs(2);
