//! Records as nobody writes them: read or refused, and what is read is written as it was read.

use candor_event::{Basis, Event, Field, FieldSet, Grant, Kind, wire};
use candor_hostile::{Canary, V4, attack};

fn event(path: &str) -> Event {
    Event {
        id: vec![7; 16],
        site: "demo".to_owned(),
        kind: Kind::Pageview.into(),
        path: path.to_owned(),
        title: format!("Prices, {V4}"),
        received_at: 1_790_000_000,
        policy_version: vec![9; 32],
        grants: vec![Grant {
            purpose: "statistics".to_owned(),
            basis: Basis::Consent.into(),
            expires_at: 1_800_000_000,
            fields: FieldSet::from_iter([Field::Path, Field::Title]).bits(),
        }],
        ..Event::default()
    }
}

#[test]
fn hostile_records() {
    let (one, two) = (wire::encode(&event("/a")), wire::encode(&event("/another/page")));
    let both = [&one[..], &two[..]].concat();
    let (mut read, mut refused) = (0_u64, 0_u64);
    attack("record", &[&one, &two, &both], &["statistics", "demo"], |bytes| {
        let decoded = wire::decode(bytes);
        let split = wire::split(bytes);
        assert_eq!(decoded.is_ok(), split.is_ok());
        match decoded {
            Err(error) => {
                refused += 1;
                let said = format!("{error} {error:?} {}", error.label());
                assert_eq!(Canary::in_text(said.as_bytes()), None);
            }
            Ok(batch) => {
                read += 1;
                let again: Vec<u8> = batch.events.iter().flat_map(wire::encode).collect();
                assert_eq!(wire::decode(&again).as_ref(), Ok(&batch));
            }
        }
    });
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}
