use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::draft::{CampaignDraft, Draft, Facts, GrantDraft};
use crate::{Campaign, Channel, Device, EventId, Field, Grant, Pair, PolicyVersion, StoredAddress};

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

/// Every field says something else.
fn full() -> Event {
    let text = |n: u8| format!("text {n}");
    let id = |n| vec![n; 16];
    let pair = |n| Pair { name: text(n), value: text(n + 1) };
    let grant = |purpose: &str| Grant {
        purpose: purpose.to_owned(),
        ..event([0; 16], text(0)).grants.remove(0)
    };
    Event {
        id: id(1),
        site: "demo".to_owned(),
        kind: Kind::Click.into(),
        received_at: -4,
        policy_version: id(5),
        grants: vec![grant("statistics"), grant("security")],
        consent_record: id(7),
        key_epoch: 8,
        name: text(9),
        path: text(10),
        query: vec![pair(11), pair(111)],
        title: text(12),
        referrer_host: text(13),
        referrer_path: text(14),
        campaign: Some(Campaign {
            source: text(151),
            medium: text(152),
            name: text(153),
            term: text(154),
            content: text(155),
        }),
        language: text(16),
        screen_width: 17,
        screen_height: u32::MAX,
        browser: text(19),
        browser_version: text(20),
        os: text(21),
        os_version: text(22),
        device: 23,
        bot: text(24),
        country: text(25),
        region: text(26),
        city: text(27),
        network_number: 28,
        network: text(29),
        address: id(30),
        address_prefix: 31,
        address_hash: id(32),
        visitor: id(33),
        visitor_previous: id(34),
        dwell_ms: 35,
        scroll_percent: Some(0),
        props: vec![pair(37)],
        source: text(38),
        channel: -39,
    }
}

/// What a view says, as an event of these grants.
fn owned(view: &EventView<'_>, grants: Vec<Grant>) -> Event {
    let text = |bytes: &[u8]| str::from_utf8(bytes).unwrap().to_owned();
    let pairs = |pairs: &[PairView<'_>]| {
        pairs.iter().map(|(name, value)| Pair { name: text(name), value: text(value) }).collect()
    };
    let CampaignView { source, medium, name, term, content } = view.campaign;
    Event {
        id: view.id.to_vec(),
        site: text(view.site),
        kind: view.kind,
        received_at: view.received_at,
        policy_version: view.policy_version.to_vec(),
        grants,
        consent_record: view.consent_record.to_vec(),
        key_epoch: view.key_epoch,
        name: text(view.name),
        path: text(view.path),
        query: pairs(&view.query),
        title: text(view.title),
        referrer_host: text(view.referrer_host),
        referrer_path: text(view.referrer_path),
        campaign: (view.campaign != CampaignView::default()).then(|| Campaign {
            source: text(source),
            medium: text(medium),
            name: text(name),
            term: text(term),
            content: text(content),
        }),
        language: text(view.language),
        screen_width: view.screen_width,
        screen_height: view.screen_height,
        browser: text(view.browser),
        browser_version: text(view.browser_version),
        os: text(view.os),
        os_version: text(view.os_version),
        device: view.device,
        bot: text(view.bot),
        country: text(view.country),
        region: text(view.region),
        city: text(view.city),
        network_number: view.network_number,
        network: text(view.network),
        address: view.address.to_vec(),
        address_prefix: view.address_prefix,
        address_hash: view.address_hash.to_vec(),
        visitor: view.visitor.to_vec(),
        visitor_previous: view.visitor_previous.to_vec(),
        dwell_ms: view.dwell_ms,
        scroll_percent: view.scroll_percent,
        props: pairs(&view.props),
        source: text(view.source),
        channel: view.channel,
    }
}

#[test]
fn a_view_says_of_each_field_what_the_event_says() {
    let event = full();
    let record = encode(&event);
    let encoded = split(&record).unwrap().remove(0);
    assert_eq!(encoded.id, [1; 16]);
    let view = EventView::read(&encoded.message).unwrap();
    let grants =
        encoded.grants.iter().map(|GrantView { purpose, basis, expires_at, fields }| Grant {
            purpose: text(purpose).into_owned(),
            basis: *basis,
            expires_at: *expires_at,
            fields: *fields,
        });
    assert_eq!(owned(&view, grants.collect()), event);
    assert_eq!(decode(&encode(&event)).unwrap().events, [event]);
}

fn text(text: &str) -> Cow<'_, str> {
    text.into()
}

/// The draft of the same event; its numbers are some that are written.
fn draft(event: &Event) -> Draft<'_> {
    let id = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok();
    let pairs = |pairs: &'_ [Pair]| -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
        pairs.iter().map(|pair| (pair.name.clone().into(), pair.value.clone().into())).collect()
    };
    let campaign = event.campaign.as_ref();
    let campaign = campaign.map(|it| CampaignDraft {
        source: text(&it.source),
        medium: text(&it.medium),
        name: text(&it.name),
        term: text(&it.term),
        content: text(&it.content),
    });
    Draft {
        id: EventId::from_bytes(id(&event.id).unwrap()),
        site: &event.site,
        kind: event.kind(),
        received_at: event.received_at,
        policy_version: PolicyVersion::from_bytes(id(&event.policy_version).unwrap()),
        key_epoch: event.key_epoch,
        facts: Facts {
            name: text(&event.name),
            path: text(&event.path),
            query: pairs(&event.query).into(),
            title: text(&event.title),
            referrer_host: text(&event.referrer_host),
            referrer_path: text(&event.referrer_path),
            campaign: campaign.unwrap_or_default(),
            language: &event.language,
            screen_width: event.screen_width,
            screen_height: event.screen_height,
            browser: &event.browser,
            browser_version: &event.browser_version,
            os: &event.os,
            os_version: &event.os_version,
            device: event.device(),
            bot: &event.bot,
            country: &event.country,
            region: &event.region,
            city: &event.city,
            network_number: event.network_number,
            network: &event.network,
            address: id(&event.address)
                .map(|[.., a, b, c, d]| StoredAddress::truncate_v4([a, b, c, d], 24).unwrap()),
            address_hash: id(&event.address_hash),
            visitor: id(&event.visitor),
            visitor_previous: id(&event.visitor_previous),
            dwell_ms: event.dwell_ms,
            scroll_percent: event.scroll_percent,
            props: pairs(&event.props),
            source: text(&event.source),
            channel: event.channel(),
        },
    }
}

fn drafts(grants: &[Grant]) -> impl Iterator<Item = GrantDraft<'_>> + Clone {
    grants.iter().map(|grant| GrantDraft {
        purpose: &grant.purpose,
        basis: grant.basis(),
        expires_at: grant.expires_at,
        fields: FieldSet::from_bits(grant.fields).unwrap(),
    })
}

/// One of which a draft can be made: nothing writes the field that is reserved, and enumerations are checked.
fn writable() -> Event {
    Event {
        consent_record: Vec::new(),
        device: Device::Tv.into(),
        channel: Channel::Direct.into(),
        ..full()
    }
}

#[test]
fn a_draft_is_written_as_its_event_is_encoded() {
    let event = writable();
    let draft = draft(&event);
    let address = draft.facts.address.unwrap();
    let (octets, prefix) = (address.octets().to_vec(), address.prefix().into());
    let truncated = Event { address: octets, address_prefix: prefix, ..event.clone() };
    assert_eq!(write(&draft, drafts(&event.grants)), encode(&truncated));
    let bare = Draft { facts: Facts::default(), ..draft };
    let bare = decode(&write(&bare, drafts(&event.grants))).unwrap().events.remove(0);
    let Event { id, site, kind, received_at, policy_version, grants, key_epoch, .. } = truncated;
    assert_eq!(
        bare,
        Event {
            id,
            site,
            kind,
            received_at,
            policy_version,
            grants,
            key_epoch,
            ..Event::default()
        }
    );
}

#[test]
fn a_field_that_is_not_granted_is_forgotten() {
    let event = writable();
    let full = draft(&event).facts;
    let mut none = full.clone();
    none.retain(FieldSet::EMPTY);
    assert_eq!(none, Facts::default());
    for field in Field::ALL.into_iter().filter(|field| *field != Field::ConsentRecord) {
        let (mut alone, mut others) = (full.clone(), full.clone());
        alone.retain(FieldSet::of(&[field]));
        others.retain(Field::ALL.into_iter().filter(|other| *other != field).collect());
        assert_ne!(alone, Facts::default(), "{}", field.label());
        assert_ne!(others, full, "{}", field.label());
    }
}

proptest! {
    #[test]
    fn texts_of_any_length_are_written_as_they_are_encoded(
        title in ".{0,300}", count in 0..200_usize, number: u32, at: i64,
    ) {
        let mut event = event([9; 16], "/".repeat(count));
        event.props = vec![Pair { name: title.clone(), value: "v".repeat(count) }; count % 3];
        (event.title, event.dwell_ms, event.received_at) = (title, number, at);
        prop_assert_eq!(write(&draft(&event), drafts(&event.grants)), encode(&event));
    }
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    let mut message = event([1; 16], "/".to_owned()).encode_to_vec();
    let known = message.clone();
    // Numbers 40 to 43: a number, 64 bits, bytes, 32 bits.
    message
        .extend([0xc0, 2, 1, 0xc9, 2, 1, 2, 3, 4, 5, 6, 7, 8, 0xd2, 2, 1, 9, 0xdd, 2, 1, 2, 3, 4]);
    assert_eq!(EventView::read(&message), EventView::read(&known));
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
