use std::path::Path;

use candor_event::Site;

use super::*;

const MIDNIGHT: i64 = 20_000 * 86_400;

fn at(seconds_after_midnight: i64) -> Timestamp {
    Timestamp::from_unix(MIDNIGHT + seconds_after_midnight)
}

fn site() -> Site {
    Site::parse("demo").unwrap()
}

fn hash(key: &SiteKey) -> [u8; 32] {
    *key.hasher("test").finalize().as_bytes()
}

#[test]
fn a_key_is_kept_until_midnight_and_not_longer() {
    let ring = KeyRing::new(KeyPeriod::default(), None);
    let morning = ring.at(at(10)).unwrap();
    let night = ring.at(at(86_399)).unwrap();
    let next = ring.at(at(86_400)).unwrap();
    assert_eq!(morning.id(), night.id());
    assert_ne!(night.id(), next.id());
    assert_ne!(hash(&night.site_key(&site())), hash(&next.site_key(&site())));
}

#[test]
fn a_clock_that_goes_back_does_not_rotate() {
    let ring = KeyRing::new(KeyPeriod::default(), None);
    let today = ring.at(at(10)).unwrap();
    assert_eq!(ring.at(at(-90_000)).unwrap().id(), today.id());
}

#[test]
fn a_clock_that_jumps_by_25_hours_rotates_once_and_on_time() {
    const JUMP: i64 = 25 * 3_600;
    // Some of them are at the very ends of a day.
    for start in (0..86_400).step_by(3_600).chain([1, 86_398]) {
        let ring = KeyRing::new(KeyPeriod::default(), None);
        let today = ring.at(at(start)).unwrap().id();
        let ahead = ring.at(at(start + JUMP)).unwrap();
        assert_ne!(ahead.id(), today, "its day is over");
        assert!(ahead.previous.is_none(), "and so is its overlap");
        ring.tick(at(start + JUMP + 1)).unwrap();
        assert_eq!(ring.at(at(start + JUMP + 2)).unwrap().id(), ahead.id(), "once");
        // The clock is put right.
        ring.tick(at(start)).unwrap();
        let right = ring.at(at(start)).unwrap();
        assert_eq!((right.id(), right.until), (ahead.id(), at(86_400)), "no later than it should");
        assert_ne!(ring.at(at(86_400)).unwrap().id(), ahead.id());

        let ring = KeyRing::new(KeyPeriod::default(), None);
        let today = ring.at(at(start)).unwrap().id();
        ring.tick(at(start - JUMP)).unwrap();
        assert_eq!(ring.at(at(start - JUMP)).unwrap().id(), today, "going back is no rotation");
        ring.tick(at(start)).unwrap();
        let right = ring.at(at(start)).unwrap();
        ring.tick(at(start + 1)).unwrap();
        assert_eq!(ring.at(at(start + 1)).unwrap().id(), right.id(), "one more at most");
        assert_eq!(right.until, at(86_400));
        assert_ne!(ring.at(at(86_400)).unwrap().id(), right.id());
    }
}

#[test]
fn the_key_before_serves_for_the_overlap_only() {
    let ring = KeyRing::new(KeyPeriod::default(), None);
    let before = hash(&ring.at(at(-1)).unwrap().site_key(&site()));
    let after = ring.at(at(5)).unwrap();
    let previous = after.previous_site_key(&site(), at(1_799)).map(|key| hash(&key));
    assert_eq!(previous, Some(before));
    assert!(after.previous_site_key(&site(), at(1_800)).is_none());

    ring.tick(at(1_800)).unwrap();
    let later = ring.at(at(1_801)).unwrap();
    assert_eq!(later.id(), after.id(), "ending the overlap is no rotation");
    assert!(later.previous.is_none(), "and the key is gone");
}

#[test]
fn keys_differ_by_site_and_by_use() {
    let ring = KeyRing::new(KeyPeriod::default(), None);
    let epoch = ring.at(at(0)).unwrap();
    let other = Site::parse("other").unwrap();
    assert_ne!(hash(&epoch.site_key(&site())), hash(&epoch.site_key(&other)));
    let key = epoch.site_key(&site());
    assert_ne!(key.hasher("a").finalize(), key.hasher("b").finalize());
}

#[test]
fn random_ids_do_not_repeat() {
    let ring = KeyRing::new(KeyPeriod::default(), None);
    let epoch = ring.at(at(0)).unwrap();
    let ids: std::collections::HashSet<_> = (0..1_000).map(|_| epoch.random_id()).collect();
    assert_eq!(ids.len(), 1_000);
}

#[test]
fn a_restart_finds_the_key_on_tmpfs_but_not_after_its_epoch() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = dir.path().join("key");
    let open = || KeyRing::new(KeyPeriod::default(), Some(KeyFile::open(&path).unwrap()));

    let first = open().at(at(10)).unwrap();
    let second = open().at(at(20)).unwrap();
    assert_eq!(hash(&first.site_key(&site())), hash(&second.site_key(&site())));
    assert_ne!(first.random_id(), second.random_id(), "each process draws ids of its own");
    assert_ne!(open().at(at(86_400)).unwrap().id(), first.id());
}

#[test]
fn destroying_leaves_no_key_in_the_file() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = dir.path().join("key");
    let ring = KeyRing::new(KeyPeriod::default(), Some(KeyFile::open(&path).unwrap()));
    let before = ring.at(at(0)).unwrap().id();
    ring.destroy();
    assert!(std::fs::read(&path).unwrap().iter().all(|byte| *byte == 0));
    assert_ne!(ring.at(at(1)).unwrap().id(), before);
}

#[test]
fn a_damaged_file_is_no_key() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = dir.path().join("key");
    let open = || KeyRing::new(KeyPeriod::default(), Some(KeyFile::open(&path).unwrap()));
    let first = open().at(at(10)).unwrap().id();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_ne!(open().at(at(10)).unwrap().id(), first);
}

#[test]
fn a_disk_is_refused() {
    let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let refused = KeyFile::open(&Path::join(dir.path(), "key"));
    assert!(matches!(refused, Err(KeyFileError::NotInMemory(_))));
}

#[test]
fn a_policy_makes_a_key_live_shorter_and_never_longer() {
    let ring = KeyRing::new(KeyPeriod::default(), None);
    let morning = ring.at(at(10)).unwrap();
    ring.keep_to(6 * 3_600);
    ring.tick(at(20)).unwrap();
    let shortened = ring.at(at(30)).unwrap();
    assert_eq!((shortened.id(), shortened.until), (morning.id(), at(6 * 3_600)));
    assert_ne!(ring.at(at(6 * 3_600)).unwrap().id(), morning.id());

    ring.keep_to(u32::MAX);
    ring.tick(at(6 * 3_600 + 1)).unwrap();
    let kept = ring.at(at(6 * 3_600 + 2)).unwrap();
    assert_eq!(kept.until, at(12 * 3_600), "what was promised of this key still holds");
}

#[test]
fn a_policy_that_becomes_stricter_ends_a_key_that_has_lived_too_long() {
    let ring = KeyRing::new(KeyPeriod::default(), None);
    let morning = ring.at(at(10)).unwrap();
    ring.tick(at(20 * 3_600)).unwrap();
    ring.keep_to(6 * 3_600);
    ring.tick(at(20 * 3_600 + 1)).unwrap();
    ring.tick(at(20 * 3_600 + 2)).unwrap();
    let evening = ring.at(at(20 * 3_600 + 2)).unwrap();
    assert_ne!(evening.id(), morning.id());
    assert_eq!(evening.until, at(86_400));
    assert!(evening.previous.is_none(), "its overlap is over as well");
}

#[test]
fn a_clock_that_was_far_ahead_leaves_no_key_for_years() {
    let ring = KeyRing::new(KeyPeriod::default(), None);
    let early = ring.at(at(400 * 86_400)).unwrap();
    ring.tick(at(10)).unwrap();
    let now = ring.at(at(11)).unwrap();
    assert_eq!((now.id(), now.until), (early.id(), at(86_400)));
}
