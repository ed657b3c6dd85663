//! A whole pipeline: what an event costs until it is a row, and whether all are there, once; also when its
//! processes are killed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::clickhouse::{bytes_of_row, delivery, events_of_batch, merged};
use super::pipeline::{DATA, Pipeline};
use super::results::{Cost, Killed, Whole};
use super::{Bench, Shape, cases, half_of};
use crate::cli::Watched;
use crate::config::LogKind;
use crate::load::{Agents, Load, Memory, Processes, Report, memory};

const CONNECTIONS: u32 = 1_024;
/// Each event says its number, so that its row is found again.
const NUMBERED: Shape =
    Shape { connections: CONNECTIONS, batch: 1, agents: Agents::Common, is_numbered: true };
/// Merges that take longer are not waited for.
const MERGED_WITHIN: Duration = Duration::from_secs(20);

/// What came of all pipelines.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) pipelines: Vec<Whole>,
    /// Which ClickHouse they had; empty when none was measured.
    pub(crate) clickhouse: String,
    /// What broke off, after which none is measured.
    pub(crate) broken: Option<anyhow::Error>,
}

/// Measures all pipelines.
pub(crate) async fn all(bench: &Bench) -> Measured {
    let mut measured = Measured::default();
    for log in [LogKind::Journal, LogKind::Kafka] {
        if log == LogKind::Kafka && !bench.has_kafka() {
            continue;
        }
        match run(bench, log).await {
            Ok((whole, version)) => {
                measured.pipelines.push(whole);
                measured.clickhouse = version;
            }
            Err(error) => {
                measured.broken = Some(error);
                break;
            }
        }
    }
    measured
}

/// Measures one pipeline; also which ClickHouse it is.
async fn run(bench: &Bench, log: LogKind) -> Result<(Whole, String)> {
    let (id, what, acknowledged) = match log {
        LogKind::Journal => ("journal", "whole pipeline, journal", cases::IN_JOURNAL),
        LogKind::Kafka => ("kafka", "whole pipeline, Kafka", cases::IN_KAFKA),
    };
    bench.say(&format!("{what} …"));
    let mut pipeline = Pipeline::start(bench, log).await?;
    let version = super::clickhouse::version(pipeline.clickhouse()?).await?;
    let mut watched = pipeline.watched()?;
    if log == LogKind::Kafka {
        watched.extend(bench.args.watch.iter().cloned());
    }
    let loaded = loaded(bench, &pipeline, &watched).await?;
    let clickhouse = pipeline.clickhouse()?;
    let events_of_batch = events_of_batch(clickhouse).await?;
    let bytes_of_row = bytes_of_row(clickhouse).await?;
    let killed = killed(bench, &mut pipeline, half_of(loaded.report.answered)).await?;
    pipeline.stop().await?;
    bench.clear(DATA);
    let report = loaded.report;
    let whole = Whole {
        id,
        what,
        acknowledged,
        connections: CONNECTIONS,
        answered: report.answered,
        answered_by_status: report.answers,
        took_s: loaded.took.as_secs_f64(),
        cpu_us_per_event: loaded.processes.iter().map(|cost| cost.cpu_us_per_event).sum(),
        processes: loaded.processes,
        events_of_batch,
        bytes_of_row,
        delivery: loaded.delivery,
        by_second: report.by_second,
        killed,
    };
    Ok((whole, version))
}

/// What came of a full load.
struct Loaded {
    report: Report,
    took: Duration,
    processes: Vec<Cost>,
    delivery: super::clickhouse::Delivery,
}

/// Everything counts that the processes use until the last event is stored and merged.
async fn loaded(bench: &Bench, pipeline: &Pipeline, watched: &[Watched]) -> Result<Loaded> {
    let rest: Vec<Memory> = watched.iter().map(memory).collect::<Result<_>>()?;
    let mut processes = Processes::of(watched)?;
    processes.begin()?;
    let began = Instant::now();
    let load = Load { rate: None, seconds: bench.speed.whole_s };
    let (run, report) =
        bench.send(pipeline.beacons(), NUMBERED, watched.to_vec(), load, true).await?;
    let clickhouse = pipeline.clickhouse()?;
    let delivery = delivery(clickhouse, &run, &report.acknowledged).await?;
    merged(clickhouse, MERGED_WITHIN).await?;
    processes.look();
    let took = began.elapsed();
    let usage = processes.usage(report.acknowledged.len() as u64, took);
    let during = report.processes.iter().map(|usage| usage.resident_bytes_max);
    let cost = |((usage, memory_at_rest), during): ((crate::load::Usage, Memory), u64)| {
        let cost = usage.cpu_us_per_beacon.filter(|_| !usage.is_gone);
        let gone = || format!("{} ended by itself, or nothing was kept", usage.name);
        Ok(Cost {
            cpu_us_per_event: cost.with_context(gone)?,
            name: usage.name,
            memory_at_rest,
            resident_bytes_max: usage.resident_bytes_max.max(during),
        })
    };
    let processes: Vec<Cost> =
        usage.into_iter().zip(rest).zip(during).map(cost).collect::<Result<_>>()?;
    bench.say(&delivery.to_string());
    Ok(Loaded { report, took, processes, delivery })
}

/// Half the load, under which each process is killed once.
async fn killed(bench: &Bench, pipeline: &mut Pipeline, half: u32) -> Result<Killed> {
    let rate = half.min(bench.speed.killed_rate_max);
    let parts = pipeline.victims();
    let seconds = bench.speed.killed_s;
    let pause = Duration::from_secs(seconds.into()) / (u32::try_from(parts.len()).unwrap_or(1) + 1);
    let load = Load { rate: Some(rate), seconds };
    let sending = bench.send(pipeline.beacons(), NUMBERED, Vec::new(), load, true);
    let killing = async {
        for part in &parts {
            tokio::time::sleep(pause).await;
            bench.say(&format!("kill -9: {part}"));
            pipeline.kill(part).await?;
        }
        Ok::<_, anyhow::Error>(())
    };
    let ((run, report), ()) = tokio::try_join!(sending, killing)?;
    let delivery = delivery(pipeline.clickhouse()?, &run, &report.acknowledged).await?;
    bench.say(&delivery.to_string());
    Ok(Killed { parts, rate, unanswered: report.failed, delivery, by_second: report.by_second })
}
