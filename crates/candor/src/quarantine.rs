//! `candor quarantine`: what was set aside, and what is to become of it.

use anyhow::{Result, bail};
use candor_event::{Clock, wire};
use candor_store::{End, Held, Store};

use crate::cli::{HeldArgs, QuarantineArgs, QuarantineCommand};
use crate::clock::SystemClock;
use crate::telemetry;

/// More is not looked at in one go.
const MOST: u64 = 100_000;

/// Lists, tries again, or drops.
pub(crate) async fn run(command: &QuarantineCommand) -> Result<()> {
    match command {
        QuarantineCommand::List(args) => list(&args.held, args.show).await,
        QuarantineCommand::Retry(args) => each(args, true).await,
        QuarantineCommand::Drop(args) => each(args, false).await,
    }
}

async fn list(args: &HeldArgs, is_shown: bool) -> Result<()> {
    let store = Store::new(&args.config()?.server()?);
    telemetry::say("log\tpartition\toffset\tindex\treason\tbytes\tstored_at\texpires_at\n")?;
    for held in chosen(&store, args).await? {
        let (stored_at, expires_at) = (held.stored_at.unix(), held.expires_at.unix());
        let place = place_of(&held);
        let Held { reason, bytes, .. } = &held;
        telemetry::say(&format!("{place}\t{reason}\t{bytes}\t{stored_at}\t{expires_at}\n"))?;
        if is_shown && let Some(record) = store.held_record(&held).await? {
            telemetry::say(&content(&held, &record)?)?;
        }
    }
    Ok(())
}

/// What is in it: its events, or its bytes when they cannot be read.
fn content(held: &Held, record: &[u8]) -> Result<String> {
    let Ok(batch) = wire::decode(record) else {
        let hex: Vec<_> = record.iter().map(|byte| format!("{byte:02x}")).collect();
        return Ok(format!("  {}\n", hex.concat()));
    };
    let (partition, offset) = (held.partition, held.position.offset);
    let lines = (0..).zip(&batch.events).map(|(index, event)| {
        let line = crate::tail::event_line(partition, offset, index, event)?;
        Ok(format!("  {line}"))
    });
    lines.collect()
}

async fn each(args: &QuarantineArgs, is_retry: bool) -> Result<()> {
    if !(args.all || args.held.is_narrow()) {
        bail!("say which: --log, --partition, --offset, --reason, or --all");
    }
    let store = Store::new(&args.held.config()?.server()?);
    let mut left = 0;
    for held in chosen(&store, &args.held).await? {
        let now = SystemClock.now();
        let end = if is_retry {
            store.retry(&held, now).await?
        } else {
            store.drop_held(&held, now).await?
        };
        left += u64::from(matches!(end, End::Refused(_) | End::Unreadable(_)));
        telemetry::say(&format!("{}\t{}\n", place_of(&held), words(&end)))?;
    }
    if left > 0 {
        bail!("{left} cannot be stored yet and stay where they are");
    }
    Ok(())
}

async fn chosen(store: &Store, args: &HeldArgs) -> Result<Vec<Held>> {
    let mut held = store.quarantine(MOST).await?;
    held.retain(|held| {
        args.log.as_ref().is_none_or(|log| *log == held.log)
            && args.partition.is_none_or(|partition| partition == held.partition)
            && args.offset.is_none_or(|offset| offset == held.position.offset)
            && args.reason.as_ref().is_none_or(|reason| *reason == held.reason)
    });
    Ok(held)
}

fn place_of(held: &Held) -> String {
    let Held { log, partition, position, .. } = held;
    format!("{log}\t{partition}\t{}\t{}", position.offset, position.index)
}

fn words(end: &End) -> String {
    match end {
        End::Dropped => "dropped".to_owned(),
        End::Gone => "not there any more".to_owned(),
        End::Refused(refusal) => format!("still refused: {}", refusal.label()),
        End::Stored(rows) => {
            let tables: Vec<_> =
                rows.iter().map(|(table, rows)| format!("{rows} in {table}")).collect();
            let rows =
                if tables.is_empty() { "its time is over".to_owned() } else { tables.join(", ") };
            format!("stored: {rows}")
        }
        End::Unreadable(reason) => format!("still not to be read: {reason}"),
    }
}
