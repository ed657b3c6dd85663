//! When each request is due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The schedule. Whoever has nothing to do takes the next request of it; when all are busy, requests wait,
/// and their time counts.
#[derive(Debug)]
pub(super) struct Pace {
    /// None for a closed loop: the next request is due at once.
    every: Option<Duration>,
    began: Instant,
    ends: Instant,
    due: Semaphore,
    taken: AtomicU64,
}

/// A request that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) number: u64,
    pub(super) due: Instant,
}

/// The schedule is looked at this often at least.
const REST_MAX: Duration = Duration::from_millis(20);
/// More requests than this do not wait: by then the figures say that it is too much.
const WAITING_MAX: usize = 1_000_000;

impl Pace {
    /// Requests of `batch` beacons, so that `rate` beacons are due in each second.
    pub(super) fn new(rate: Option<u32>, batch: u32, began: Instant, ends: Instant) -> Self {
        let every = rate.map(|rate| Duration::from_secs(1) * batch / rate.max(1));
        let (due, taken) = (Semaphore::new(0), AtomicU64::new(0));
        Self { every, began, ends, due, taken }
    }

    /// Lets requests go when they are due, until the end. Blocks.
    pub(super) fn release(&self) {
        let Some(every) = self.every else {
            return;
        };
        let mut released = 0;
        loop {
            let now = Instant::now().min(self.ends);
            let due = now.duration_since(self.began).as_nanos() / every.as_nanos().max(1);
            let due = u64::try_from(due).unwrap_or(u64::MAX);
            let more = usize::try_from(due.saturating_sub(released)).unwrap_or(usize::MAX);
            if more > 0 && self.due.available_permits() < WAITING_MAX {
                self.due.add_permits(more.min(WAITING_MAX));
                released = due;
            }
            if now == self.ends {
                return self.due.close();
            }
            let next =
                self.began + every.saturating_mul(u32::try_from(due + 1).unwrap_or(u32::MAX));
            std::thread::sleep(next.saturating_duration_since(now).min(REST_MAX));
        }
    }

    /// The next request; none when the time is over.
    pub(super) async fn next(&self) -> Option<Turn> {
        let Some(every) = self.every else {
            let due = Instant::now();
            let number = self.taken.fetch_add(1, Ordering::Relaxed);
            return (due < self.ends).then_some(Turn { number, due });
        };
        self.due.acquire().await.ok()?.forget();
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let nanos = u128::from(number) * every.as_nanos();
        let due = self.began + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        Some(Turn { number, due })
    }

    /// How far the requests are behind their schedule.
    pub(super) fn lag(&self) -> Duration {
        let waiting = u32::try_from(self.due.available_permits()).unwrap_or(u32::MAX);
        self.every.unwrap_or_default().saturating_mul(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_are_due_at_their_times_however_late_they_are_taken() {
        let ends = Instant::now();
        let began = ends - Duration::from_millis(100);
        let pace = Pace::new(Some(1_000), 10, began, ends);
        pace.due.add_permits(2);
        for number in [0, 1] {
            let due = began + Duration::from_millis(10) * u32::try_from(number).unwrap();
            assert_eq!(pace.next().await, Some(Turn { number, due }));
        }
        pace.release();
        assert_eq!(pace.lag(), Duration::from_millis(100), "10 requests, of which none was taken");
        assert_eq!(pace.next().await, None, "the time is over");
    }

    #[tokio::test]
    async fn a_closed_loop_has_no_times_but_an_end() {
        let began = Instant::now();
        let pace = Pace::new(None, 1, began, began + Duration::from_hours(1));
        let turn = pace.next().await.unwrap();
        assert_eq!(turn.number, 0);
        assert!(turn.due >= began);
        assert_eq!(pace.lag(), Duration::ZERO);
        assert_eq!(Pace::new(None, 1, began, began).next().await, None);
    }
}
