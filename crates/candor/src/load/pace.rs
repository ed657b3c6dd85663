//! When each request is due.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// How many may be taken, and were.
    released: AtomicU64,
    taken: AtomicU64,
    is_stopped: AtomicBool,
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
    /// Requests of `batch` beacons, so that `rate` beacons are due in each second. The first is due at once.
    pub(super) fn new(rate: Option<u32>, batch: u32, began: Instant, ends: Instant) -> Self {
        let every = rate.map(|rate| Duration::from_secs(1) * batch / rate.max(1));
        Self {
            every,
            began,
            ends,
            due: Semaphore::new(0),
            released: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
        }
    }

    /// Lets requests go when they are due, until the end. Blocks.
    pub(super) fn release(&self) {
        let Some(every) = self.every else {
            return;
        };
        let mut released = 0;
        while !self.is_stopped.load(Ordering::Relaxed) {
            let now = Instant::now().min(self.ends);
            let due = self.due_by(now, every);
            let more = usize::try_from(due.saturating_sub(released)).unwrap_or(usize::MAX);
            if more > 0 && self.due.available_permits() < WAITING_MAX {
                released = due;
                self.released.store(due, Ordering::Relaxed);
                self.due.add_permits(more.min(WAITING_MAX));
            }
            if now == self.ends {
                return;
            }
            let next = self.due_at(due, every);
            std::thread::sleep(next.saturating_duration_since(now).min(REST_MAX));
        }
    }

    /// The next request; none when the schedule is over.
    pub(super) async fn next(&self) -> Option<Turn> {
        let Some(every) = self.every else {
            let due = Instant::now();
            let goes_on = due < self.ends && !self.is_stopped.load(Ordering::Relaxed);
            let number = self.taken.fetch_add(1, Ordering::Relaxed);
            return goes_on.then_some(Turn { number, due });
        };
        self.due.acquire().await.ok()?.forget();
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        Some(Turn { number, due: self.due_at(number, every) })
    }

    /// Nothing more is due, whatever the schedule says.
    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.due.close();
    }

    /// Ends the schedule, of which everything was let go.
    pub(super) fn close(&self) {
        self.due.close();
    }

    /// Requests that wait because all connections are busy.
    pub(super) fn waiting(&self) -> usize {
        self.due.available_permits()
    }

    /// Those that were due and nobody took, when the schedule is over and was not stopped.
    pub(super) fn never_taken(&self) -> impl Iterator<Item = Turn> {
        let released = self.released.load(Ordering::Relaxed);
        let is_stopped = self.is_stopped.load(Ordering::Relaxed);
        let taken = if is_stopped { released } else { self.taken.load(Ordering::Relaxed) };
        let every = self.every.unwrap_or_default();
        (taken..released).map(move |number| Turn { number, due: self.due_at(number, every) })
    }

    /// How far the requests are behind their schedule.
    pub(super) fn lag(&self) -> Duration {
        let waiting = u32::try_from(self.waiting()).unwrap_or(u32::MAX);
        self.every.unwrap_or_default().saturating_mul(waiting)
    }

    /// How many are due by now. At the end itself none is.
    fn due_by(&self, now: Instant, every: Duration) -> u64 {
        let (passed, every) = (now.duration_since(self.began).as_nanos(), every.as_nanos().max(1));
        let due = if now == self.ends { passed.div_ceil(every) } else { passed / every + 1 };
        u64::try_from(due).unwrap_or(u64::MAX)
    }

    fn due_at(&self, number: u64, every: Duration) -> Instant {
        let nanos = u128::from(number) * every.as_nanos();
        self.began + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(rate: u32, batch: u32) -> (Pace, Instant) {
        let ends = Instant::now();
        let began = ends - Duration::from_millis(100);
        (Pace::new(Some(rate), batch, began, ends), began)
    }

    #[tokio::test]
    async fn requests_are_due_at_their_times_however_late_they_are_taken() {
        let (pace, began) = ended(1_000, 10);
        pace.release();
        assert_eq!(pace.lag(), Duration::from_millis(100), "10 requests, of which none was taken");
        for number in 0..8 {
            let due = began + Duration::from_millis(10) * u32::try_from(number).unwrap();
            assert_eq!(pace.next().await, Some(Turn { number, due }));
        }
        pace.close();
        assert_eq!(pace.next().await, None, "the time is over");
        let left: Vec<_> = pace.never_taken().map(|turn| turn.number).collect();
        assert_eq!(left, [8, 9], "they were due");
    }

    #[test]
    fn a_request_goes_the_moment_it_is_due() {
        let (pace, began) = ended(1_000, 10);
        let every = Duration::from_millis(10);
        for (after_ms, due) in [(0, 1), (9, 1), (10, 2), (99, 10), (100, 10)] {
            let now = began + Duration::from_millis(after_ms);
            assert_eq!(pace.due_by(now, every), due, "after {after_ms} ms");
            assert!(pace.due_at(due - 1, every) <= now);
        }
    }

    #[tokio::test]
    async fn who_is_stopped_has_left_nothing_out() {
        let (pace, _) = ended(1_000, 10);
        pace.release();
        pace.stop();
        assert_eq!(pace.next().await, None);
        assert_eq!(pace.never_taken().count(), 0);
    }

    #[tokio::test]
    async fn a_closed_loop_has_no_times_but_an_end() {
        let began = Instant::now();
        let pace = Pace::new(None, 1, began, began + Duration::from_hours(1));
        let turn = pace.next().await.unwrap();
        assert_eq!(turn.number, 0);
        assert!(turn.due >= began);
        assert_eq!(pace.lag(), Duration::ZERO);
        pace.stop();
        assert_eq!(pace.next().await, None);
        assert_eq!(Pace::new(None, 1, began, began).next().await, None);
        assert_eq!(pace.never_taken().count(), 0);
    }
}
