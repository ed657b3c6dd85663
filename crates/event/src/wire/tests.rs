use proptest::prelude::*;

use super::*;
use crate::{Field, Grant};

fn event(id: [u8; 16], path: String) -> Event {
    Event {
        id: id.to_vec(),
        site: "demo".to_owned(),
        kind: Kind::Pageview.into(),
        received_at: 1_790_000_000,
        policy_version: vec![1; 16],
        path,
        grants: vec![Grant {
            purpose: "statistics".to_owned(),
            basis: Basis::Consent.into(),
            expires_at: 1_850_000_000,
            fields: FieldSet::of(&[Field::Path]).bits(),
        }],
        ..Event::default()
    }
}

proptest! {
    #[test]
    fn encoded_events_concatenate_into_a_batch(ids: Vec<[u8; 16]>, path in ".{0,40}") {
        let events: Vec<_> = ids.into_iter().map(|id| event(id, path.clone())).collect();
        let record: Vec<u8> = events.iter().flat_map(encode).collect();
        prop_assert_eq!(decode(&record).unwrap().events, events);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        drop(decode(&bytes));
    }

    #[test]
    fn a_damaged_record_is_read_or_refused(at: usize, with: u8) {
        let mut record = encode(&event([3; 16], "/a".to_owned())).to_vec();
        let at = at % record.len();
        record[at] = with;
        drop(decode(&record));
    }
}

#[test]
fn what_cannot_be_stored_is_named() {
    type Damage = fn(&mut Event);
    let cases: [(Damage, WireError); 9] = [
        (|e| e.id.truncate(8), WireError::BadId),
        (|e| e.visitor = vec![1; 4], WireError::BadId),
        (|e| e.site = "Not a site".to_owned(), WireError::BadName),
        (|e| e.grants[0].purpose = "x; DROP TABLE y".to_owned(), WireError::BadName),
        (|e| e.kind = 99, WireError::UnknownValue),
        (|e| e.grants[0].basis = 0, WireError::UnknownValue),
        (|e| e.grants.clear(), WireError::NoGrant),
        (|e| e.grants[0].fields = 1 << 63, WireError::UnknownField),
        (|e| e.title = "t".repeat(EVENT_BYTES_MAX), WireError::TooLarge),
    ];
    for (damage, want) in cases {
        let mut damaged = event([1; 16], "/".to_owned());
        damage(&mut damaged);
        assert_eq!(decode(&encode(&damaged)).err(), Some(want));
    }
    assert_eq!(decode(&[0xff; 9]).err(), Some(WireError::NotProtobuf));
}

#[test]
fn events_that_are_large_together_are_read() {
    let large = encode(&event([1; 16], "/".repeat(EVENT_BYTES_MAX - 200)));
    let both = [&large[..], &large[..]].concat();
    assert_eq!(decode(&both).unwrap().events.len(), 2);
}
