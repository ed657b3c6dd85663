//! The highest rate that holds: the rate is doubled until one does not, and then halved in between. What was found
//! must hold once more: a collector lets a burst pass that is above its limits.

use std::num::NonZero;
use std::sync::Arc;

use anyhow::{Result, bail};

use super::report::{HINTS, Report};
use super::requests::Requests;
use super::{Load, Plan, measure};
use crate::cli::{LoadArgs, RATE_MAX};
use crate::telemetry;

/// How long each rate is measured, seconds.
const STEP_S: u32 = 5;
/// What is left between a rate that holds and one that does not: less than this part of it.
const PRECISION: u32 = 32;
/// How much a rate that does not hold once more is made less.
const LESS: u32 = 8;

/// Prints each rate, and the highest that held.
pub(super) async fn run(args: &LoadArgs, plan: &Plan, requests: &Arc<Requests>) -> Result<()> {
    let mut tried = Vec::new();
    let highest = highest(args.rate, async |rate| {
        let seconds = args.seconds.map_or(STEP_S, NonZero::get);
        let load = Load { rate: Some(rate), seconds };
        telemetry::say_progress(&format!("{rate:>9} a second …"));
        let report = measure(plan, requests, load, false).await?;
        if report.is_stopped {
            bail!("stopped before the highest rate was found");
        }
        let is_held = report.holds(f64::from(args.p99.get()));
        if !args.json {
            telemetry::say(&report.line(is_held))?;
        }
        tried.push(report);
        Ok(is_held)
    });
    let highest = highest.await?;
    finish(args, highest, &tried)
}

/// The highest rate that holds, to begin with this one; 0 when none does.
async fn highest(first: u32, mut holds: impl AsyncFnMut(u32) -> Result<bool>) -> Result<u32> {
    let (mut low, mut high) = (0, first);
    while holds(high).await? {
        low = high;
        if high == RATE_MAX {
            break;
        }
        high = high.saturating_mul(2).min(RATE_MAX);
    }
    while high > 1 && high - low > (low / PRECISION).max(1) {
        // Without any that holds, far below.
        let middle = if low == 0 { (high / 4).max(1) } else { low + (high - low) / 2 };
        if holds(middle).await? {
            low = middle;
        } else {
            high = middle;
        }
    }
    while low > 0 && !holds(low).await? {
        low -= low.div_ceil(LESS);
    }
    Ok(low)
}

fn finish(args: &LoadArgs, highest: u32, tried: &[Report]) -> Result<()> {
    if args.json {
        let all = serde_json::json!({ "highest": highest, "tried": tried });
        telemetry::say(&format!("{all}\n"))?;
    } else {
        for (status, hint) in HINTS {
            if tried.iter().any(|report| report.answers.contains_key(status)) {
                telemetry::say(&format!("{status} {hint}\n"))?;
            }
        }
        if highest > 0 {
            telemetry::say(&format!("{highest} beacons a second hold\n"))?;
        }
    }
    if highest == 0 {
        bail!("not even the lowest rate held: look at its answers with --rate");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_highest_rate_is_found_from_above_and_from_below() {
        for most in [1, 7, 900, 8_123, 400_000, RATE_MAX] {
            for first in [1, 1_000, 50_000, RATE_MAX] {
                let found = highest(first, async |rate| Ok(rate <= most)).await.unwrap();
                let least = most - most.div_ceil(PRECISION);
                assert!(found <= most && found >= least, "{found} of {most}, from {first}");
            }
        }
        assert_eq!(highest(1_000, async |_| Ok(false)).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_burst_is_no_rate() {
        let (per_second, burst) = (5_000_i64, 20_000_i64);
        let mut left = burst;
        let found = highest(1_000, async |rate| {
            left = (left - (i64::from(rate) - per_second) * i64::from(STEP_S)).min(burst);
            let is_held = left >= 0;
            left = left.max(0);
            Ok(is_held)
        });
        let found = found.await.unwrap();
        assert!((4_000..=5_200).contains(&found), "{found}");
    }
}
