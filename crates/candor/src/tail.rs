//! `candor tail`: what lies in the topic, decoded, one event a line. It joins no group and commits
//! nothing, so it may be run beside the sinks.

mod line;
mod time;

use anyhow::Result;
use candor_event::{Timestamp, wire};
use candor_transport::kafka::{From, KafkaTail, Tailed};
use serde::Serialize;

use crate::cli::TailArgs;
use crate::telemetry;

use line::{Line, Undecoded};

/// Prints until the end that the topic had at the start, or until it is interrupted.
pub(crate) async fn run(args: &TailArgs) -> Result<()> {
    let config = args.config()?;
    let kafka = config.need_kafka("tail", "ask its ClickHouse for the rows")?;
    let from = match args.last {
        _ if args.from_beginning => From::Earliest,
        last => From::Last(last),
    };
    let mut tail = KafkaTail::start(kafka, from).await?;
    if !args.follow {
        tail = tail.until_end();
    }
    while let Some(record) = tail.next().await? {
        telemetry::say(&lines(&record)?)?;
    }
    Ok(())
}

/// The day of a time, in UTC.
pub(crate) fn day(time: Timestamp) -> String {
    time::Moment(time.unix()).to_string().chars().take("2026-11-29".len()).collect()
}

/// The lines of a record: one for each event, or one that says why there is none.
fn lines(tailed: &Tailed) -> serde_json::Result<String> {
    let Tailed { partition, offset, record, spill } = tailed;
    let (partition, offset) = (*partition, *offset);
    let batch = match wire::decode(record) {
        Ok(batch) => batch,
        Err(reason) => {
            let problem = reason.to_string();
            let reason = reason.label();
            return line(&Undecoded { partition, offset, bytes: record.len(), reason, problem });
        }
    };
    let events = batch.events.iter().enumerate();
    events
        .map(|(index, event)| line(&Line::of(partition, offset, index, event).spilled(*spill)))
        .collect()
}

/// One event as `candor tail` prints it.
pub(crate) fn event_line(
    partition: u32,
    offset: u64,
    index: usize,
    event: &candor_event::Event,
) -> serde_json::Result<String> {
    line(&Line::of(partition, offset, index, event))
}

fn line(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(|text| text + "\n")
}

#[cfg(test)]
mod tests;
