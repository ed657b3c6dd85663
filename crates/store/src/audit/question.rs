//! The two questions of an audit. Each is answered by sums of ranges that are alike.

use super::{Confirmed, Progress};

/// Whether the ranges of the ledger follow each other, and account for what they cover.
///
/// Ranges die after 90 days, one by one when their parts are merged: the last day is not looked at.
pub(super) fn of_ledger(database: &str, confirmed: Option<&Confirmed>) -> String {
    let Bounds { asked, settled, under_way } = Bounds::of(confirmed);
    format!(
        "WITH ranges AS (SELECT toString(log) AS log, log_partition AS part, \
             first_offset AS first, last_offset AS last, \
             {asked} AS asked, {settled} AS settled, {under_way} AS under_way, \
             toUInt64(records) + buckets['corrupt'] + buckets['torn'] + buckets['deleted'] AS accounted, \
             arraySum(mapValues(rows)) + buckets['expired'] + buckets['quarantined'] AS ended, held, \
             row_number() OVER w AS number, \
             lagInFrame(first_offset, 1) OVER w AS first_before, \
             lagInFrame(last_offset, 1) OVER w AS last_before, \
             max(last_offset) OVER (PARTITION BY log, log_partition ORDER BY first_offset, last_offset \
                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached \
             FROM {database}.batches WHERE stored_at > now() - INTERVAL 89 DAY \
             WINDOW w AS (PARTITION BY log, log_partition ORDER BY first_offset, last_offset \
                 ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)), \
         judged AS (SELECT log, part, first, last, \
             number > 1 AND first = first_before AND last = last_before AS is_doubled, \
             number > 1 AND NOT is_doubled AND first <= reached AS is_overlap, \
             number > 1 AND first > reached + 1 AS is_gap, \
             accounted != last - first + 1 AND NOT (number = 1 AND accounted = last + 1) AS is_short, \
             held > 0 AND held != ended AS is_unbalanced, \
             asked AND first >= under_way AS is_beyond, \
             asked AND first >= settled AS is_open, \
             arrayJoin(arrayConcat( \
                 if(is_open, if(is_beyond, ['beyond'], []), arrayConcat( \
                     if(is_doubled, ['doubled'], []), if(is_overlap, ['overlap'], []), \
                     if(is_gap, ['gap'], []), if(is_short, ['unaccounted'], []), \
                     if(is_unbalanced, ['unbalanced'], []), \
                     if(is_doubled OR is_overlap OR is_gap OR is_short OR is_unbalanced, [], ['sound']))))) AS what, \
             multiIf(what = 'gap', toUInt64(first - reached - 1), what = 'unaccounted', toUInt64(last - first + 1), \
                 what = 'unbalanced', held, toUInt64(0)) AS expected, \
             multiIf(what = 'unaccounted', accounted, what = 'unbalanced', ended, toUInt64(0)) AS found, \
             toUInt64(if(what = 'gap', reached + 1, first)) AS from_offset, \
             toUInt64(if(what = 'gap', first - 1, last)) AS to_offset FROM ranges) \
         SELECT what, log, part, count() AS ranges, min(from_offset) AS first, max(to_offset) AS last, \
             toUInt64(sum(expected)) AS expected, toUInt64(sum(found)) AS found \
         FROM judged GROUP BY what, log, part \
         UNION ALL \
         SELECT if(confirmed = 0 AND busy = 0, 'no_cursor', 'behind') AS what, log, part, \
             toUInt64(1) AS ranges, toUInt64(if(what = 'behind', ends, 0)) AS first, \
             toUInt64(if(what = 'behind', confirmed, ends) - 1) AS last, confirmed AS expected, ends AS found \
         FROM (SELECT log, part, any(settled) AS confirmed, any(under_way) AS busy, \
                 maxIf(last, first < settled OR under_way = 0) + 1 AS ends \
             FROM ranges WHERE asked GROUP BY log, part) \
         WHERE what = 'no_cursor' OR ends < confirmed"
    )
}

/// Whether a table has the rows that the ledger says, each once, and no others.
///
/// Rows have positions for seven days, so what is older than six is not compared. What came out of the
/// quarantine has another time of storing than its range, and stands in no range's account.
pub(super) fn of_table(database: &str, table: &str, confirmed: Option<&Confirmed>) -> String {
    let Bounds { asked, settled, under_way } = Bounds::of(confirmed);
    format!(
        "WITH now() - INTERVAL 6 DAY AS since, \
         (SELECT max(changed_at) FROM {database}.batches__changed WHERE table = '{table}') AS changed, \
         ledger AS (SELECT log, log_partition AS part, first_offset AS first, last_offset AS last, \
             any(rows['{table}']) AS want, any(until['{table}']) AS dies, any(stored_at) AS stored, \
             max(last_offset) OVER (PARTITION BY log, part) AS ends, 1 AS known \
             FROM {database}.batches WHERE stored_at > now() - INTERVAL 14 DAY \
             GROUP BY log, log_partition, first_offset, last_offset), \
         places AS (SELECT log, log_partition AS part, log_offset AS place, log_index, \
             min(stored_at) AS stored, count() AS copies FROM {database}.{table} \
             WHERE stored_at > since AND log != '' GROUP BY log, part, place, log_index), \
         held AS (SELECT log, log_partition, log_offset FROM {database}.quarantine \
             UNION ALL SELECT log, log_partition, log_offset FROM {database}.quarantine__audit \
             WHERE outcome = 'stored'), \
         placed AS (SELECT places.log AS log, places.part AS part, place, copies, \
             ledger.known AND place <= ledger.last AS is_inside, \
             if(is_inside, ledger.first, place) AS first, \
             places.stored != ledger.stored AND (log, part, place) IN (SELECT log, log_partition, log_offset FROM held) AS is_late, \
             {asked} AS asked, \
             is_inside OR if(asked, place < {settled} OR place >= {under_way}, \
                 ledger.known AND place <= ledger.ends) AS is_looked_at \
             FROM places ASOF LEFT JOIN ledger \
             ON places.log = ledger.log AND places.part = ledger.part AND places.place >= ledger.first), \
         ranges AS (SELECT log, part, first, is_inside, max(last_offset) AS last, \
             toUInt64(sum(want)) AS want, max(dies) AS dies, max(stored) AS stored, \
             toUInt64(sum(found)) AS found, toUInt64(sum(twice)) AS twice FROM ( \
             SELECT log, part, first, true AS is_inside, last AS last_offset, want, toUInt64(dies) AS dies, \
                 toUInt64(toUnixTimestamp(stored)) AS stored, toUInt64(0) AS found, toUInt64(0) AS twice FROM ledger \
             UNION ALL SELECT log, part, first, is_inside, place AS last_offset, toUInt64(0) AS want, toUInt64(0) AS dies, \
                 toUInt64(0) AS stored, toUInt64(NOT is_late) AS found, toUInt64(copies - 1) AS twice \
                 FROM placed WHERE is_looked_at) GROUP BY log, part, first, is_inside), \
         judged AS (SELECT toString(log) AS log, part, first, last, want, found, twice, {asked} AS asked, \
             asked AND is_inside AND first >= {settled} AS is_open, \
             arrayJoin(if(is_open, [], arrayConcat(if(twice > 0, ['twice'], []), [multiIf( \
                 NOT is_inside, if(asked AND first >= {under_way}, 'beyond', 'outside'), stored <= toUnixTimestamp(since), 'too_old', \
                 found > want, 'surplus', found = want, 'complete', \
                 stored <= toUnixTimestamp(changed), 'changed', dies = 0, 'earlier', \
                 dies <= toUnixTimestamp(now()), 'expired', 'missing')]))) AS what \
             FROM ranges) \
         SELECT what, log, part, count() AS ranges, min(first) AS first, max(last) AS last, \
             toUInt64(sumIf(want, what NOT IN ('too_old', 'twice'))) AS expected, \
             toUInt64(if(what = 'twice', sum(twice), sumIf(found, what != 'too_old'))) AS found \
         FROM judged GROUP BY what, log, part"
    )
}

/// Expressions for how far a row's partition is stored: whether that was asked, before which offset all is,
/// and from which offset on nothing is being stored.
struct Bounds {
    asked: String,
    settled: String,
    under_way: String,
}

impl Bounds {
    fn of(confirmed: Option<&Confirmed>) -> Self {
        let Some(Confirmed { log, partitions }) = confirmed else {
            let asked = "false".to_owned();
            return Self { asked, settled: "toUInt64(0)".into(), under_way: "toUInt64(0)".into() };
        };
        let list = |of: fn((&u32, &Progress)) -> String| {
            partitions.iter().map(of).collect::<Vec<_>>().join(",")
        };
        let keys = list(|(partition, _)| format!("{partition}"));
        let value = |values: String| {
            if keys.is_empty() {
                return "toUInt64(0)".to_owned();
            }
            // What is not in the list has 0.
            format!("arrayElement([toUInt64(0),{values}], indexOf([{keys}], part) + 1)")
        };
        Self {
            asked: format!("toString(log) = '{log}'"),
            settled: value(list(|(_, it)| format!("{}", it.settled))),
            under_way: value(list(|(_, it)| format!("{}", it.under_way))),
        }
    }
}
