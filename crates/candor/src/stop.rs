//! When to stop: the first signal asks for it, a second one ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// What a shell says of a program that a signal ended (128 + SIGINT).
const EXIT_INTERRUPTED: i32 = 130;

/// Knows whether the process was asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

// === impl Stop ===

impl Stop {
    /// Listens for SIGINT and SIGTERM from now on. Ending at the second one loses nothing either: what is
    /// under way is settled at the next start.
    pub(crate) fn on_signal() -> std::io::Result<Self> {
        let mut signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            next(&mut signals).await;
            tracing::info!("stopping; a second signal stops at once");
            tell.send_replace(true);
            next(&mut signals).await;
            std::process::exit(EXIT_INTERRUPTED);
        });
        Ok(Self(told))
    }

    /// Whether it was asked for.
    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when it is asked for.
    pub(crate) fn requested(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut told = self.0.clone();
        async move {
            // An error means that whoever tells is gone, which tells the same.
            told.wait_for(|told| *told).await.ok();
        }
    }
}

async fn next((interrupt, terminate): &mut (Signal, Signal)) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
