//! Which partition an event goes to.

use candor_event::EventId;

/// The partition of an event among so many. It follows from the id alone, so that a client's retry meets
/// its first try; an id is as good as random, so that partitions fill evenly.
pub(crate) fn partition_of(id: EventId, partitions: u32) -> u32 {
    let head = id.as_bytes().first_chunk().map_or(0, |head| u64::from_be_bytes(*head));
    u32::try_from(head % u64::from(partitions.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_follows_from_the_first_eight_bytes() {
        let id = EventId::from_bytes([0, 0, 0, 0, 0, 0, 1, 2, 9, 9, 9, 9, 9, 9, 9, 9]);
        assert_eq!(partition_of(id, 6), 258 % 6);
        assert_eq!(partition_of(id, 1), 0);
        assert_eq!(partition_of(EventId::from_bytes([0xff; 16]), 7), 1); // (2^64 - 1) mod 7
    }
}
