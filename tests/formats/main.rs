//! What a version has written, every later one reads: a journal with events and a cursor, as it lay on a disk.
//!
//! `tests/data/formats/` has a directory for each version of a format. They are never made anew: who changes a
//! format gives it a number and adds a directory (`CANDOR_FORMATS_WRITE=journal-2 cargo test --test formats`).
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::{Path, PathBuf};

use candor_event::{
    Basis, Campaign, Channel, Device, Event, EventId, Field, FieldSet, Grant, Kind, Pair, wire,
};
use candor_transport::journal::{Journal, JournalConfig};
use candor_transport::{Committer, Consumer, Cursor, Delivery, Outgoing, Producer};

/// What the cursor says beside its offset.
const NOTE: &str =
    r#"{"v":3,"end":1,"repair":0,"deadline_s":30,"stored_at":1790000000,"ids_from":0}"#;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/formats")
}

fn run<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(what)
}

/// An event of which every field says something.
fn event(number: u8) -> Event {
    let text = |name: &str| format!("{name} {number}");
    let pair = |name: &str| Pair { name: text(name), value: "ä".to_owned() };
    Event {
        id: vec![number; 16],
        site: "demo".to_owned(),
        kind: Kind::Custom.into(),
        received_at: 1_790_000_000,
        policy_version: vec![2; 16],
        grants: ["statistics", "marketing"].map(grant).into(),
        consent_record: vec![3; 16],
        key_epoch: u64::MAX,
        name: text("name"),
        path: text("/path"),
        query: vec![pair("query")],
        title: text("title"),
        referrer_host: text("referrer"),
        referrer_path: text("/from"),
        campaign: Some(Campaign {
            source: text("source"),
            medium: text("medium"),
            name: text("campaign"),
            term: text("term"),
            content: text("content"),
        }),
        language: "fi-FI".to_owned(),
        screen_width: 1_920,
        screen_height: 1_080,
        browser: text("browser"),
        browser_version: "1.2".to_owned(),
        os: text("os"),
        os_version: "3.4".to_owned(),
        device: Device::Mobile.into(),
        bot: text("bot"),
        country: "FI".to_owned(),
        region: "FI-18".to_owned(),
        city: text("city"),
        network_number: 65_551,
        network: text("network"),
        address: [vec![0; 10], vec![0xff, 0xff, 198, 51, 100, 0]].concat(),
        address_prefix: 24,
        address_hash: vec![4; 16],
        visitor: vec![5; 16],
        visitor_previous: vec![6; 16],
        dwell_ms: 12_345,
        scroll_percent: Some(0),
        props: vec![pair("prop")],
        source: text("source"),
        channel: Channel::Email.into(),
    }
}

fn grant(purpose: &str) -> Grant {
    Grant {
        purpose: purpose.to_owned(),
        basis: Basis::Consent.into(),
        expires_at: 4_000_000_000,
        fields: FieldSet::of(&[Field::Path, Field::Visitor]).bits(),
    }
}

/// Two records and a cursor at the second, with a note.
async fn write(dir: &Path) {
    let (producer, mut consumer) = Journal::open(dir, JournalConfig::default()).unwrap();
    for number in [0, 1] {
        let id = EventId::from_bytes([number; 16]);
        let record = wire::encode(&event(number));
        producer.produce(vec![Outgoing { id, record }]).await.unwrap();
    }
    let Delivery::Assigned { partition, .. } = consumer.next().await.unwrap() else {
        panic!("not assigned first");
    };
    assert!(matches!(consumer.next().await.unwrap(), Delivery::Record { offset: 0, .. }));
    let cursor = Cursor { offset: 1, metadata: NOTE.to_owned() };
    consumer.committer().commit(partition, cursor).await.unwrap();
}

#[test]
fn a_journal_of_every_version_is_read() {
    if let Some(name) = std::env::var_os("CANDOR_FORMATS_WRITE") {
        let dir = data().join(name);
        assert!(!dir.exists(), "{} is there, and is never made anew", dir.display());
        run(write(&dir));
        return;
    }
    for name in ["journal-1"] {
        let dir = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(data().join(name)).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
        }
        run(async {
            let (_, mut consumer) = Journal::open(&dir, JournalConfig::default()).unwrap();
            let Delivery::Assigned { committed, high, .. } = consumer.next().await.unwrap() else {
                panic!("not assigned first");
            };
            assert_eq!(committed, Some(Cursor { offset: 1, metadata: NOTE.to_owned() }));
            assert_eq!(high, 2);
            let Delivery::Record { offset: 1, record, .. } = consumer.next().await.unwrap() else {
                panic!("not the record at the cursor");
            };
            assert_eq!(wire::decode(&record).unwrap().events, [event(1)], "{name}");
            assert_eq!(record, wire::encode(&event(1)), "what is written has not changed: {name}");
        });
    }
}
