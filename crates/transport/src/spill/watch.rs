//! The task that watches the brokers. While events go to the spill it asks them, again and again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::shared::Shared;

/// Never returns.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut asking = JoinSet::new();
    let mut measured = None::<Instant>;
    loop {
        tick.tick().await;
        while asking.try_join_next().is_some() {}
        if asking.is_empty() && !shared.is_live() {
            asking.spawn(ask(Arc::clone(&shared)));
        }
        shared.look();
        if measured.is_none_or(|at| at.elapsed() >= MEASURE_EVERY) {
            shared.measure();
            measured = Some(Instant::now());
        }
    }
}

async fn ask(shared: Arc<Shared>) {
    let asked_at = Instant::now();
    if shared.kafka.check().await.is_ok() {
        shared.answered(asked_at);
    }
    tokio::time::sleep(PAUSE).await;
}

const TICK: Duration = Duration::from_millis(50);
/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(250);
const MEASURE_EVERY: Duration = Duration::from_secs(1);
