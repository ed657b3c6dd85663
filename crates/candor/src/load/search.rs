//! The highest rate that holds: the rate is doubled until one does not, and then halved in between.

use std::num::NonZero;
use std::sync::Arc;

use anyhow::{Result, bail};

use super::report::Report;
use super::requests::Requests;
use super::{Load, Plan, measure};
use crate::cli::LoadArgs;
use crate::telemetry;

/// How long each rate is measured, seconds.
const STEP_S: u32 = 5;
/// How often the interval is halved: what is left of it is less than a thirtieth of the rate.
const HALVED: u32 = 5;
const RATE_MAX: u32 = 2_000_000;

/// Prints each rate, and the highest that held.
pub(super) async fn run(args: &LoadArgs, requests: &Arc<Requests>) -> Result<()> {
    let seconds = args.seconds.map_or(STEP_S, NonZero::get);
    let plan = Plan::of(args);
    let mut tried = Vec::new();
    let mut holds = async |rate| -> Result<bool> {
        let report = measure(&plan, requests, Load { rate: Some(rate), seconds }, false).await?;
        let is_held = report.holds(f64::from(args.p99.get()));
        if !args.json {
            telemetry::say(&report.line(is_held))?;
        }
        tried.push(report);
        Ok(is_held)
    };
    let (mut low, mut high) = (0, args.rate.get());
    while high < RATE_MAX && holds(high).await? {
        (low, high) = (high, high.saturating_mul(2));
    }
    for _ in 0..HALVED {
        let middle = low + (high - low) / 2;
        if middle == low {
            break;
        }
        if holds(middle).await? { low = middle } else { high = middle }
    }
    finish(args, low, &tried)
}

fn finish(args: &LoadArgs, highest: u32, tried: &[Report]) -> Result<()> {
    if args.json {
        let all = serde_json::json!({ "highest": highest, "tried": tried });
        telemetry::say(&format!("{all}\n"))?;
    } else if highest > 0 {
        telemetry::say(&format!("{highest} beacons a second hold\n"))?;
    }
    if highest == 0 {
        bail!("not even the lowest rate held: look at its answers with --rate");
    }
    Ok(())
}
