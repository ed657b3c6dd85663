//! The sink at work, in a process that may have other things to do.

use std::time::Duration;

use anyhow::{Context, Result};
use candor_sink::{Sink, SinkError};
use candor_transport::Consumer;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A sink that carries the log into the store.
#[derive(Debug)]
pub(crate) struct Carrying {
    task: JoinHandle<Result<(), SinkError>>,
    stop: oneshot::Sender<()>,
}

/// What a sink does before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It reads to the end of its log, to which nobody writes any more.
    ReadAll,
    /// It stores what it has read: others go on with the log.
    StoreRead,
}

/// What is left is stored within this time after the process was asked to stop.
const STORE_DEADLINE: Duration = Duration::from_secs(20);

// === impl Carrying ===

impl Carrying {
    /// Begins.
    pub(crate) fn start<C: Consumer>(sink: Sink<C>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        // An error means that whoever stops us is gone, which tells the same.
        let stopped = async { stopped.await.unwrap_or(()) };
        Self { task: tokio::spawn(sink.run(stopped)), stop }
    }

    /// Resolves only when it ends by itself: when somebody must do something first.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        (&mut self.task).await?.context("the sink cannot go on")
    }

    /// Ends it, in time.
    pub(crate) async fn finish(mut self, rest: Rest) -> Result<()> {
        let reading = (rest == Rest::ReadAll).then_some(self.stop);
        let Ok(ended) = tokio::time::timeout(STORE_DEADLINE, &mut self.task).await else {
            tracing::warn!("what is left in the log is stored at the next start");
            self.task.abort();
            return Ok(());
        };
        drop(reading);
        ended?.context("the sink cannot go on")
    }
}
