//! Everything that a bench measured, as it stands in `report.json`.

use anyhow::{Result, bail};
use serde::Serialize;

use super::clickhouse::Delivery;
use super::goals::{Goal, Line};
use super::machine::Machine;
use super::pin::Cores;
use crate::load::{Memory, Second};

/// A report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Results {
    /// Counts up when a field changes its meaning.
    pub(crate) format: u32,
    /// The day, in UTC.
    pub(crate) day: String,
    pub(crate) is_quick: bool,
    pub(crate) machine: Machine,
    pub(crate) cores: Cores,
    pub(crate) versions: Versions,
    /// Whether each server that was compared had as much to do as it could; otherwise ratios are rough.
    pub(crate) had_enough_to_do: bool,
    /// What was measured against what is aimed at.
    pub(crate) lines: Vec<Line>,
    pub(crate) ratios: Vec<Compared>,
    pub(crate) paced: Vec<Paced>,
    pub(crate) pipelines: Vec<Whole>,
}

/// What ran.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Versions {
    pub(crate) candor: &'static str,
    pub(crate) profile: &'static str,
    pub(crate) clickhouse: String,
    pub(crate) allocator: &'static str,
    /// Whether there were databases of countries and networks to look addresses up in.
    pub(crate) looks_addresses_up: bool,
}

/// A collector alone and the bare server, in turns, in closed loops.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    /// What an answer 202 means.
    pub(crate) acknowledged: &'static str,
    pub(crate) connections: u32,
    pub(crate) batch: u32,
    pub(crate) bare: Vec<Run>,
    pub(crate) own: Vec<Run>,
    /// Medians: microseconds of CPU for each request.
    pub(crate) bare_us: f64,
    pub(crate) own_us: f64,
    /// Of these two.
    pub(crate) ratio: f64,
    /// Events for each second of CPU.
    pub(crate) events_per_core: f64,
    /// Beacons that were answered in a second, the median.
    pub(crate) answered: f64,
    /// Beacons that were refused or broke.
    pub(crate) failed: u64,
    pub(crate) memory_at_rest: Memory,
    pub(crate) resident_bytes_max: u64,
}

/// One run of them.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) cpu_us_per_request: f64,
    pub(crate) answered: f64,
    /// How busy the server's core was; near 1, or there was too little load to compare anything.
    pub(crate) cores: f64,
}

/// A collector at half of what it can do, with requests at the times of a schedule.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Paced {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) acknowledged: &'static str,
    pub(crate) rate: u32,
    pub(crate) connections: u32,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// The bare server at the same rate: what machine and load take by themselves.
    pub(crate) bare_p50_ms: f64,
    pub(crate) bare_p99_ms: f64,
    pub(crate) failed: u64,
    pub(crate) percentiles: Vec<Percentile>,
    pub(crate) bare_percentiles: Vec<Percentile>,
    pub(crate) by_second: Vec<Second>,
}

/// So many of a hundred requests were answered within this time.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Percentile {
    pub(crate) percent: f64,
    pub(crate) ms: f64,
}

/// Everything between a beacon and its row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Whole {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) acknowledged: &'static str,
    pub(crate) connections: u32,
    /// Beacons that were answered in a second.
    pub(crate) answered: f64,
    pub(crate) answered_by_status: std::collections::BTreeMap<String, u64>,
    /// From the first beacon until everything was stored and merged.
    pub(crate) took_s: f64,
    /// Microseconds for each event that was acknowledged, of all processes.
    pub(crate) cpu_us_per_event: f64,
    pub(crate) processes: Vec<Cost>,
    pub(crate) events_of_batch: f64,
    pub(crate) bytes_of_row: f64,
    pub(crate) delivery: Delivery,
    pub(crate) by_second: Vec<Second>,
    pub(crate) killed: Killed,
}

/// What one process of it used.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) name: String,
    pub(crate) cpu_us_per_event: f64,
    pub(crate) memory_at_rest: Memory,
    pub(crate) resident_bytes_max: u64,
}

/// The same with processes that were killed (`SIGKILL`) under load.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Killed {
    /// Which, in this order.
    pub(crate) parts: Vec<&'static str>,
    pub(crate) rate: u32,
    /// Beacons that got no answer.
    pub(crate) unanswered: u64,
    pub(crate) delivery: Delivery,
    pub(crate) by_second: Vec<Second>,
}

/// A server whose core is idle for longer than this was not asked enough, and its cost means little.
const BUSY_MIN: f64 = 0.8;

/// Whether each server that was compared had as much to do as it could.
pub(crate) fn had_enough_to_do(ratios: &[(Compared, Goal)]) -> bool {
    let runs = ratios.iter().flat_map(|(it, _)| it.bare.iter().chain(&it.own));
    runs.map(|run| run.cores).all(|cores| cores >= BUSY_MIN)
}

impl Results {
    /// An error when something was lost or doubled.
    pub(crate) fn verdict(&self) -> Result<()> {
        let deliveries = self.pipelines.iter().flat_map(|it| [it.delivery, it.killed.delivery]);
        let (lost, doubled) = deliveries.fold((0, 0), |(lost, doubled), it: Delivery| {
            (lost + it.lost, doubled + it.duplicated)
        });
        if lost > 0 || doubled > 0 {
            bail!("{lost} events that were acknowledged are lost, {doubled} rows are there twice");
        }
        Ok(())
    }
}
