//! What is aimed at, and by how much it is met or missed.

use serde::Serialize;

use super::pipeline::{CLICKHOUSE, SINK};
use super::results::{Compared, Paced, Whole};

/// A figure and its goal.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
    pub(crate) is_met: bool,
    /// By how much of the goal, percent; none of a goal of 0.
    pub(crate) by_percent: Option<f64>,
}

/// What is aimed at.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// A collector's memory, at rest and over 1,024 connections under full load; a sink's. Megabytes.
const REST_MB: f64 = 110.0;
const LOADED_MB: f64 = 150.0;
const SINK_MB: f64 = 128.0;
/// At half load, milliseconds.
const P50_MS: f64 = 5.0;
const P99_MS: f64 = 20.0;
/// Everything from a beacon to its row, microseconds of CPU; and with Kafka, for which answers wait.
const WHOLE_US: f64 = 20.0;
const WHOLE_KAFKA_US: f64 = 28.0;
const SINK_US: f64 = 0.7;
const CLICKHOUSE_US: f64 = 1.25;
const ROW_BYTES: f64 = 30.0;

impl Line {
    fn new(what: impl Into<String>, measured: f64, unit: &'static str, goal: Goal) -> Self {
        let (is_met, goal_is, off) = match goal {
            Goal::AtLeast(least) => (measured >= least, least, measured - least),
            Goal::AtMost(most) => (measured <= most, most, most - measured),
        };
        let by_percent = (goal_is > 0.0).then(|| off.abs() / goal_is * 100.0);
        Self { what: what.into(), measured, unit, goal, is_met, by_percent }
    }

    /// `met by 12 %`, in words.
    pub(crate) fn verdict(&self) -> String {
        let verdict = if self.is_met { "met" } else { "missed" };
        match self.by_percent {
            Some(percent) => format!("{verdict} by {} %", figure(percent.round())),
            None => verdict.to_owned(),
        }
    }

    /// `≤ 1.40`.
    pub(crate) fn goal_in_words(&self) -> String {
        match self.goal {
            Goal::AtLeast(least) => format!("≥ {}", figure(least)),
            Goal::AtMost(most) => format!("≤ {}", figure(most)),
        }
    }
}

/// A number as people read it: three digits of small ones, thousands divided.
pub(crate) fn figure(number: f64) -> String {
    if number.abs() < 10.0 && number.fract().abs() > f64::EPSILON {
        return format!("{number:.2}");
    }
    if number.abs() < 100.0 && number.fract().abs() > f64::EPSILON {
        return format!("{number:.1}");
    }
    let digits = format!("{:.0}", number.abs());
    let mut text = if number < 0.0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What stands in the table, in this order.
pub(crate) fn lines(
    ratios: &[(Compared, Goal)],
    paced: &[Paced],
    pipelines: &[Whole],
) -> Vec<Line> {
    let mut lines = Vec::new();
    for (ratio, goal) in ratios {
        lines.push(match goal {
            Goal::AtLeast(_) => {
                Line::new(ratio.what, ratio.events_per_core, "events/s of a core", *goal)
            }
            Goal::AtMost(_) => {
                let connections = figure(ratio.connections.into());
                let what = format!("{}, {connections} connections", ratio.what);
                Line::new(what, ratio.ratio, "× bare hyper", *goal)
            }
        });
    }
    for paced in paced {
        let at =
            |which| format!("{}, {which} at {} a second", paced.what, figure(paced.rate.into()));
        lines.push(Line::new(at("p50"), paced.p50_ms, "ms", Goal::AtMost(P50_MS)));
        lines.push(Line::new(at("p99"), paced.p99_ms, "ms", Goal::AtMost(P99_MS)));
    }
    if let Some((alone, _)) = ratios.iter().find(|(ratio, _)| ratio.id == "journal") {
        let rest = megabytes(alone.memory_at_rest.resident_bytes);
        let loaded = megabytes(alone.resident_bytes_max);
        lines.push(Line::new("collector, memory at rest", rest, "MB", Goal::AtMost(REST_MB)));
        let what = "collector, memory over 1,024 connections under full load";
        lines.push(Line::new(what, loaded, "MB", Goal::AtMost(LOADED_MB)));
    }
    for whole in pipelines {
        of_pipeline(whole, &mut lines);
    }
    lines
}

fn of_pipeline(whole: &Whole, lines: &mut Vec<Line>) {
    let name = |what: &str| format!("{}: {what}", whole.what);
    let most = if whole.id == "kafka" { WHOLE_KAFKA_US } else { WHOLE_US };
    let all = Line::new(
        name("CPU of all processes"),
        whole.cpu_us_per_event,
        "µs an event",
        Goal::AtMost(most),
    );
    lines.push(all);
    for cost in &whole.processes {
        let goal = match cost.name.as_str() {
            SINK => SINK_US,
            CLICKHOUSE => CLICKHOUSE_US,
            _ => continue,
        };
        let what = name(&format!("CPU of {}", cost.name));
        lines.push(Line::new(what, cost.cpu_us_per_event, "µs an event", Goal::AtMost(goal)));
        if cost.name == SINK {
            let loaded = megabytes(cost.resident_bytes_max);
            lines.push(Line::new(name("memory of the sink"), loaded, "MB", Goal::AtMost(SINK_MB)));
        }
    }
    lines.push(Line::new(
        name("stored"),
        whole.bytes_of_row,
        "bytes a row",
        Goal::AtMost(ROW_BYTES),
    ));
    let deliveries = [("under full load", whole.delivery), ("after kills", whole.killed.delivery)];
    for (when, delivery) in deliveries {
        for (what, count) in [("lost", delivery.lost), ("stored twice", delivery.duplicated)] {
            #[expect(clippy::cast_precision_loss, reason = "none, it is hoped")]
            let count = count as f64;
            lines.push(Line::new(
                name(&format!("{what} {when}")),
                count,
                "events",
                Goal::AtMost(0.0),
            ));
        }
    }
}

/// Millions of bytes.
#[expect(clippy::cast_precision_loss, reason = "megabytes")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_or_missed_by_so_much() {
        let line = |measured, goal| Line::new("a", measured, "b", goal).verdict();
        assert_eq!(line(1.2, Goal::AtMost(1.5)), "met by 20 %");
        assert_eq!(line(1.8, Goal::AtMost(1.5)), "missed by 20 %");
        assert_eq!(line(90.0, Goal::AtLeast(100.0)), "missed by 10 %");
        assert_eq!(line(90.0, Goal::AtMost(2.0)), "missed by 4,400 %");
        assert_eq!(line(0.0, Goal::AtMost(0.0)), "met");
        assert_eq!(line(1.0, Goal::AtMost(0.0)), "missed");
    }

    #[test]
    fn figures_are_as_long_as_people_read_them() {
        let figures = [
            (1.4, "1.40"),
            (30.0, "30"),
            (30.26, "30.3"),
            (110.4, "110"),
            (350_000.0, "350,000"),
            (0.0, "0"),
        ];
        for (number, text) in figures {
            assert_eq!(figure(number), text);
        }
    }
}
