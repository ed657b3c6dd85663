//! What an audit prints.

use std::collections::BTreeMap;
use std::fmt::Write;

use candor_event::Purpose;
use candor_store::{Confirmed, Verdict, VerdictKind};
use serde_json::{Value, json};

use super::words::{advice, figures, not_compared};

/// Everything that was compared.
pub(super) struct Report<'a> {
    pub(super) confirmed: Option<&'a Confirmed>,
    pub(super) tables: &'a [Purpose],
    pub(super) verdicts: &'a [Verdict],
}

impl Report<'_> {
    /// What somebody must look into.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.kind.is_finding())
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        self.ledger(&mut text).ok();
        self.rows(&mut text).ok();
        for finding in self.findings() {
            self::finding(finding, &mut text).ok();
        }
        if self.findings().next().is_none() {
            text.push_str("clean\n");
        }
        text
    }

    fn ledger(&self, text: &mut String) -> std::fmt::Result {
        match self.confirmed {
            None => writeln!(text, "the log was not asked")?,
            Some(Confirmed { log, partitions }) => {
                for (partition, progress) in partitions {
                    let (settled, under_way) = (progress.settled, progress.under_way);
                    write!(text, "log {log} partition {partition}: confirmed to {settled}")?;
                    if under_way > settled {
                        write!(text, ", being stored to {under_way}")?;
                    }
                    text.push('\n');
                }
            }
        }
        for it in self.verdicts.iter().filter(|it| it.kind == VerdictKind::Sound) {
            let Verdict { log, partition, ranges, first, last, .. } = it;
            let gone = self.confirmed.filter(|confirmed| confirmed.log != *log);
            let gone = gone.map_or("", |_| "; another log, whose end is not known");
            writeln!(
                text,
                "ledger of {log} partition {partition}: {ranges} ranges, offsets {first} to {last}{gone}"
            )?;
        }
        Ok(())
    }

    fn rows(&self, text: &mut String) -> std::fmt::Result {
        for purpose in self.tables {
            let table = format!("{purpose}_rows");
            let mut sums = BTreeMap::<VerdictKind, (u64, u64)>::new();
            let ours = self.verdicts.iter().filter(|it| it.table.as_ref() == Some(&table));
            for it in ours {
                let sum = sums.entry(it.kind).or_default();
                *sum = (sum.0 + it.ranges, sum.1 + it.found);
            }
            let (ranges, rows) = sums.get(&VerdictKind::Complete).copied().unwrap_or_default();
            writeln!(text, "{table}: {ranges} ranges with {rows} rows are complete")?;
            for (kind, (ranges, _)) in sums {
                if let Some(why) = not_compared(kind) {
                    writeln!(text, "{table}: {ranges} ranges {why}")?;
                }
            }
        }
        Ok(())
    }

    /// For programs.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let whole = |verdict: &Verdict| -> Value {
            let Verdict { kind, table, log, partition, ranges, first, last, expected, found } =
                verdict;
            json!({
                "kind": kind.label(), "table": table, "log": log, "partition": partition,
                "ranges": ranges, "first": first, "last": last, "expected": expected, "found": found,
            })
        };
        let advised = |verdict: &Verdict| -> Value {
            let mut value = whole(verdict);
            if let Some(object) = value.as_object_mut() {
                object.insert("advice".to_owned(), advice(verdict.kind).into());
            }
            value
        };
        let findings: Vec<_> = self.findings().map(advised).collect();
        let compared: Vec<_> =
            self.verdicts.iter().filter(|it| !it.kind.is_finding()).map(whole).collect();
        let partitions = self.confirmed.iter().flat_map(|it| &it.partitions);
        let confirmed: Vec<_> = partitions
            .map(|(partition, it)| {
                json!({"partition": partition, "settled": it.settled, "under_way": it.under_way})
            })
            .collect();
        let report = json!({
            "clean": findings.is_empty(),
            "log": self.confirmed.map(|confirmed| &confirmed.log),
            "confirmed": confirmed,
            "compared": compared,
            "findings": findings,
        });
        serde_json::to_string(&report).map(|text| text + "\n")
    }
}

fn finding(finding: &Verdict, text: &mut String) -> std::fmt::Result {
    let Verdict { kind, table, log, partition, first, last, .. } = finding;
    let place = table.as_deref().unwrap_or("ledger");
    let (word, figures, advice) = (kind.label(), figures(finding), advice(*kind));
    writeln!(
        text,
        "FOUND {word} in {place}: log {log} partition {partition} offsets {first} to {last}: {figures}\n  \
         {advice}"
    )
}
