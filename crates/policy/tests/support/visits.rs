//! Visits, what is kept of them, and restrictions that a notice can suffer.
#![allow(dead_code, reason = "each suite uses a part of it")]

use candor_event::{FieldSet, Kind, Timestamp};
use candor_policy::{Consent, Policy, Request, Signals};
use proptest::prelude::*;
use proptest::sample::select;

use crate::notices::{End, KINDS, Notice};

#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) kind: Kind,
    pub(crate) consent: [Option<bool>; 4],
    pub(crate) signals: [bool; 3],
    pub(crate) age_days: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Restriction {
    /// DNT, GPC or the objection denies one purpose more.
    Deny(usize),
    DropField(usize),
    DropKind(usize),
    DropPurpose,
    RequireConsent,
    Shorten(u16),
    /// A category gets a period that is shorter than the purpose's own.
    ShortenCategory(&'static str, u16),
}

/// Restricts one purpose. `None` when nothing would be left of the notice.
pub(crate) fn restrict(mut notice: Notice, at: usize, restriction: Restriction) -> Option<Notice> {
    let count = notice.purposes.len();
    let at = at % count;
    if matches!(restriction, Restriction::DropPurpose) {
        notice.purposes.remove(at);
        return (count > 1).then_some(notice);
    }
    let promise = &mut notice.purposes[at];
    match restriction {
        Restriction::Deny(signal) => promise.denied[signal % 3] = true,
        Restriction::DropField(field) if !promise.fields.is_empty() => {
            promise.fields.remove(field % promise.fields.len());
        }
        Restriction::DropKind(kind) if promise.kinds.len() > 1 => {
            promise.kinds.remove(kind % promise.kinds.len());
        }
        // What only consent allows would be kept then: a purpose that changes more than its basis.
        Restriction::RequireConsent if promise.name == "security" => {
            promise.basis = "consent";
            // What has no end is said on consent only, and would be longer than it was.
            promise.end = if promise.end == End::Never { End::Absolute } else { promise.end };
        }
        Restriction::Shorten(less) => {
            promise.period = promise.period.minus(less);
            promise.end = if promise.end == End::Never { End::Absolute } else { promise.end };
        }
        Restriction::ShortenCategory(kind, less) => {
            let own = promise.categories.iter().find(|(other, _)| *other == kind);
            let shorter = own.map_or(promise.period, |(_, period)| *period).minus(less);
            promise.categories.retain(|(other, _)| *other != kind);
            promise.categories.push((kind, shorter));
        }
        _ => {}
    }
    Some(notice)
}

/// What each purpose keeps of a visit, and until when.
pub(crate) fn kept(policy: &Policy, visit: &Visit) -> Vec<(String, FieldSet, Timestamp)> {
    const NAMES: [&str; 4] = ["improvement", "marketing", "security", "statistics"];
    let now = Timestamp::from_unix(1_790_000_000);
    let answer = |name: &str| {
        let at = NAMES.iter().position(|known| *known == name)?;
        visit.consent[at]
    };
    let [dnt, gpc, objection] = visit.signals;
    let request = Request {
        kind: visit.kind,
        signals: Signals { dnt, gpc, objection },
        consent: Consent::PerPurpose(&answer),
        received_at: now.plus_seconds(-visit.age_days * 86_400),
        now,
        asserted_by_operator: false,
    };
    let grants = policy.admit(&request).map(|admission| admission.grants().collect::<Vec<_>>());
    grants
        .unwrap_or_default()
        .into_iter()
        .map(|grant| (grant.purpose.to_string(), grant.fields, grant.expires_at))
        .collect()
}

pub(crate) fn is_within(
    strict: &[(String, FieldSet, Timestamp)],
    loose: &[(String, FieldSet, Timestamp)],
) -> bool {
    strict.iter().all(|(name, fields, expires_at)| {
        loose.iter().any(|(other, more, later)| {
            name == other && fields.without(*more).is_empty() && expires_at <= later
        })
    })
}

pub(crate) fn visits() -> impl Strategy<Value = Visit> {
    let kind = select(Kind::ALL.to_vec());
    (kind, any::<[Option<bool>; 4]>(), any::<[bool; 3]>(), 0..400_i64)
        .prop_map(|(kind, consent, signals, age_days)| Visit { kind, consent, signals, age_days })
}

pub(crate) fn restrictions() -> impl Strategy<Value = Restriction> {
    prop_oneof![
        (0..3_usize).prop_map(Restriction::Deny),
        any::<usize>().prop_map(Restriction::DropField),
        any::<usize>().prop_map(Restriction::DropKind),
        Just(Restriction::DropPurpose),
        Just(Restriction::RequireConsent),
        (1..400_u16).prop_map(Restriction::Shorten),
        (select(KINDS.to_vec()), 1..400_u16)
            .prop_map(|(kind, less)| Restriction::ShortenCategory(kind, less)),
    ]
}
