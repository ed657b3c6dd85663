use candor_event::{Basis, Channel, Device, Kind};
use candor_event::{Campaign, Event, Field, FieldSet, Grant, Pair, StoredAddress, wire};
use candor_transport::{LogId, SpillMark};

use super::*;

fn tailed(record: impl Into<bytes::Bytes>) -> Tailed {
    Tailed { partition: 3, offset: 17, record: record.into(), spill: None }
}

fn event() -> Event {
    let fields = FieldSet::of(&[Field::Path, Field::Address]);
    Event {
        id: vec![0xab; 16],
        site: "demo".to_owned(),
        kind: Kind::Pageview.into(),
        received_at: 1_795_352_399,
        policy_version: vec![0; 16],
        grants: vec![Grant {
            purpose: "statistics".to_owned(),
            basis: Basis::LegitimateInterest.into(),
            expires_at: 1_795_438_799,
            fields: fields.bits(),
        }],
        path: "/a\nb".to_owned(),
        ..Event::default()
    }
}

fn shown(event: &Event) -> serde_json::Value {
    let text = lines(&tailed(wire::encode(event))).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "one line: {text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_line_has_what_the_event_has_and_nothing_else() {
    let want = serde_json::json!({
        "partition": 3, "offset": 17, "index": 0,
        "event_id": "ab".repeat(16),
        "site": "demo", "kind": "pageview",
        "received_at": "2026-11-22T12:59:59Z",
        "policy_version": "00".repeat(16),
        "grants": [{
            "purpose": "statistics", "basis": "legitimate-interest",
            "expires_at": "2026-11-23T12:59:59Z", "fields": ["path", "address"],
        }],
        "path": "/a\nb",
    });
    assert_eq!(shown(&event()), want);
}

#[test]
fn every_field_is_shown_under_the_name_of_its_column() {
    let text = || "x".to_owned();
    let pairs = || vec![Pair { name: "k".to_owned(), value: "v".to_owned() }];
    let campaign =
        Campaign { source: text(), medium: text(), name: text(), term: text(), content: text() };
    let address = StoredAddress::truncate_v4([192, 0, 2, 77], 24).unwrap();
    let full = Event {
        consent_record: vec![1; 16],
        key_epoch: u64::MAX,
        name: text(),
        query: pairs(),
        title: text(),
        referrer_host: text(),
        referrer_path: text(),
        campaign: Some(campaign),
        language: text(),
        screen_width: 1,
        screen_height: 2,
        browser: text(),
        browser_version: text(),
        os: text(),
        os_version: text(),
        device: Device::Tv.into(),
        bot: text(),
        country: text(),
        region: text(),
        city: text(),
        network_number: 6,
        network: text(),
        address: address.octets().to_vec(),
        address_prefix: address.prefix().into(),
        address_hash: vec![2; 16],
        visitor: vec![3; 16],
        visitor_previous: vec![4; 16],
        dwell_ms: 7,
        scroll_percent: Some(0),
        props: pairs(),
        source: text(),
        channel: Channel::PaidSearch.into(),
        ..event()
    };
    let line = shown(&full);
    // Ten that every event has, and the others; the prefix stands beside the address.
    assert_eq!(line.as_object().unwrap().len(), 10 + 35, "{line}");
    assert_eq!(line["address"], "192.0.2.0/24");
    assert_eq!(line["visitor"], "03".repeat(16));
    assert_eq!(line["key_epoch"], u64::MAX.to_string());
    assert_eq!(line["device"], "tv");
    assert_eq!(line["channel"], "Paid Search");
    assert_eq!(line["scroll_percent"], 0);
    assert_eq!(line["props"], serde_json::json!({ "k": "v" }));
}

#[test]
fn what_came_by_a_spill_says_so() {
    let mark = SpillMark { id: LogId::from_bytes([0x0f; 16]), sequence: 41 };
    let spilled = Tailed { spill: Some(mark), ..tailed(wire::encode(&event())) };
    let line: serde_json::Value = serde_json::from_str(&lines(&spilled).unwrap()).unwrap();
    assert_eq!(line["spill"], "0f".repeat(16));
    assert_eq!(line["spill_sequence"], 41);
}

#[test]
fn events_of_one_record_are_numbered() {
    let two = [wire::encode(&event()), wire::encode(&event())].concat();
    let text = lines(&tailed(two)).unwrap();
    let indices: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["index"].clone())
        .collect();
    assert_eq!(indices, [0, 1]);
}

#[test]
fn what_cannot_be_decoded_is_a_line_without_its_bytes() {
    let mut future = event();
    future.grants[0].fields = 1 << 60;
    for (record, reason) in [
        (b"visitor 192.0.2.77".to_vec(), "not_protobuf"),
        (wire::encode(&future).to_vec(), "unknown_field"),
    ] {
        let text = lines(&tailed(record)).unwrap();
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["offset"], &line["reason"]), (&17.into(), &reason.into()), "{text}");
        assert!(!text.contains("192.0.2"), "{text}");
    }
}
