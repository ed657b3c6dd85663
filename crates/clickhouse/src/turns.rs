//! Turns to run a statement: a few at a time, some waiting, the rest refused at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::exception::{Exception, Kind};

/// Hands out turns.
#[derive(Debug)]
pub(crate) struct Turns {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    running_limit: usize,
    waiting_limit: usize,
}

/// The right to run one statement.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

// === impl Turns ===

impl Turns {
    pub(crate) fn new(running_limit: usize, waiting_limit: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(running_limit)),
            waiting: AtomicUsize::new(0),
            running_limit,
            waiting_limit,
        }
    }

    /// Waits for a turn, in order.
    ///
    /// # Errors
    ///
    /// `TOO_MANY_SIMULTANEOUS_QUERIES` when too many wait already.
    pub(crate) async fn take(&self) -> Result<Turn, Exception> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(Turn { _permit: permit });
        }
        let place = Place(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.waiting_limit {
            return Err(self.refusal());
        }
        let permit = Arc::clone(&self.free).acquire_owned().await;
        drop(place);
        permit.map(|permit| Turn { _permit: permit }).map_err(|_| self.refusal())
    }

    /// Waits until no statement runs and lets none begin.
    pub(crate) async fn end(&self) {
        let all = u32::try_from(self.running_limit).unwrap_or(u32::MAX);
        if let Ok(permits) = self.free.acquire_many(all).await {
            permits.forget();
        }
    }

    fn refusal(&self) -> Exception {
        let message = format!(
            "Too many simultaneous queries: {} run and {} wait already; try again later",
            self.running_limit, self.waiting_limit
        );
        Exception::new(Kind::TooManySimultaneousQueries, message)
    }
}

/// A place in the queue, given up on drop, so also when the client leaves.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_runs_one_waits_one_is_refused() {
        let turns = Turns::new(1, 1);
        let running = turns.take().await.expect("is free");
        let mut waiting = Box::pin(turns.take());
        let poll =
            std::future::poll_fn(|context| std::task::Poll::Ready(waiting.as_mut().poll(context)));
        assert!(poll.await.is_pending());
        assert_eq!(turns.take().await.expect_err("is full").code, 202);
        drop(running);
        let running = waiting.await.expect("its turn came");
        drop(running);
        turns.take().await.expect("is free again");
    }

    #[tokio::test]
    async fn who_leaves_gives_the_place_up() {
        let turns = Turns::new(1, 1);
        let running = turns.take().await.expect("is free");
        for _ in 0..3 {
            let mut waiting = Box::pin(turns.take());
            let poll = std::future::poll_fn(|context| {
                std::task::Poll::Ready(waiting.as_mut().poll(context))
            });
            assert!(poll.await.is_pending());
        }
        drop(running);
        turns.end().await;
        let mut late = Box::pin(turns.take());
        let poll =
            std::future::poll_fn(|context| std::task::Poll::Ready(late.as_mut().poll(context)));
        assert!(poll.await.is_pending(), "none begins after the end");
    }
}
