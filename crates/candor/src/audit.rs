//! `candor audit`: whether the log, the ledger and the tables say the same.
//!
//! It may be run beside everything else. The log is asked before the tables and after them: what was settled
//! before must be complete, what is behind both must not be there, and what lies between is being stored.

mod report;
mod words;

use anyhow::{Context, Result, bail};
use candor_sink::machine::under_way;
use candor_store::{Confirmed, Progress, Store, Verdict, VerdictKind};
use candor_transport::{Standing, journal, kafka};

use crate::cli::AuditArgs;
use crate::config::{Config, LogKind};
use crate::telemetry;

use report::Report;

/// Something is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0} findings: see above what each means, and what to do")]
pub(crate) struct Unsound(usize);

/// Compares, and prints what came of it.
pub(crate) async fn run(args: &AuditArgs) -> Result<()> {
    let config = args.config()?;
    let store = Store::new(&config.server()?);
    let before = if args.ledger_only { None } else { Some(confirmed(&config).await?) };
    let mut verdicts = store.audit_ledger(before.as_ref()).await?;
    let mut tables = store.purposes().await?;
    tables.sort();
    for purpose in &tables {
        verdicts.extend(store.audit_rows(purpose, before.as_ref()).await?);
    }
    if let Some(before) = &before {
        let after = confirmed(&config).await?;
        if after.log != before.log {
            bail!("the log was made anew meanwhile: run the audit again");
        }
        verdicts.retain(|verdict| !is_overtaken(verdict, &after));
    }
    let report = Report { confirmed: before.as_ref(), tables: &tables, verdicts: &verdicts };
    telemetry::say(&if args.json { report.json()? } else { report.text() })?;
    match report.findings().count() {
        0 => Ok(()),
        findings => Err(Unsound(findings).into()),
    }
}

/// What was confirmed of the log.
async fn confirmed(config: &Config) -> Result<Confirmed> {
    let Standing { log, cursors } = match config.log.kind {
        LogKind::Journal => {
            let dir = config.data.dir.join("journal");
            journal::standing(&dir)?.with_context(|| {
                format!(
                    "there is no journal in {}: say with --data where it is, or audit with \
                     --ledger-only",
                    dir.display()
                )
            })?
        }
        LogKind::Kafka => kafka::standing(config.kafka()?).await?,
    };
    let mut partitions = std::collections::BTreeMap::new();
    for (partition, cursor) in cursors {
        if let Some(cursor) = cursor {
            let progress = Progress { settled: cursor.offset, under_way: under_way(&cursor)? };
            partitions.insert(partition, progress);
        }
    }
    Ok(Confirmed { log: log.to_string(), partitions })
}

/// What lay behind everything when the log was asked first, and was stored in good order since.
fn is_overtaken(verdict: &Verdict, after: &Confirmed) -> bool {
    let Some(progress) = after.partitions.get(&verdict.partition) else {
        return false;
    };
    let began = matches!(verdict.kind, VerdictKind::Beyond | VerdictKind::NoCursor);
    began && verdict.log == after.log && verdict.last < progress.under_way
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_behind_all_that_is_being_stored_counts() {
        let progress = Progress { settled: 7, under_way: 10 };
        let after = Confirmed { log: "a".to_owned(), partitions: [(1, progress)].into() };
        let verdict = |kind, log: &str, partition, last| {
            let log = log.to_owned();
            let (ranges, first, expected, found) = (1, 7, 0, 1);
            Verdict { kind, table: None, log, partition, ranges, first, last, expected, found }
        };
        for (kind, log, partition, last, want) in [
            (VerdictKind::Beyond, "a", 1, 9, true),
            (VerdictKind::NoCursor, "a", 1, 9, true),
            (VerdictKind::Beyond, "a", 1, 10, false),
            (VerdictKind::Beyond, "b", 1, 9, false),
            (VerdictKind::Beyond, "a", 2, 9, false),
            (VerdictKind::Missing, "a", 1, 9, false),
        ] {
            let verdict = verdict(kind, log, partition, last);
            assert_eq!(is_overtaken(&verdict, &after), want, "{verdict:?}");
        }
    }
}
