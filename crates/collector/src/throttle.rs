//! What one client or one site may take: the rates of both, and the site's share while the log is slow.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use candor_event::Site;
use candor_pipeline::Mark;
use tokio::time::Instant;

use crate::config::Limits;
use crate::rate::{Exceeded, Rate, Rates};
use crate::share::{Line, Places};

/// Decides who must wait.
#[derive(Debug)]
pub(crate) struct Throttle {
    networks: Rates,
    /// Beacons that a network may send at once.
    network_burst: usize,
    sites: Rates,
    hashing: RandomState,
    line: Line,
}

/// Too much came; it may come again after this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wait(pub(crate) Duration);

/// Sites that may be over their rate at a time.
const SITES_MAX: usize = 4_096;
/// Where nobody knows how long it takes.
const WAIT_A_LITTLE: Wait = Wait(Duration::from_secs(1));

impl Throttle {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        let of = |per_second, burst| Rate { per_second, burst };
        let networks = of(limits.network_per_second, limits.network_burst);
        let sites = of(limits.site_per_second, limits.site_burst);
        Self {
            networks: Rates::new(networks, limits.networks_max, now),
            network_burst: limits.network_burst.get() as usize,
            sites: Rates::new(sites, SITES_MAX, now),
            hashing: RandomState::new(),
            line: Line::default(),
        }
    }

    /// Takes so many beacons of a network's rate. Whoever has no mark is not counted.
    pub(crate) fn network(
        &self,
        mark: Option<Mark>,
        beacons: usize,
        now: Instant,
    ) -> Result<(), Wait> {
        let Some(mark) = mark else {
            return Ok(());
        };
        self.networks.take(mark.bits(), beacons, now).map_err(|exceeded| match exceeded {
            Exceeded::Full => refused("networks_full", WAIT_A_LITTLE),
            Exceeded::Owing(wait) => refused("network", Wait(wait)),
        })
    }

    /// Takes the rest of a request, of which one beacon was taken: more than a burst counts as one, for it could
    /// never come.
    pub(crate) fn rest_of_request(
        &self,
        mark: Option<Mark>,
        beacons: usize,
        now: Instant,
    ) -> Result<(), Wait> {
        self.network(mark, beacons.min(self.network_burst).saturating_sub(1), now)
    }

    /// Begins to wait for the log.
    pub(crate) fn enter(&self, now: Instant) -> Places<'_> {
        self.line.enter(now)
    }

    /// Takes so many beacons of a site's rate and share.
    pub(crate) fn site(
        &self,
        site: &Site,
        beacons: usize,
        places: &mut Places<'_>,
        now: Instant,
    ) -> Result<(), Wait> {
        // The share first: places that are not used go back, and what a rate has taken does not.
        if !places.take(site, beacons) {
            return Err(refused("share", WAIT_A_LITTLE));
        }
        let key = self.hashing.hash_one(site);
        self.sites.take(key, beacons, now).map_err(|exceeded| {
            places.give_back(site, beacons);
            match exceeded {
                Exceeded::Full => refused("sites_full", WAIT_A_LITTLE),
                Exceeded::Owing(wait) => refused("site", Wait(wait)),
            }
        })
    }
}

fn refused(by: &'static str, wait: Wait) -> Wait {
    metrics::counter!("collector_rate_limited_total", "by" => by).increment(1);
    wait
}
