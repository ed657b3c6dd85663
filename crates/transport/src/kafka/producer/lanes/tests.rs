//! Which events go together, and when.

use candor_event::EventId;

use super::*;
use crate::kafka::config::RECORD_EVENTS_MAX;
use crate::kafka::producer::bundle::Drained;
use crate::{LogId, SpillMark};

const WINDOW: Duration = Duration::from_millis(2);

fn event(partition: u8) -> Outgoing {
    let id = [0, 0, 0, 0, 0, 0, 0, partition, 0, 0, 0, 0, 0, 0, 0, 0];
    Outgoing { id: EventId::from_bytes(id), record: Bytes::from_static(b"event") }
}

fn lanes() -> Lanes {
    Lanes::new(WINDOW, 10_000, 100_000)
}

fn push(lanes: &mut Lanes, events: Vec<Outgoing>, now: Instant) -> oneshot::Receiver<Answer> {
    let (done, answer) = oneshot::channel();
    lanes.push(events, 4, done, now);
    answer
}

/// Sends all that is due.
fn pump(lanes: &mut Lanes, now: Instant) -> Vec<Bundle> {
    let mut sent = Vec::new();
    let pumped = lanes.pump(now, &mut |bundle| {
        sent.push(*bundle);
        Ok(())
    });
    assert!(pumped.failed.is_empty() && pumped.held_back == 0);
    sent
}

fn sizes(sent: &[Bundle]) -> Vec<(u32, usize)> {
    sent.iter().map(|bundle| (bundle.partition(), bundle.events())).collect()
}

#[test]
fn an_event_that_is_alone_does_not_wait() {
    let (mut lanes, now) = (lanes(), Instant::now());
    push(&mut lanes, vec![event(1)], now);
    assert_eq!(sizes(&pump(&mut lanes, now)), [(1, 1)]);
    push(&mut lanes, vec![event(2)], now);
    assert_eq!(sizes(&pump(&mut lanes, now)), [(2, 1)], "nor behind another partition's");
}

#[test]
fn events_wait_for_company_while_others_are_on_their_way() {
    let (mut lanes, now) = (lanes(), Instant::now());
    push(&mut lanes, vec![event(1)], now);
    let first = pump(&mut lanes, now);
    push(&mut lanes, vec![event(1)], now);
    push(&mut lanes, vec![event(1)], now);
    assert!(pump(&mut lanes, now).is_empty());
    assert_eq!(lanes.next_due(), Some(now + WINDOW));
    assert_eq!(sizes(&pump(&mut lanes, now + WINDOW)), [(1, 2)], "for the window at most");
    push(&mut lanes, vec![event(1)], now);
    lanes.settle(&first[0]);
    assert!(pump(&mut lanes, now).is_empty(), "one is still on its way");
}

#[test]
fn when_much_comes_all_partitions_send_together() {
    let (mut lanes, now) = (lanes(), Instant::now());
    push(&mut lanes, vec![event(1); DENSE], now);
    assert!(pump(&mut lanes, now).is_empty(), "more will come");
    push(&mut lanes, vec![event(2)], now + WINDOW / 2);
    assert_eq!(lanes.next_due(), Some(now + WINDOW));
    let sent = pump(&mut lanes, now + WINDOW);
    assert_eq!(sizes(&sent), [(1, DENSE), (2, 1)]);
    push(&mut lanes, vec![event(3)], now + WINDOW);
    assert!(pump(&mut lanes, now + WINDOW).is_empty(), "much came just now");
    assert!(pump(&mut lanes, now + WINDOW * 2).is_empty(), "others are on their way");
    assert_eq!(lanes.next_due(), Some(now + WINDOW * 5));
    lanes.settle(&sent[0]);
    assert!(pump(&mut lanes, now + WINDOW * 2).is_empty(), "one still is");
    lanes.settle(&sent[1]);
    assert_eq!(sizes(&pump(&mut lanes, now + WINDOW * 2)), [(3, 1)]);
    push(&mut lanes, vec![event(3)], now + WINDOW * 5);
    push(&mut lanes, vec![event(0)], now + WINDOW * 5);
    assert_eq!(sizes(&pump(&mut lanes, now + WINDOW * 5)), [(0, 1)], "little comes by now");
}

#[test]
fn nobody_waits_for_a_slow_broker_for_long() {
    let (mut lanes, now) = (lanes(), Instant::now());
    push(&mut lanes, vec![event(1); DENSE], now);
    pump(&mut lanes, now + WINDOW);
    push(&mut lanes, vec![event(1); DENSE], now + WINDOW);
    assert!(pump(&mut lanes, now + WINDOW * 2).is_empty());
    push(&mut lanes, vec![event(2); DENSE], now + WINDOW * 3);
    assert_eq!(sizes(&pump(&mut lanes, now + WINDOW * 5)), [(1, DENSE), (2, DENSE)]);
}

#[test]
fn a_full_bundle_does_not_wait() {
    let (mut lanes, now) = (lanes(), Instant::now());
    push(&mut lanes, vec![event(1)], now);
    pump(&mut lanes, now);
    push(&mut lanes, vec![event(1); RECORD_EVENTS_MAX + 1], now);
    assert_eq!(sizes(&pump(&mut lanes, now)), [(1, RECORD_EVENTS_MAX)]);
}

#[test]
fn room_is_given_back_when_bundles_come_back() {
    let (mut lanes, now) = (Lanes::new(WINDOW, 2, 100), Instant::now());
    assert_eq!(lanes.room(3, 15), Err(ProduceError::TooLarge));
    assert_eq!(lanes.room(2, 101), Err(ProduceError::TooLarge));
    assert!(!lanes.is_crowded());
    push(&mut lanes, vec![event(1), event(2)], now);
    assert!(lanes.is_crowded());
    assert_eq!(lanes.room(1, 5), Err(ProduceError::Full));
    for bundle in pump(&mut lanes, now) {
        lanes.settle(&bundle);
    }
    assert_eq!(lanes.held(), (0, 0));
    assert_eq!(lanes.room(1, 5), Ok(()));
}

#[test]
fn a_record_of_a_spill_goes_alone_and_takes_no_room() {
    let (mut lanes, now) = (lanes(), Instant::now());
    let mark = SpillMark { id: LogId::from_bytes([1; 16]), sequence: 7 };
    let (done, _) = oneshot::channel();
    let record = Bytes::from_static(b"two events");
    let drained = Drained { partition: 1, record, events: 2, mark };
    lanes.push_drained(Bundle::of_spill(drained, done, now));
    push(&mut lanes, vec![event(1)], now);
    assert_eq!((lanes.held(), lanes.is_empty()), ((1, 5), false));
    let sent = pump(&mut lanes, now);
    assert_eq!(sizes(&sent), [(1, 2)], "the live event waits for company");
    assert_eq!((sent[0].mark(), sent[0].sent()), (Some(mark), Some(now)));
    assert_eq!(lanes.oldest_sent(), Some(now));
    lanes.settle(&sent[0]);
    assert_eq!((lanes.held(), lanes.oldest_sent()), ((1, 5), None));
    for bundle in pump(&mut lanes, now) {
        lanes.settle(&bundle);
    }
    assert!(lanes.is_empty());
}

#[test]
fn the_oldest_that_was_sent_is_known_whatever_comes_back_first() {
    let (mut lanes, now) = (lanes(), Instant::now());
    let later = now + WINDOW;
    push(&mut lanes, vec![event(1)], now);
    let first = pump(&mut lanes, now);
    push(&mut lanes, vec![event(2)], later);
    let second = pump(&mut lanes, later);
    assert_eq!(lanes.oldest_sent(), Some(now));
    lanes.settle(&first[0]);
    assert_eq!(lanes.oldest_sent(), Some(later));
    lanes.settle(&second[0]);
    assert_eq!(lanes.oldest_sent(), None);
}

#[test]
fn what_there_is_no_room_for_keeps_its_place() {
    let (mut lanes, now) = (lanes(), Instant::now());
    push(&mut lanes, vec![event(1)], now);
    let pumped = lanes.pump(now, &mut |bundle| Err((Refusal::Full, bundle)));
    assert_eq!((pumped.held_back, lanes.held().0), (1, 1));
    push(&mut lanes, vec![event(1)], now);
    assert_eq!(sizes(&pump(&mut lanes, now)), [(1, 1)], "in order");
    assert_eq!(sizes(&pump(&mut lanes, now + WINDOW)), [(1, 1)]);
}

#[test]
fn a_refused_bundle_gives_its_room_back_at_once() {
    let (mut lanes, now) = (lanes(), Instant::now());
    push(&mut lanes, vec![event(1), event(2)], now);
    let refuse = (Refusal::Failed(Cause::Topic),);
    let pumped = lanes.pump_touched(now, &mut |bundle| Err((refuse.0, bundle)));
    assert_eq!((pumped.failed.len(), lanes.held()), (2, (0, 0)));
}
