//! What waits for each partition, and when it goes. No I/O: sending is handed in.
//!
//! A bundle goes at once when another one waits behind it, and otherwise when some bundle has waited for the
//! commit window: then all of them go, for a request to the broker costs more than what is in it. When much
//! comes, the window is longer while others are on their way: the longer they take, the more is in those that
//! come after them. As long as little comes, a bundle also goes when nothing of its partition is on its way, so
//! that an event that is alone does not wait.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::bundle::{Answer, Bundle, Call};
use crate::kafka::metrics::Cause;
use crate::kafka::partition::partition_of;
use crate::{Outgoing, ProduceError};

/// The lanes of all partitions, and what the bounds are for.
#[derive(Debug)]
pub(super) struct Lanes {
    by_partition: BTreeMap<u32, Lane>,
    /// Where something was put since they were pumped.
    touched: Vec<u32>,
    window: Duration,
    flow: Flow,
    /// Since when something has waited for company, or longer ago.
    waiting: Option<Instant>,
    events: usize,
    bytes: usize,
    events_max: usize,
    bytes_max: usize,
    /// Records of a spill that are not settled yet. Whoever drains it bounds them.
    drained: usize,
    /// When those that are with librdkafka were handed over.
    sent: BTreeMap<Instant, usize>,
}

/// Why a bundle was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It will not get better.
    Failed(Cause),
    /// Try again later.
    Full,
}

/// What pumping came to.
#[derive(Debug, Default)]
pub(super) struct Pumped {
    /// Those that are given up.
    pub(super) failed: Vec<(Box<Bundle>, Cause)>,
    /// How many lanes have to wait because there is no room behind.
    pub(super) held_back: usize,
    /// How many bundles are with librdkafka now that were not before.
    pub(super) sent: usize,
}

/// How many events come within a window.
#[derive(Debug)]
struct Flow {
    since: Option<Instant>,
    events: usize,
    before: usize,
}

/// What lanes may send now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// What is full, and what is alone.
    Alone,
    /// Everything.
    Everything,
    /// What is full.
    Full,
}

#[derive(Debug, Default)]
struct Lane {
    /// These do not wait for company any more.
    full: VecDeque<Box<Bundle>>,
    open: Option<Box<Bundle>>,
    on_their_way: usize,
}

// === impl Lanes ===

impl Lanes {
    pub(super) const fn new(window: Duration, events_max: usize, bytes_max: usize) -> Self {
        Self {
            by_partition: BTreeMap::new(),
            touched: Vec::new(),
            window,
            flow: Flow::new(),
            waiting: None,
            events: 0,
            bytes: 0,
            events_max,
            bytes_max,
            drained: 0,
            sent: BTreeMap::new(),
        }
    }

    /// Whether there is room for a call with so many events and bytes.
    pub(super) const fn room(&self, events: usize, bytes: usize) -> Result<(), ProduceError> {
        if events > self.events_max || bytes > self.bytes_max {
            return Err(ProduceError::TooLarge); // it would never fit
        }
        if self.events + events > self.events_max || self.bytes + bytes > self.bytes_max {
            return Err(ProduceError::Full);
        }
        Ok(())
    }

    /// Whether more than half of the room is taken.
    pub(super) const fn is_crowded(&self) -> bool {
        self.events > self.events_max / 2 || self.bytes > self.bytes_max / 2
    }

    /// Since when the oldest that is with librdkafka has been there.
    pub(super) fn oldest_sent(&self) -> Option<Instant> {
        self.sent.keys().next().copied()
    }

    /// Whether nothing waits and nothing is on its way.
    pub(super) const fn is_empty(&self) -> bool {
        self.events == 0 && self.drained == 0
    }

    /// Puts a record of a spill in its lane, behind what is there.
    pub(super) fn push_drained(&mut self, bundle: Bundle) {
        let partition = bundle.partition();
        self.drained += 1;
        self.by_partition.entry(partition).or_default().full.push_back(Box::new(bundle));
        self.touched.push(partition);
    }

    /// Puts the events of one call in their lanes, for which there is [`Self::room`].
    pub(super) fn push(
        &mut self,
        events: Vec<Outgoing>,
        partitions: u32,
        done: oneshot::Sender<Answer>,
        now: Instant,
    ) {
        let bytes = events.iter().map(|event| event.record.len()).sum::<usize>();
        self.events += events.len();
        self.bytes += bytes;
        self.flow.add(events.len(), now, self.window);
        self.waiting.get_or_insert(now);
        let (mut sole, mut call) = (None, None);
        if events.len() == 1 {
            sole = Some(done);
        } else {
            call = Some(Call::new(done));
        }
        for event in events {
            let partition = partition_of(event.id, partitions);
            let lane = self.by_partition.entry(partition).or_default();
            lane.place(partition, event.record, now, |bundle| {
                if let Some(call) = &call {
                    bundle.add_waiter(call);
                } else if let Some(done) = sole.take() {
                    bundle.add_sole_waiter(done);
                }
            });
            if self.touched.last() != Some(&partition) {
                self.touched.push(partition);
            }
        }
    }

    /// Sends what is due. Nothing can be due of lanes where nothing was put but when all of them are.
    pub(super) fn pump_touched(
        &mut self,
        now: Instant,
        send: &mut impl FnMut(Box<Bundle>) -> Result<(), (Refusal, Box<Bundle>)>,
    ) -> Pumped {
        let due = self.due(now);
        if due == Due::Everything {
            return self.pump(now, send);
        }
        let mut pumped = Pumped::default();
        for partition in std::mem::take(&mut self.touched) {
            if let Some(lane) = self.by_partition.get_mut(&partition) {
                lane.pump(now, due, send, &mut pumped);
            }
        }
        self.note(now, &pumped);
        pumped
    }

    /// Sends what is due.
    pub(super) fn pump(
        &mut self,
        now: Instant,
        send: &mut impl FnMut(Box<Bundle>) -> Result<(), (Refusal, Box<Bundle>)>,
    ) -> Pumped {
        let due = self.due(now);
        let mut pumped = Pumped::default();
        self.touched.clear();
        for lane in self.by_partition.values_mut() {
            lane.pump(now, due, send, &mut pumped);
        }
        self.waiting = self.by_partition.values().filter_map(Lane::opened).min();
        self.note(now, &pumped);
        pumped
    }

    /// All lanes send together, so that librdkafka finds a request's worth of records at once. What is alone in
    /// its lane does not wait for them, unless so much comes that it will not be alone for long.
    fn due(&self, now: Instant) -> Due {
        let patience = self.patience();
        let waited = |since: Instant| now.saturating_duration_since(since) >= patience;
        if self.waiting.is_some_and(waited) {
            Due::Everything
        } else if self.flow.is_dense() {
            Due::Full
        } else {
            Due::Alone
        }
    }

    /// A bundle came back.
    pub(super) fn settle(&mut self, bundle: &Bundle) {
        self.give_back(bundle);
        if let Some(at) = bundle.sent()
            && let Some(count) = self.sent.get_mut(&at)
        {
            *count -= 1;
            if *count == 0 {
                self.sent.remove(&at);
            }
        }
        if let Some(lane) = self.by_partition.get_mut(&bundle.partition()) {
            lane.on_their_way = lane.on_their_way.saturating_sub(1);
        }
    }

    /// When the next bundle has waited long enough.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let oldest = self.by_partition.values().filter_map(Lane::opened).min();
        oldest.map(|since| since + self.patience())
    }

    /// How long a bundle waits at most for company.
    fn patience(&self) -> Duration {
        let is_behind_others = self.flow.is_dense() && !self.sent.is_empty();
        if is_behind_others { self.window * BEHIND_OTHERS } else { self.window }
    }

    /// Lets nothing wait for company from now on.
    pub(super) const fn hurry(&mut self) {
        self.window = Duration::ZERO;
    }

    /// Events and bytes that are not settled yet.
    pub(super) const fn held(&self) -> (usize, usize) {
        (self.events, self.bytes)
    }

    /// Gives up what was not sent.
    pub(super) fn give_up_waiting(&mut self) -> Pumped {
        let mut pumped = Pumped::default();
        for lane in self.by_partition.values_mut() {
            let waiting = lane.full.drain(..).chain(lane.open.take());
            pumped.failed.extend(waiting.map(|bundle| (bundle, Cause::Client)));
        }
        self.give_back_failed(&pumped);
        pumped
    }

    fn note(&mut self, now: Instant, pumped: &Pumped) {
        if pumped.sent > 0 {
            *self.sent.entry(now).or_default() += pumped.sent;
        }
        self.give_back_failed(pumped);
    }

    fn give_back_failed(&mut self, pumped: &Pumped) {
        for (bundle, _) in &pumped.failed {
            self.give_back(bundle);
        }
    }

    fn give_back(&mut self, bundle: &Bundle) {
        if bundle.mark().is_some() {
            self.drained = self.drained.saturating_sub(1);
            return;
        }
        self.events = self.events.saturating_sub(bundle.events());
        self.bytes = self.bytes.saturating_sub(bundle.bytes());
    }
}

// === impl Lane ===

impl Lane {
    /// Puts the event in the open bundle, or in another if there is no room.
    fn place(
        &mut self,
        partition: u32,
        event: Bytes,
        now: Instant,
        attach: impl FnOnce(&mut Bundle),
    ) {
        let left = match &mut self.open {
            Some(open) => open.add(event).err(),
            None => Some(event),
        };
        if let Some(event) = left {
            self.full.extend(self.open.take());
            self.open = Some(Box::new(Bundle::open(partition, event, now)));
        }
        if let Some(open) = &mut self.open {
            attach(open);
        }
    }

    fn pump(
        &mut self,
        now: Instant,
        due: Due,
        send: &mut impl FnMut(Box<Bundle>) -> Result<(), (Refusal, Box<Bundle>)>,
        pumped: &mut Pumped,
    ) {
        while let Some(mut bundle) = self.next(due) {
            bundle.set_sent(now);
            match send(bundle) {
                Ok(()) => {
                    self.on_their_way += 1;
                    pumped.sent += 1;
                }
                Err((Refusal::Failed(cause), bundle)) => pumped.failed.push((bundle, cause)),
                Err((Refusal::Full, bundle)) => {
                    self.full.push_front(bundle);
                    pumped.held_back += 1;
                    return;
                }
            }
        }
    }

    /// The bundle that is due, if one is.
    fn next(&mut self, due: Due) -> Option<Box<Bundle>> {
        let goes = match due {
            Due::Alone => self.on_their_way == 0,
            Due::Everything => true,
            Due::Full => false,
        };
        self.full.pop_front().or_else(|| self.open.take_if(|_| goes))
    }

    /// Since when what is not full has waited.
    fn opened(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.opened())
    }
}

// === impl Flow ===

impl Flow {
    const fn new() -> Self {
        Self { since: None, events: 0, before: 0 }
    }

    fn add(&mut self, events: usize, now: Instant, window: Duration) {
        let lasted = self.since.map_or(Duration::MAX, |since| now.saturating_duration_since(since));
        if lasted >= window {
            self.before = if lasted < window * 2 { self.events } else { 0 };
            (self.since, self.events) = (Some(now), 0);
        }
        self.events += events;
    }

    /// Whether it pays to wait for company: it will come.
    fn is_dense(&self) -> bool {
        self.events.max(self.before) >= DENSE
    }
}

/// So many events within a window: eight thousand a second, as the window is by default.
const DENSE: usize = 16;

/// So many windows pass at most while others are on their way.
const BEHIND_OTHERS: u32 = 4;

#[cfg(test)]
mod tests;
