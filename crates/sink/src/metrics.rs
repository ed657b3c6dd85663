//! Every metric of the sink, and its log lines.

use std::time::Duration;

use candor_store::Batch;

use crate::machine::Report;

/// Tells people and metrics.
pub(crate) fn tell(report: &Report) {
    match report {
        Report::Partitions(count) => partitions(*count),
        Report::Stalled(count) => stalled(*count),
        Report::Settling { partition, first, last } => {
            tracing::info!(partition, first, last, "settling a doubt");
        }
        Report::Quarantined(reason) => {
            // `sink_quarantined_total{reason}`: records and rows that were set aside.
            metrics::counter!("sink_quarantined_total", "reason" => *reason).increment(1);
        }
        Report::Deleted { first, last } => {
            tracing::error!(first, last, "the log deleted records before they were stored");
        }
        // `sink_repairs_total`: ranges that were read back.
        Report::Repair => metrics::counter!("sink_repairs_total").increment(1),
        Report::StoreFailed { error } => {
            // `sink_insert_failures_total`: tries that failed or whose fate was unknown.
            metrics::counter!("sink_insert_failures_total").increment(1);
            tracing::warn!(%error, "storing failed, trying again");
        }
        Report::AskFailed(error) => {
            // `sink_ask_failures_total`: questions about what was stored before that were not answered.
            metrics::counter!("sink_ask_failures_total").increment(1);
            tracing::warn!(%error, "cannot ask what is stored, trying again");
        }
        Report::CommitFailed(error) => {
            let error = crate::with_causes(error);
            tracing::warn!(error, "cannot store the cursor, trying again");
        }
        Report::Fenced(partition) => {
            tracing::warn!(partition, "another sink owns the partition");
        }
        Report::Stored { batch, took } => batch_stored(batch, *took),
    }
}

/// `sink_batches_total`: batches that were stored and committed. `sink_events_total`: events in them.
/// `sink_rows_total`: rows of them. `sink_without_row_total{bucket}`: offsets or rows that the ledger
/// accounts for instead. `sink_batch_write_seconds`: from the first intent to the commit.
fn batch_stored(batch: &Batch, took: Duration) {
    let rows: u64 = batch.purposes().iter().map(|purpose| batch.rows(purpose)).sum();
    metrics::counter!("sink_batches_total").increment(1);
    metrics::counter!("sink_events_total").increment(batch.events.len() as u64);
    metrics::counter!("sink_rows_total").increment(rows);
    for (bucket, count) in &batch.buckets {
        metrics::counter!("sink_without_row_total", "bucket" => bucket.label()).increment(*count);
    }
    metrics::histogram!("sink_batch_write_seconds").record(took.as_secs_f64());
}

/// `sink_partitions`: partitions that are ours.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; partitions are few")]
fn partitions(count: usize) {
    metrics::gauge!("sink_partitions").set(count as f64);
}

/// `sink_stalled_partitions`: partitions of which nothing could be stored for a minute.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; partitions are few")]
fn stalled(count: usize) {
    metrics::gauge!("sink_stalled_partitions").set(count as f64);
    if count > 0 {
        tracing::error!(partitions = count, "nothing could be stored for a minute; it is tried on");
    } else {
        tracing::info!("all partitions are stored again");
    }
}
