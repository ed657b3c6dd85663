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

/// What was tried so far.
struct Search<'a> {
    args: &'a LoadArgs,
    plan: &'a Plan,
    requests: &'a Arc<Requests>,
    tried: Vec<Report>,
}

/// Prints each rate, and the highest that held.
pub(super) async fn run(args: &LoadArgs, plan: &Plan, requests: &Arc<Requests>) -> Result<()> {
    let mut search = Search { args, plan, requests, tried: Vec::new() };
    let highest = search.highest().await?;
    search.finish(highest)
}

impl Search<'_> {
    /// The highest rate that holds; 0 when none does.
    async fn highest(&mut self) -> Result<u32> {
        let mut low = 0;
        let mut high = self.args.rate;
        while self.holds(high).await? {
            low = high;
            if high == RATE_MAX {
                break;
            }
            high = high.saturating_mul(2).min(RATE_MAX);
        }
        while high > 1 && high - low > (low / PRECISION).max(1) {
            // Without any that holds, far below.
            let middle = if low == 0 { high / 4 } else { low + (high - low) / 2 };
            if self.holds(middle.max(1)).await? {
                low = middle.max(1);
            } else {
                high = middle.max(1);
            }
        }
        while low > 0 && !self.holds(low).await? {
            low -= low.div_ceil(LESS);
        }
        Ok(low)
    }

    async fn holds(&mut self, rate: u32) -> Result<bool> {
        let seconds = self.args.seconds.map_or(STEP_S, NonZero::get);
        let load = Load { rate: Some(rate), seconds };
        telemetry::say_progress(&format!("{rate:>9} a second …"));
        let report = measure(self.plan, self.requests, load, false).await?;
        if report.is_stopped {
            bail!("stopped before the highest rate was found");
        }
        let is_held = report.holds(f64::from(self.args.p99.get()));
        if !self.args.json {
            telemetry::say(&report.line(is_held))?;
        }
        self.tried.push(report);
        Ok(is_held)
    }

    fn finish(&self, highest: u32) -> Result<()> {
        let tried = &self.tried;
        if self.args.json {
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
}
