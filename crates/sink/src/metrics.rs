//! Every metric of the sink.

use std::time::Duration;

use candor_event::wire::WireError;
use candor_store::{Batch, Bucket};

/// `sink_batches_total`: batches that were stored and committed. `sink_events_total`: events in them.
/// `sink_rows_total`: rows of them. `sink_batch_write_seconds`: from the first intent to the commit.
pub(crate) fn batch_stored(batch: &Batch, took: Duration) {
    let rows: u64 = batch.purposes().iter().map(|purpose| batch.rows(purpose)).sum();
    metrics::counter!("sink_batches_total").increment(1);
    metrics::counter!("sink_events_total").increment(batch.events.len() as u64);
    metrics::counter!("sink_rows_total").increment(rows);
    metrics::histogram!("sink_batch_write_seconds").record(took.as_secs_f64());
}

/// `sink_partitions`: partitions that are ours.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; partitions are few")]
pub(crate) fn partitions(count: usize) {
    metrics::gauge!("sink_partitions").set(count as f64);
}

/// `sink_insert_failures_total`: tries that failed or whose fate was unknown.
pub(crate) fn insert_failed() {
    metrics::counter!("sink_insert_failures_total").increment(1);
}

/// `sink_repairs_total`: ranges that were read back.
pub(crate) fn repair_begun() {
    metrics::counter!("sink_repairs_total").increment(1);
}

/// `sink_quarantined_total{reason}`: records that were set aside.
pub(crate) fn quarantined(reason: WireError) {
    metrics::counter!("sink_quarantined_total", "reason" => reason.label()).increment(1);
}

/// `sink_without_row_total{bucket}`: offsets or rows that the ledger accounts for instead.
pub(crate) fn bucketed(bucket: Bucket, count: u64) {
    metrics::counter!("sink_without_row_total", "bucket" => bucket.label()).increment(count);
}
