//! One partition that is ours: what is collected of it, and what is still in doubt.

use bytes::Bytes;
use candor_event::Timestamp;
use candor_store::Batch;
use candor_transport::{Cursor, Damage, LogId};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::batch::Open;
use crate::config::Config;
use crate::error::SinkError;
use crate::intent::Intent;
use crate::writer::Doubt;

/// A partition, and where its owner before us stood.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) log: LogId,
    pub(crate) committed: Option<Cursor>,
    /// The first offset that the partition still has, and the next one that it will use.
    pub(crate) low: u64,
    pub(crate) high: u64,
    pub(crate) previous_owner_may_live: bool,
}

/// A partition that is ours.
#[derive(Debug)]
pub(crate) struct Partition {
    log: String,
    number: u32,
    /// The next offset that no batch covers.
    next: u64,
    open: Option<Open>,
    /// Offsets that the log deleted before anybody began to read; told with the first batch.
    deleted_unread: u64,
    /// What the owner before us left to be settled, and until when it may still be at work.
    in_doubt: Option<Intent>,
    doubt_until: Option<Instant>,
    pub(crate) work: Option<Work>,
    pub(crate) state: State,
    pub(crate) is_paused: bool,
}

/// What is being done about a partition.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) handle: AbortHandle,
    /// Events and bytes of the batch that is being stored.
    pub(crate) load: Load,
}

/// How much memory a batch stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// Whose a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ours,
    /// Somebody else owns it, as a commit was told; its revocation will follow.
    Fenced,
    /// It is to be given away when its work is done, which is broken off then.
    Revoked {
        until: Instant,
    },
}

impl Partition {
    /// Takes a partition over. A partition without a cursor must be begun first.
    pub(crate) fn assigned(number: u32, taken: &Taken) -> Result<Self, SinkError> {
        let log = taken.log.to_string();
        let in_doubt = match &taken.committed {
            Some(cursor) => Intent::decode(&cursor.metadata)?,
            None => None,
        };
        let next = taken.committed.as_ref().map_or(taken.low, |cursor| cursor.offset);
        // What was begun to be stored, or else was stored, must be in the log. Otherwise its end was
        // lost and the numbers will be used again: old rows would pass for new ones.
        let behind = in_doubt.map_or(next, |intent| intent.end + 1);
        if behind > taken.high {
            return Err(SinkError::LogCutOff { log, partition: number, behind, next: taken.high });
        }
        if let Some(intent) = in_doubt {
            tracing::info!(number, first = next, last = intent.end, "settling a doubt");
        }
        let doubt_until = in_doubt
            .filter(|_| taken.previous_owner_may_live)
            .map(|intent| Instant::now() + Duration::from_secs(intent.deadline_s));
        Ok(Self {
            log,
            number,
            next,
            open: None,
            deleted_unread: if taken.committed.is_none() { taken.low } else { 0 },
            in_doubt,
            doubt_until,
            work: None,
            state: State::Ours,
            is_paused: false,
        })
    }

    /// Adds a record.
    pub(crate) fn push(
        &mut self,
        offset: u64,
        record: &Bytes,
        now: Timestamp,
    ) -> Result<(), SinkError> {
        self.open(now).push(offset, record)
    }

    /// Accounts for offsets that cannot be read.
    pub(crate) fn damaged(&mut self, first: u64, last: u64, damage: Damage, now: Timestamp) {
        self.open(now).damaged(first, last, damage);
    }

    fn open(&mut self, now: Timestamp) -> &mut Open {
        let (log, number, next) = (&self.log, self.number, self.next);
        let deleted = &mut self.deleted_unread;
        self.open.get_or_insert_with(|| {
            let mut open = Open::begin(log.clone(), number, next, now);
            open.deleted_unread(std::mem::take(deleted));
            open
        })
    }

    /// The last offset of a range in doubt.
    pub(crate) fn doubt_end(&self) -> Option<u64> {
        self.in_doubt.map(|intent| intent.end)
    }

    /// Whether what is collected must be closed before this offset is added: an intent covers exactly its
    /// range.
    pub(crate) fn must_settle_before(&self, offset: u64) -> bool {
        self.open.is_some() && self.doubt_end().is_some_and(|end| offset > end)
    }

    /// Whether what is collected is a range in doubt of which the end is still to be read.
    pub(crate) fn is_incomplete(&self) -> bool {
        let last = self.open.as_ref().map(Open::last);
        self.doubt_end().is_some_and(|end| last.is_none_or(|last| last < end))
    }

    /// Whether what is collected is large enough to be stored. A range in doubt is complete at its end,
    /// not before, whatever its size.
    pub(crate) fn is_full(&self, config: &Config) -> bool {
        let Some(open) = &self.open else {
            return false;
        };
        match self.doubt_end() {
            Some(end) => open.last() >= end,
            None => open.is_full(config),
        }
    }

    /// When what is collected should be stored at the latest.
    pub(crate) fn due_at(&self, config: &Config) -> Option<Instant> {
        let open = self.open.as_ref().filter(|_| self.in_doubt.is_none())?;
        Some(open.due_at(config))
    }

    /// Closes what is collected, to be stored, with the doubt about it.
    pub(crate) fn close(&mut self) -> Option<(Batch, Doubt, Load)> {
        let open = self.open.take()?;
        let load = open.load();
        let mut batch = open.close();
        let mut doubt = Doubt::default();
        if let Some(intent) = self.in_doubt.take() {
            batch.range.last = intent.end;
            doubt = Doubt { repair: intent.repair + 1, until: self.doubt_until.take() };
        }
        self.next = batch.range.last + 1;
        Some((batch, doubt, load))
    }

    /// Forgets what is collected: somebody else reads it again.
    pub(crate) fn forget(&mut self) {
        self.open = None;
        self.in_doubt = None;
    }

    /// What is collected, without what is being stored.
    pub(crate) fn collected(&self) -> Load {
        self.open.as_ref().map(Open::load).unwrap_or_default()
    }

    /// Everything that it holds in memory.
    pub(crate) fn load(&self) -> Load {
        let stored = self.work.as_ref().map(|work| work.load).unwrap_or_default();
        self.collected() + stored
    }
}

impl std::ops::Add for Load {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { events: self.events + other.events, bytes: self.bytes + other.bytes }
    }
}

impl std::iter::Sum for Load {
    fn sum<I: Iterator<Item = Self>>(loads: I) -> Self {
        loads.fold(Self::default(), |sum, load| sum + load)
    }
}
