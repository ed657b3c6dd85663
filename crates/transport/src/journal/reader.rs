//! Reads the log in blocks, up to the durable mark. Blocking: the consumer calls it off the async
//! threads. No file stays open between two blocks, since a deleted segment frees its bytes only when
//! nobody has it open.

use std::fs::File;
use std::io;
use std::path::Path;

use super::PARTITION;
use super::metrics;
use super::record::Checksum;
use super::scan::{At, Scan, Step};
use super::segment::{SEGMENT_HEADER_BYTES, Segment, View};
use super::shared::Shared;
use crate::{Damage, Delivery};

/// Where the next block begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The next number to deliver.
    pub(super) expected: u64,
    /// The segment that was read last, and how far.
    segment: Option<(u64, At)>,
}

// === impl Place ===

impl Place {
    pub(super) const fn new(expected: u64) -> Self {
        Self { expected, segment: None }
    }

    /// Reads on: at least one delivery, unless nothing more is durable.
    pub(super) fn read(
        &mut self,
        shared: &Shared,
        dir: &Path,
        checksum: Checksum,
    ) -> io::Result<Vec<Delivery>> {
        loop {
            let view = shared.segments().view(self.expected);
            match view {
                View::End => return Ok(Vec::new()),
                View::Torn(end) => return Ok(vec![self.pass(end, Damage::Torn)]),
                View::Lost(end) => return Ok(vec![self.pass(end, Damage::Corrupt)]),
                View::Read(segment) => {
                    let deliveries = self.step(segment, dir, checksum)?;
                    if !deliveries.is_empty() {
                        return Ok(deliveries);
                    }
                }
            }
        }
    }

    /// One step inside of `segment`. It delivers nothing when all that it met is below `expected`.
    fn step(
        &mut self,
        segment: Segment,
        dir: &Path,
        checksum: Checksum,
    ) -> io::Result<Vec<Delivery>> {
        let mut at = match self.segment {
            Some((first, at)) if first == segment.first => at,
            _ => At { position: SEGMENT_HEADER_BYTES, sequence: segment.first },
        };
        let file = File::open(Segment::path(dir, segment.first))?;
        let scan = Scan { file: &file, checksum, bytes: segment.bytes, end: segment.end };
        let step = scan.step(&mut at)?;
        if matches!(step, Step::End) {
            at = At { position: segment.bytes, sequence: segment.end };
        }
        self.segment = Some((segment.first, at));
        let expected = self.expected;
        Ok(match step {
            Step::Records(records) => {
                self.expected = expected.max(at.sequence);
                let new = records.into_iter().filter(|record| record.0 >= expected);
                new.map(|(offset, record)| Delivery::Record {
                    partition: PARTITION,
                    offset,
                    record,
                    spill: None,
                })
                .collect()
            }
            Step::End | Step::Lost if at.sequence > expected => {
                vec![self.pass(at.sequence, Damage::Corrupt)]
            }
            Step::End | Step::Lost => Vec::new(),
        })
    }

    /// Passes over the numbers up to `end`, which is excluded.
    fn pass(&mut self, end: u64, damage: Damage) -> Delivery {
        let first = std::mem::replace(&mut self.expected, end);
        let last = end.saturating_sub(1);
        if damage == Damage::Corrupt {
            metrics::corrupt(end - first);
            tracing::error!(first, last, "records of the journal are lost: bits flipped");
        }
        Delivery::Damaged { partition: PARTITION, first, last, damage }
    }
}
