//! What findings mean, and what to do.

use candor_store::{Verdict, VerdictKind};

/// What it is, in its figures.
pub(super) fn figures(verdict: &Verdict) -> String {
    let Verdict { expected, found, ranges, .. } = verdict;
    match verdict.kind {
        VerdictKind::Sound | VerdictKind::Doubled | VerdictKind::Overlap => {
            format!("{ranges} ranges")
        }
        VerdictKind::Beyond | VerdictKind::Outside if verdict.table.is_some() => {
            format!("{found} rows")
        }
        VerdictKind::Beyond | VerdictKind::Outside => format!("{ranges} ranges"),
        VerdictKind::Gap => format!("{expected} offsets in {ranges} gaps"),
        VerdictKind::Twice => format!("{found} rows too many in {ranges} ranges"),
        VerdictKind::Unaccounted => format!("{found} of {expected} offsets accounted for"),
        VerdictKind::Unbalanced => format!("{found} of {expected} accounted for"),
        VerdictKind::Behind => format!("confirmed to {expected}, in the ledger to {found}"),
        VerdictKind::NoCursor => format!("in the ledger to {found}"),
        VerdictKind::Complete
        | VerdictKind::Changed
        | VerdictKind::Earlier
        | VerdictKind::Expired
        | VerdictKind::Missing
        | VerdictKind::Surplus
        | VerdictKind::TooOld => format!("{found} of {expected} rows in {ranges} ranges"),
    }
}

/// What it means, and what to do about it.
pub(super) const fn advice(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Behind => {
            "The log says that this was stored, and the ledger has no range for it: somebody moved the \
             cursor forward, or deleted from the ledger, or ClickHouse lost what it had acknowledged. What the \
             log still has can be stored: put the cursor back to where the ledger ends, as docs/operating.md \
             says under \"no cursor\"."
        }
        VerdictKind::Beyond => {
            "Stored, and neither confirmed nor being stored: the cursor was moved back, or the tables are from \
             another copy of the log. With the cursor behind, the sink refuses to go on: set the cursor to where \
             the ledger ends."
        }
        VerdictKind::Doubled => {
            "The same range stands in the ledger twice: sums over it count twice. Look at the rows of the range; \
             if they are there once, delete one of the two by hand."
        }
        VerdictKind::Gap => {
            "No range has these offsets: somebody moved the cursor, or deleted from the ledger. If the rows are \
             there, they are counted below as rows of no range; if not, the log may still have the records \
             (`candor tail`)."
        }
        VerdictKind::Missing => {
            "Acknowledged by ClickHouse, and not there: it lost a part, or somebody deleted rows. See \
             system.part_log and the server's log, and restore the part. The log read once more would double what is \
             still there."
        }
        VerdictKind::NoCursor => {
            "The ledger has ranges and the log no cursor for them: the sink refuses to begin. See \"has rows in \
             ClickHouse but no cursor\" in docs/operating.md."
        }
        VerdictKind::Outside => {
            "Rows of offsets that no range of the ledger has: somebody wrote to the table, or deleted from the \
             ledger."
        }
        VerdictKind::Overlap => {
            "Two ranges have the same offsets: two sinks stored a partition without knowing of each other, or \
             the ledger was written to by hand. Look for rows that are there twice."
        }
        VerdictKind::Surplus => {
            "More rows than the ledger says: somebody wrote to the table, or a range was stored by two versions \
             that disagree. Compare the positions with the log (`candor tail`)."
        }
        VerdictKind::Twice => {
            "Rows with the same place in the log: somebody copied rows, or ClickHouse does not deduplicate \
             (non_replicated_deduplication_window of the table). Delete the copies."
        }
        VerdictKind::Unaccounted => {
            "The records and the buckets of a range are not as many as its offsets: the log itself has gaps \
             (compaction, transactions), or the ledger was changed."
        }
        VerdictKind::Unbalanced => {
            "What the records held is not what became rows, was over, or was set aside: a defect. Keep the \
             range's records (`candor tail`) and report it."
        }
        VerdictKind::Sound
        | VerdictKind::Complete
        | VerdictKind::Expired
        | VerdictKind::Changed
        | VerdictKind::Earlier
        | VerdictKind::TooOld => "",
    }
}

/// What was not compared, and why.
pub(super) const fn not_compared(kind: VerdictKind) -> Option<&'static str> {
    match kind {
        VerdictKind::Changed => Some("from before a stricter policy deleted rows"),
        VerdictKind::Earlier => Some("of an earlier version, which did not say when rows die"),
        VerdictKind::Expired => Some("some of whose rows are overdue"),
        VerdictKind::TooOld => Some("too old to compare: positions die after seven days"),
        _ => None,
    }
}
