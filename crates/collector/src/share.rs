//! Who may wait for the log while it is slow: no site takes the room of the others.
//!
//! What waits for the log waits in one line. When a hot site fills it, everybody's beacons wait for as long, and
//! are given up in the end. So the line is kept as short as the log is slow: it halves when a beacon waited for
//! longer than [`WAIT_TARGET`], and grows again with each that did not. Of the line a site may take as much
//! as is left free: alone, half of it; among hot ones, as much as each of them; and a site that sends
//! little always finds room.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use candor_event::Site;
use tokio::time::Instant;

use crate::limit::{WAIT_TARGET, WAITING_MAX, WAITING_OF_SITE_MIN};

/// The line before the log.
#[derive(Debug)]
pub(crate) struct Line(Mutex<State>);

/// Places in the line, until they are dropped.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    line: &'a Line,
    of_sites: Vec<(Site, usize)>,
    since: Instant,
}

#[derive(Debug)]
struct State {
    /// How many may wait now.
    length: usize,
    waiting: usize,
    /// Sites of which something waits: some of those that policies name.
    of_sites: HashMap<Site, usize>,
    /// When the line was made shorter last.
    cut: Option<Instant>,
}

// === impl Line ===

impl Default for Line {
    fn default() -> Self {
        Self(Mutex::new(State {
            length: WAITING_MAX,
            waiting: 0,
            of_sites: HashMap::new(),
            cut: None,
        }))
    }
}

impl Line {
    /// Begins to wait, for nothing yet.
    pub(crate) fn enter(&self, now: Instant) -> Places<'_> {
        Places { line: self, of_sites: Vec::new(), since: now }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Places ===

impl Places<'_> {
    /// Takes places for so many beacons of a site, when it may have them.
    pub(crate) fn take(&mut self, site: &Site, beacons: usize) -> bool {
        let mut state = self.line.state();
        let held = state.of_sites.get(site).copied().unwrap_or_default();
        let free = state.length.saturating_sub(state.waiting);
        let may = free.max(WAITING_OF_SITE_MIN);
        // One request of any size passes when nothing else of its site waits.
        let fits = held == 0 || held + beacons <= may;
        if !fits || state.waiting + beacons > WAITING_MAX {
            return false;
        }
        state.waiting += beacons;
        *state.of_sites.entry(site.clone()).or_default() += beacons;
        drop(state);
        self.of_sites.push((site.clone(), beacons));
        true
    }

    /// Gives places back that were taken last.
    pub(crate) fn give_back(&mut self, site: &Site, beacons: usize) {
        if self.of_sites.pop_if(|taken| taken.0 == *site && taken.1 == beacons).is_some() {
            self.line.state().leave(site, beacons);
        }
    }

    /// Gives the places back, and learns from how long it took.
    pub(crate) fn leave(self, now: Instant) {
        let beacons: usize = self.of_sites.iter().map(|(_, beacons)| beacons).sum();
        let mut state = self.line.state();
        if now - self.since <= WAIT_TARGET {
            state.length = (state.length + beacons).min(WAITING_MAX);
        } else if state.cut.is_none_or(|cut| self.since >= cut) {
            // What began before the last cut waited in the line as it was then.
            state.length = (state.waiting.min(state.length) / 2).max(WAITING_OF_SITE_MIN);
            state.cut = Some(now);
            metrics::counter!("collector_overload_total").increment(1);
        }
    }
}

impl Drop for Places<'_> {
    fn drop(&mut self) {
        let mut state = self.line.state();
        for (site, beacons) in &self.of_sites {
            state.leave(site, *beacons);
        }
    }
}

impl State {
    fn leave(&mut self, site: &Site, beacons: usize) {
        self.waiting = self.waiting.saturating_sub(beacons);
        if let Some(held) = self.of_sites.get_mut(site) {
            *held = held.saturating_sub(beacons);
            if *held == 0 {
                self.of_sites.remove(site);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Duration;

    use super::*;

    fn site(name: &str) -> Site {
        Site::parse(name).unwrap()
    }

    #[test]
    fn a_hot_site_takes_half_and_two_take_a_third_each() {
        let line = Line::default();
        let mut hot = line.enter(Instant::now());
        let fill = |places: &mut Places<'_>, name: &str| {
            let site = site(name);
            (0..WAITING_MAX).filter(|_| places.take(&site, 1)).count()
        };
        assert_eq!(fill(&mut hot, "hot"), WAITING_MAX / 2);
        assert_eq!(fill(&mut hot, "other"), WAITING_MAX / 4);
        drop(hot);
        assert_eq!(line.state().waiting, 0);
        assert!(line.state().of_sites.is_empty());
    }

    #[test]
    fn a_site_that_sends_little_always_finds_room() {
        let line = Line::default();
        line.state().length = WAITING_OF_SITE_MIN;
        let mut hot = line.enter(Instant::now());
        while hot.take(&site("hot"), 1) {}
        let mut small = line.enter(Instant::now());
        for _ in 0..WAITING_OF_SITE_MIN {
            assert!(small.take(&site("small"), 1));
        }
        assert!(!small.take(&site("small"), 1));
        assert!(line.enter(Instant::now()).take(&site("batches"), 1_000), "one request passes");
    }

    /// A log that stores so many a second, and a hot site that would send ten times as much beside one that
    /// sends little: how many of each came through, and how long the small one's waited at most.
    fn simulate(seconds: u64) -> (usize, usize, usize, Duration) {
        let line = Line::default();
        let (hot, small) = (site("hot"), site("small"));
        let mut waiting: VecDeque<(bool, Places<'_>)> = VecDeque::new();
        let began = Instant::now();
        let (mut stored, mut kept, mut refused, mut waited) = (0, 0, 0, Duration::ZERO);
        for millis in 0..seconds * 1_000 {
            let now = began + Duration::from_millis(millis);
            for _ in 0..10 {
                let mut places = line.enter(now);
                if places.take(&hot, 1) {
                    waiting.push_back((false, places));
                }
            }
            if millis % 100 == 0 {
                let mut places = line.enter(now);
                if places.take(&small, 1) {
                    waiting.push_back((true, places));
                } else {
                    refused += 1;
                }
            }
            if let Some((is_small, places)) = waiting.pop_front() {
                stored += 1;
                // The line learns for the first seconds how slow the log is.
                if is_small && millis > 60_000 {
                    kept += 1;
                    waited = waited.max(now - places.since);
                }
                places.leave(now);
            }
        }
        (stored, kept, refused, waited)
    }

    #[test]
    fn a_hot_site_does_not_starve_a_small_one() {
        let (stored, kept, refused, waited) = simulate(120);
        assert_eq!(stored, 120_000, "the log is never idle");
        assert_eq!(refused, 0, "the small site is never refused");
        assert!(kept > 580, "{kept} of 600");
        assert!(waited < Duration::from_secs(2), "{waited:?}");
    }
}
