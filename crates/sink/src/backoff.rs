//! Growing pauses.

use std::time::Duration;

/// The pauses between tries: each twice the one before, up to a bound.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self(FIRST)
    }

    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST);
    }
}
