//! What is counted instead of timed: instructions and allocations of an event, case by case. Every run does
//! exactly the same, so that a difference is one of the code.

use std::error::Error;
use std::hint::black_box;

use bytes::Bytes;
use candor_event::wire::{self, EventView, WireError};
use http::HeaderMap;

use crate::subject::{Subject, fetched};
use crate::{Keeps, agents, beacon, headers};

/// A kind of request, or of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// One beacon, everything kept, with a truncated address; agents in the cache.
    Truncated,
    /// The same with a hashed address and a rotating visitor id.
    Hashed,
    /// Ten beacons in one request, with truncated addresses.
    Ten,
    /// One beacon without consent.
    Denied,
    /// One beacon of an agent that was never seen.
    Unseen,
    /// The sink's side: a record of a thousand events, read.
    Decode,
}

/// A case with all that it takes.
#[derive(Debug)]
pub struct Prepared<'a> {
    case: Case,
    subject: &'a Subject,
    requests: Vec<(HeaderMap, String)>,
    record: Bytes,
}

/// Events in the record of [`Case::Decode`].
const RECORD: usize = 1_000;
/// How often each agent is met before it counts, and again while it counts.
const TURNS: usize = 4;

// === impl Case ===

impl Case {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Truncated, Self::Hashed, Self::Ten, Self::Denied, Self::Unseen, Self::Decode];

    /// Its name in the baseline.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "one-truncated",
            Self::Hashed => "one-hashed",
            Self::Ten => "ten-in-one",
            Self::Denied => "one-denied",
            Self::Unseen => "one-unseen-agent",
            Self::Decode => "sink-decode",
        }
    }

    /// Beacons in a request, or events in a record.
    const fn events(self) -> usize {
        match self {
            Self::Ten => 10,
            Self::Decode => RECORD,
            _ => 1,
        }
    }

    /// Makes everything that it takes beforehand.
    ///
    /// # Errors
    /// The subject keeps nothing of what it should keep.
    pub fn prepare(self, subject: &Subject) -> Result<Prepared<'_>, Box<dyn Error>> {
        let keeps = match self {
            Self::Hashed => Keeps::EverythingPseudonymous,
            _ => Keeps::Everything,
        };
        let body = beacon(keeps.site(), self != Self::Denied);
        let body = match self {
            Self::Ten => format!("[{}]", [body.as_str(); 10].join(",")),
            _ => body,
        };
        let all = agents().cycle().take(agents().count() * TURNS * 2).enumerate();
        let requests = all.map(|(number, agent)| {
            let agent = match self {
                Self::Unseen => format!("{agent} Own/{number}"),
                _ => agent.to_owned(),
            };
            Ok((headers(&agent)?, body.clone()))
        });
        let requests = requests.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        let (first, body) = requests.first().ok_or("there are no agents")?;
        let record = match self {
            Self::Decode => {
                subject.record(first, body).ok_or("the beacon was not kept")?.repeat(RECORD)
            }
            _ => Vec::new(),
        };
        Ok(Prepared { case: self, subject, requests, record: record.into() })
    }
}

// === impl Prepared ===

impl Prepared<'_> {
    /// Does it so often that every cache is warm: the first half of its requests.
    ///
    /// # Errors
    /// Not what should be kept was kept.
    pub fn warm(&self) -> Result<(), Box<dyn Error>> {
        let (first, _) = self.requests.split_at(self.requests.len() / 2);
        self.run(first).map(drop)
    }

    /// What is counted: the other half. Gives back how many events that were.
    ///
    /// # Errors
    /// Not what should be kept was kept.
    pub fn count(&self) -> Result<usize, Box<dyn Error>> {
        let (_, second) = self.requests.split_at(self.requests.len() / 2);
        self.run(second)
    }

    fn run(&self, requests: &[(HeaderMap, String)]) -> Result<usize, Box<dyn Error>> {
        if self.case == Case::Decode {
            return Ok(read(black_box(&self.record))?);
        }
        let kept: usize =
            requests.iter().map(|(headers, body)| self.subject.take(headers, body)).sum();
        let events = requests.len() * self.case.events();
        let wanted = if self.case == Case::Denied { 0 } else { events };
        if kept == wanted { Ok(events) } else { Err("not what should be kept was kept".into()) }
    }
}

/// Reads a record as the sink does: splits it into its events, and takes each apart. How many there were.
///
/// # Errors
/// The record cannot be stored.
pub fn read(record: &Bytes) -> Result<usize, WireError> {
    let events = black_box(wire::split(record)?);
    for event in &events {
        black_box(EventView::read(&event.message)?);
    }
    Ok(events.len())
}

/// What all cases run against: places and networks of databases that never change.
///
/// # Errors
/// Something is missing: `tools/setup --tests` fetches it.
pub fn subject() -> Result<Subject, Box<dyn Error>> {
    let database = |name: &str| fetched("maxminddb").join(name);
    let (places, networks) =
        (database("GeoLite2-City-Test.mmdb"), database("GeoLite2-ASN-Test.mmdb"));
    let missing = |error| format!("{error}: run `tools/setup --tests` first");
    Subject::new(Some(&places), Some(&networks)).map_err(|error| missing(error).into())
}
