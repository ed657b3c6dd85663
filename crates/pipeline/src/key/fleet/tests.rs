//! A leader and its followers, each with a clock of its own, handing bytes over as they do on the wire.

use std::collections::HashMap;

use candor_event::Site;

use super::*;
use crate::key::{AHEAD_SECONDS, KeyFile, KeyPeriod};

#[path = "tests/schedules.rs"]
mod schedules;

const MIDNIGHT: i64 = 20_000 * 86_400;

fn at(seconds_after_midnight: i64) -> Timestamp {
    Timestamp::from_unix(MIDNIGHT + seconds_after_midnight)
}

fn ring(source: KeySource) -> KeyRing {
    KeyRing::of(source, KeyPeriod::default(), None)
}

fn pair() -> (KeyRing, KeyRing) {
    (ring(KeySource::Leads), ring(KeySource::Follows))
}

/// One ask, each side by its own clock.
fn ask(
    leader: &KeyRing,
    leader_now: Timestamp,
    follower: &KeyRing,
    now: Timestamp,
) -> Result<TakenOver, TakeOverError> {
    follower.take_over(leader.handover(leader_now).unwrap().as_ref(), now)
}

/// An epoch's name, and what an address or id would be hashed to under it.
fn seen(ring: &KeyRing, now: Timestamp) -> Option<(u64, [u8; 32])> {
    let epoch = ring.at(now).ok()?;
    let key = epoch.site_key(&Site::parse("demo").unwrap());
    Some((epoch.id(), *key.hasher("test").finalize().as_bytes()))
}

#[test]
fn a_follower_draws_no_key() {
    let follower = ring(KeySource::Follows);
    assert_eq!(follower.at(at(0)).err(), Some(Rejection::KeyMissing));
    assert_eq!(follower.tick(at(1)), Err(Rejection::KeyMissing));
    assert!(!follower.has_key(at(2)));
    assert!(follower.handover(at(3)).is_err(), "and hands none out");
    let alone = ring(KeySource::Alone);
    assert!(alone.handover(at(0)).is_err());
    let handed = ring(KeySource::Leads).handover(at(0)).unwrap();
    let refused = alone.take_over(handed.as_ref(), at(0));
    assert_eq!(refused, Err(TakeOverError::NotFollowing));
}

#[test]
fn one_visitor_has_one_id_on_both() {
    let (leader, follower) = pair();
    assert_eq!(ask(&leader, at(10), &follower, at(10)), Ok(TakenOver::Begun));
    assert_eq!(ask(&leader, at(20), &follower, at(20)), Ok(TakenOver::Known));
    let today = seen(&leader, at(30)).unwrap();
    assert_eq!(seen(&follower, at(30)), Some(today));
    ask(&leader, at(86_300), &follower, at(86_300)).unwrap();
    let tomorrow = seen(&leader, at(86_400)).unwrap();
    assert_eq!(seen(&follower, at(86_400)), Some(tomorrow), "it was handed out before its time");
    assert!(today.0 != tomorrow.0 && today.1 != tomorrow.1);
    let ids = [&leader, &follower].map(|ring| ring.at(at(86_400)).unwrap().random_id());
    assert_ne!(ids[0], ids[1], "what is drawn at random differs");
}

#[test]
fn a_session_that_crosses_over_is_known_to_both() {
    let (leader, follower) = pair();
    ask(&leader, at(86_390), &follower, at(86_390)).unwrap();
    let late = ring(KeySource::Follows);
    leader.tick(at(86_400)).unwrap();
    ask(&leader, at(86_401), &late, at(86_401)).unwrap();
    let site = Site::parse("demo").unwrap();
    let before = |ring: &KeyRing, now| {
        let key = ring.at(now).unwrap().previous_site_key(&site, now)?;
        Some(key.hasher("test").finalize())
    };
    let end = 86_400 + 1_800 - i64::from(AHEAD_SECONDS + CLOCK_SECONDS_MAX);
    let known = before(&leader, at(end - 1));
    assert!(known.is_some());
    for ring in [&follower, &late] {
        assert_eq!(before(ring, at(end - 1)), known);
    }
    for ring in [&leader, &follower, &late] {
        assert!(
            before(ring, at(end)).is_none(),
            "no key is older than it would be without a fleet"
        );
    }
}

#[test]
fn whose_leader_is_away_goes_on_to_the_end_and_no_further() {
    let (leader, follower) = pair();
    ask(&leader, at(10), &follower, at(10)).unwrap();
    assert!(follower.has_key(at(86_399)));
    assert_eq!(follower.at(at(86_400)).err(), Some(Rejection::KeyMissing));
    assert_eq!(follower.tick(at(86_401)), Err(Rejection::KeyMissing));
    assert!(follower.current.load().is_none(), "the key is gone");
    ask(&leader, at(90_000), &follower, at(90_000)).unwrap();
    assert_eq!(seen(&follower, at(90_001)), seen(&leader, at(90_001)));
}

#[test]
fn clocks_that_differ_a_little_cost_no_beacon_and_link_nothing() {
    for offset in [-30_i64, -5, 5, 30] {
        let (leader, follower) = pair();
        let mut epochs = HashMap::new();
        for second in 86_400 - 300..86_400 + 300 {
            let own = at(second + offset);
            if second % 10 == 0 {
                ask(&leader, at(second), &follower, own).unwrap();
            }
            let both = [seen(&leader, at(second)), seen(&follower, own)].map(Option::unwrap);
            for (name, hash) in both {
                assert_eq!(*epochs.entry(name).or_insert(hash), hash);
            }
            let is_between = (second - 86_400).abs() <= offset.abs();
            assert!(both[0] == both[1] || is_between, "{offset} {second}");
        }
        let mut hashes: Vec<_> = epochs.values().collect();
        hashes.dedup();
        assert_eq!(hashes.len(), 2, "one before, one after");
    }
}

#[test]
fn who_starts_while_only_one_clock_has_passed_midnight_gets_a_key() {
    for offset in [-5, 5] {
        for second in [-3, 1] {
            let (leader, follower) = pair();
            leader.tick(at(-60)).unwrap();
            ask(&leader, at(second), &follower, at(second + offset)).unwrap();
            assert!(follower.has_key(at(second + offset)), "{offset} {second}");
            let later = second + 10;
            ask(&leader, at(later), &follower, at(later + offset)).unwrap();
            assert_eq!(seen(&follower, at(later + offset)), seen(&leader, at(later)));
        }
    }
}

#[test]
fn clocks_that_are_far_apart_are_refused() {
    for offset in [-61, 61] {
        let (leader, follower) = pair();
        let refused = ask(&leader, at(1_000), &follower, at(1_000 + offset));
        assert_eq!(refused, Err(TakeOverError::ClocksApart { seconds: 61 }));
        assert!(!follower.has_key(at(1_000 + offset)));
    }
}

#[test]
fn what_is_damaged_or_of_a_file_is_no_key() {
    let (leader, follower) = pair();
    let handed = leader.handover(at(10)).unwrap();
    for position in [0, 1, 40, HANDOVER_BYTES - 1] {
        let mut bytes = handed.as_ref().to_vec();
        bytes[position] ^= 1;
        assert_eq!(follower.take_over(&bytes, at(10)), Err(TakeOverError::Unreadable));
    }
    for length in [0, 1, HANDOVER_BYTES - 1] {
        let cut = follower.take_over(&handed.as_ref()[..length], at(10));
        assert_eq!(cut, Err(TakeOverError::Unreadable));
    }
    let current = leader.at(at(10)).unwrap();
    let file = form::write(Form::File, at(10), &current, None);
    assert_eq!(follower.take_over(&file, at(10)), Err(TakeOverError::Unreadable));
    assert!(!follower.has_key(at(10)));
}

#[test]
fn a_stricter_policy_of_a_follower_stops_it_early() {
    let (leader, follower) = pair();
    follower.keep_to(6 * 3_600);
    ask(&leader, at(10), &follower, at(10)).unwrap();
    assert!(follower.has_key(at(6 * 3_600 - 1)) && !follower.has_key(at(6 * 3_600)));
    let again = ask(&leader, at(6 * 3_600), &follower, at(6 * 3_600));
    assert_eq!(again, Err(TakeOverError::Over));
    leader.keep_to(6 * 3_600);
    ask(&leader, at(6 * 3_600 + 1), &follower, at(6 * 3_600 + 1)).unwrap();
    assert!(follower.has_key(at(6 * 3_600 + 1)));
}

#[test]
fn an_end_may_come_earlier_and_never_later() {
    let (leader, follower) = pair();
    ask(&leader, at(10), &follower, at(10)).unwrap();
    leader.keep_to(6 * 3_600);
    assert_eq!(ask(&leader, at(20), &follower, at(20)), Ok(TakenOver::Known));
    assert_eq!(follower.at(at(20)).unwrap().until, at(6 * 3_600), "as the leader's policies say");
    follower.keep_to(3 * 3_600);
    follower.tick(at(30)).unwrap();
    follower.keep_to(u32::MAX);
    ask(&leader, at(40), &follower, at(40)).unwrap();
    assert_eq!(follower.at(at(40)).unwrap().until, at(3 * 3_600), "as its own said");
}

#[test]
fn a_leader_that_comes_back_keeps_the_key_that_it_has_handed_out() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = dir.path().join("key");
    let open = || KeyRing::of(KeySource::Leads, KeyPeriod::default(), KeyFile::open(&path).ok());
    let follower = ring(KeySource::Follows);
    ask(&open(), at(86_390), &follower, at(86_390)).unwrap();
    let again = open();
    assert_eq!(seen(&again, at(86_395)), seen(&follower, at(86_395)));
    drop(again);
    assert_eq!(seen(&open(), at(86_401)), seen(&follower, at(86_401)), "the next one, too");
}

#[test]
fn a_leader_that_forgot_its_key_begins_a_new_epoch_for_all() {
    let (leader, follower) = pair();
    ask(&leader, at(10), &follower, at(10)).unwrap();
    let before = seen(&follower, at(20)).unwrap();
    let again = ring(KeySource::Leads);
    let begun = seen(&again, at(30)).unwrap();
    assert_ne!(before.0, begun.0);
    assert_eq!(ask(&again, at(31), &follower, at(31)), Ok(TakenOver::Begun));
    assert_eq!(seen(&follower, at(31)), Some(begun));
}
