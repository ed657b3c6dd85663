//! The collectors that are measured alone, each beside the bare server.

use anyhow::{Context, Result, bail};

use super::child::{Running, Spec, taking};
use super::goals::Goal;
use super::results::{Compared, Paced, Percentile, Run};
use super::{Bench, Shape, half_of};
use crate::config::{Config, LogKind};
use crate::load::{Agents, Load, Report, at, memory};
use crate::topic;

/// A collector, what it is sent, and what is aimed at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    id: &'static str,
    what: &'static str,
    acknowledged: &'static str,
    log: LogKind,
    config: &'static str,
    shape: Shape,
    goal: Goal,
    /// Whether its times at half of its rate are measured, too.
    is_paced: bool,
}

/// Answers wait for a disk, so only many connections keep a server busy.
const MANY: u32 = 1_024;
const FEW: u32 = 64;
const ONE: Shape =
    Shape { connections: MANY, batch: 1, agents: Agents::Common, is_numbered: false };
pub(crate) const IN_JOURNAL: &str = "durable: the journal has it on the disk (group fsync)";
pub(crate) const IN_KAFKA: &str = "durable: Kafka has it (acks=all, idempotent)";

const JOURNAL: Case = Case {
    id: "journal",
    what: "one beacon, durable in the journal",
    acknowledged: IN_JOURNAL,
    log: LogKind::Journal,
    config: "[log]\nack = 'durable'\n",
    shape: ONE,
    goal: Goal::AtMost(1.4),
    is_paced: true,
};
const CASES: [Case; 4] = [
    JOURNAL,
    Case {
        id: "agents",
        what: "one beacon, every agent never seen before",
        shape: Shape { agents: Agents::NeverSeen, ..ONE },
        goal: Goal::AtMost(3.0),
        is_paced: false,
        ..JOURNAL
    },
    Case {
        id: "ten",
        what: "ten beacons a request, durable in the journal",
        shape: Shape { batch: 10, ..ONE },
        goal: Goal::AtLeast(350_000.0),
        is_paced: false,
        ..JOURNAL
    },
    Case {
        id: "memory",
        what: "one beacon, answered from memory",
        acknowledged: "in memory: a crash loses the last of them",
        config: "[log]\nack = 'memory'\n",
        shape: Shape { connections: FEW, ..ONE },
        goal: Goal::AtMost(1.5),
        is_paced: false,
        ..JOURNAL
    },
];
const KAFKA: Case = Case {
    id: "kafka",
    what: "one beacon, durable in Kafka",
    acknowledged: IN_KAFKA,
    log: LogKind::Kafka,
    config: "",
    shape: ONE,
    goal: Goal::AtMost(1.6),
    is_paced: true,
};

/// What an answer 202 means, in each way that is measured.
pub(crate) fn acknowledged(with_kafka: bool) -> impl Iterator<Item = &'static str> {
    let [journal, .., memory] = CASES;
    let kafka = with_kafka.then_some(IN_KAFKA);
    [journal.acknowledged, memory.acknowledged].into_iter().chain(kafka)
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Alone {
    pub(crate) ratios: Vec<(Compared, Goal)>,
    pub(crate) paced: Vec<Paced>,
}

/// Makes the topic of the collector that is measured alone: whether Kafka is there is known before minutes are spent
/// on everything else.
pub(crate) async fn ensure_topic(bench: &Bench) -> Result<()> {
    let config = bench.place.configure(KAFKA.id, KAFKA.log, &bench.kafka("collector"))?;
    topic::ensure(Config::load(Some(&config))?.kafka()?).await
}

/// Measures them all, one after the other.
pub(crate) async fn run(bench: &Bench) -> Result<Alone> {
    let bare = Spec {
        name: "the bare server",
        core: bench.cores.measured,
        arguments: vec!["bare".into()],
    };
    let bare = Running::start(bare).await?;
    let mut alone = Alone::default();
    let kafka = bench.has_kafka().then_some(KAFKA);
    for case in CASES.into_iter().chain(kafka) {
        bench.say(&format!("{} …", case.what));
        let own = start(bench, &case).await?;
        let ratio = ratio(bench, &case, &bare, &own).await?;
        bench.say(&format!(
            "{}: {:.2} µs a request, bare hyper {:.2} µs, ratio {:.2}{}",
            case.what,
            ratio.own_us,
            ratio.bare_us,
            ratio.ratio,
            failed(ratio.failed)
        ));
        if case.is_paced {
            alone.paced.push(paced(bench, &case, ratio.answered, &bare, &own).await?);
        }
        alone.ratios.push((ratio, case.goal));
        own.stop().await?;
        bench.clear(case.id);
    }
    drop(bare.kill().await?);
    Ok(alone)
}

async fn start(bench: &Bench, case: &Case) -> Result<Running> {
    let (part, config) = match case.log {
        LogKind::Journal => ("journal", case.config.to_owned()),
        LogKind::Kafka => ("collect", bench.kafka("collector")),
    };
    let config = bench.place.configure(case.id, case.log, &config)?;
    Running::start(taking(bench, "the collector", &[part], &config, case.id)).await
}

/// In turns, so that whatever else the machine does meets both.
async fn ratio(bench: &Bench, case: &Case, bare: &Running, own: &Running) -> Result<Compared> {
    let memory_at_rest = memory(&own.watched())?;
    let load = Load { rate: None, seconds: bench.speed.seconds };
    let (mut bare_runs, mut own_runs) = (Vec::new(), Vec::new());
    let (mut failed, mut resident_bytes_max) = (0, memory_at_rest.resident_bytes);
    for _ in 0..bench.speed.rounds {
        for (server, runs) in [(bare, &mut bare_runs), (own, &mut own_runs)] {
            let (run, report) = one_run(bench, case, server, load).await?;
            runs.push(run);
            failed += report.failed;
            if server.spec.name == own.spec.name {
                let most = report.processes.iter().map(|usage| usage.resident_bytes_max).max();
                resident_bytes_max = resident_bytes_max.max(most.unwrap_or_default());
            }
        }
    }
    let bare_us = median(bare_runs.iter().map(|run| run.cpu_us_per_request));
    let own_us = median(own_runs.iter().map(|run| run.cpu_us_per_request));
    let answered = median(own_runs.iter().map(|run| run.answered));
    Ok(Compared {
        id: case.id,
        what: case.what,
        acknowledged: case.acknowledged,
        connections: case.shape.connections,
        batch: case.shape.batch,
        bare: bare_runs,
        own: own_runs,
        bare_us,
        own_us,
        ratio: own_us / bare_us,
        events_per_core: 1e6 * f64::from(case.shape.batch) / own_us,
        answered,
        failed,
        memory_at_rest,
        resident_bytes_max,
    })
}

/// What fails costs less than what is kept: a ratio that has some is told with them.
fn failed(beacons: u64) -> String {
    if beacons == 0 { String::new() } else { format!(", {beacons} beacons failed") }
}

/// How often a run is begun in which nothing at all is answered: once for a machine that stood still.
const TRIES: u32 = 2;

async fn one_run(
    bench: &Bench,
    case: &Case,
    server: &Running,
    load: Load,
) -> Result<(Run, Report)> {
    let name = server.spec.name;
    for _ in 0..TRIES {
        let watch = vec![server.watched()];
        let report = bench.measure(server.beacons()?, case.shape, watch, load).await?;
        let usage = report.processes.first().context("nothing was measured")?;
        if usage.is_gone {
            bail!("{name} ended by itself");
        }
        if let Some(cpu_us_per_beacon) = usage.cpu_us_per_beacon {
            let run = Run {
                cpu_us_per_request: cpu_us_per_beacon * f64::from(case.shape.batch),
                answered: report.answered,
                cores: usage.cores,
            };
            return Ok((run, report));
        }
        bench.say(&format!("{name} answered nothing for {} s", load.seconds));
    }
    bail!("{name} answers nothing: is the machine free, and its disk not full?")
}

/// At half of the rate that was found.
async fn paced(
    bench: &Bench,
    case: &Case,
    answered: f64,
    bare: &Running,
    own: &Running,
) -> Result<Paced> {
    let rate = half_of(answered);
    let load = Load { rate: Some(rate), seconds: bench.speed.paced_s };
    let of_bare = bench.measure(bare.beacons()?, case.shape, vec![bare.watched()], load).await?;
    let of_own = bench.measure(own.beacons()?, case.shape, vec![own.watched()], load).await?;
    let paced = Paced {
        id: case.id,
        what: case.what,
        acknowledged: case.acknowledged,
        rate,
        connections: case.shape.connections,
        p50_ms: at(&of_own.waits, 0.5),
        p99_ms: at(&of_own.waits, 0.99),
        bare_p50_ms: at(&of_bare.waits, 0.5),
        bare_p99_ms: at(&of_bare.waits, 0.99),
        failed: of_own.failed,
        percentiles: percentiles(&of_own),
        bare_percentiles: percentiles(&of_bare),
        by_second: of_own.by_second,
    };
    bench.say(&format!(
        "{}, {rate} a second: p50 {:.2} ms, p99 {:.2} ms (bare hyper {:.2} and {:.2})",
        case.what, paced.p50_ms, paced.p99_ms, paced.bare_p50_ms, paced.bare_p99_ms
    ));
    Ok(paced)
}

/// What is plotted of all times.
const PERCENTS: [f64; 12] =
    [0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.9, 99.99, 100.0];

fn percentiles(report: &Report) -> Vec<Percentile> {
    let one = |percent| Percentile { percent, ms: at(&report.waits, percent / 100.0) };
    PERCENTS.into_iter().map(one).collect()
}

/// The one in the middle, of a few.
fn median(of: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = of.collect();
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    match (all.get(middle.wrapping_sub(1)), all.get(middle)) {
        (Some(before), Some(at)) if all.len().is_multiple_of(2) => f64::midpoint(*before, *at),
        (_, at) => at.copied().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0].into_iter()) - 2.5).abs() < f64::EPSILON);
        assert!(median(std::iter::empty()).abs() < f64::EPSILON);
    }
}
