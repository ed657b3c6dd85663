//! Records as nobody writes them: read or refused, and what is read is written as it was read.

use bytes::Bytes;
use candor_event::wire::{Encoded, EventView};
use candor_event::{Basis, Event, Field, FieldSet, Grant, Kind, Pair, wire};
use candor_hostile::{Canary, V4, attack};

fn event(path: &str) -> Event {
    Event {
        id: vec![7; 16],
        site: "demo".to_owned(),
        kind: Kind::Pageview.into(),
        path: path.to_owned(),
        title: format!("Prices, {V4}"),
        query: vec![Pair { name: "page".to_owned(), value: "2".to_owned() }],
        received_at: 1_790_000_000,
        policy_version: vec![9; 16],
        grants: vec![Grant {
            purpose: "statistics".to_owned(),
            basis: Basis::Consent.into(),
            expires_at: 1_800_000_000,
            fields: FieldSet::from_iter([Field::Path, Field::Title]).bits(),
        }],
        ..Event::default()
    }
}

/// Whoever stores an event reads it again, and does not look at its texts.
fn says_the_same(event: &Event, encoded: &Encoded<'_>) {
    let view = EventView::read(&encoded.message).unwrap_or_default();
    assert_eq!((view.id, &encoded.id[..]), (&event.id[..], &event.id[..]));
    assert_eq!((view.kind, view.received_at), (event.kind, event.received_at));
    let texts = [view.site, view.path, view.title, view.name, view.referrer_host, view.language];
    let same = [
        &event.site,
        &event.path,
        &event.title,
        &event.name,
        &event.referrer_host,
        &event.language,
    ];
    assert_eq!(texts, same.map(String::as_bytes));
    let pairs = event.query.iter().map(|pair| (pair.name.as_bytes(), pair.value.as_bytes()));
    assert!(pairs.eq(view.query.iter().copied()));
    let grants = event.grants.iter().map(|it| (&*it.purpose, it.basis, it.expires_at, it.fields));
    let views = encoded.grants.iter();
    assert!(grants.eq(views.map(|it| (it.purpose, it.basis, it.expires_at, it.fields))));
}

#[test]
fn hostile_records() {
    let (one, two) = (wire::encode(&event("/a")), wire::encode(&event("/another/page")));
    let both = [&one[..], &two[..]].concat();
    assert_eq!(wire::decode(&both).map(|batch| batch.events.len()), Ok(2));
    let (mut read, mut refused) = (0_u64, 0_u64);
    attack("record", &[&one, &two, &both], &["statistics", "demo"], |bytes| {
        let decoded = wire::decode(bytes);
        let record = Bytes::copy_from_slice(bytes);
        let split = wire::split(&record);
        assert_eq!(decoded.is_ok(), split.is_ok());
        match decoded {
            Err(error) => {
                refused += 1;
                let said = format!("{error} {error:?} {}", error.label());
                assert_eq!(Canary::in_text(said.as_bytes()), None);
            }
            Ok(batch) => {
                read += u64::from(!batch.events.is_empty());
                for (event, encoded) in batch.events.iter().zip(split.unwrap()) {
                    says_the_same(event, &encoded);
                }
                let again: Vec<u8> = batch.events.iter().flat_map(wire::encode).collect();
                assert_eq!(wire::decode(&again).as_ref(), Ok(&batch));
            }
        }
    });
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}
