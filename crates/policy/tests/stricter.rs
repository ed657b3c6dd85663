//! Stricter is never looser: whatever is taken away from a policy or from a consent, no purpose keeps
//! more of an event, or keeps it longer.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test binary")]

#[path = "support/notices.rs"]
mod notices;

use candor_event::{FieldSet, Kind, Timestamp};
use candor_policy::{Consent, Policy, Request, Signals};
use notices::{End, KINDS, Notice, notices};
use proptest::prelude::*;
use proptest::sample::select;

#[derive(Clone, Debug)]
struct Visit {
    kind: Kind,
    consent: [Option<bool>; 4],
    signals: [bool; 3],
    age_days: i64,
}

#[derive(Clone, Copy, Debug)]
enum Restriction {
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
fn restrict(mut notice: Notice, at: usize, restriction: Restriction) -> Option<Notice> {
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
        Restriction::RequireConsent if promise.name == "security" => promise.basis = "consent",
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
fn kept(policy: &Policy, visit: &Visit) -> Vec<(String, FieldSet, Timestamp)> {
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

fn is_within(
    strict: &[(String, FieldSet, Timestamp)],
    loose: &[(String, FieldSet, Timestamp)],
) -> bool {
    strict.iter().all(|(name, fields, expires_at)| {
        loose.iter().any(|(other, more, later)| {
            name == other && fields.without(*more).is_empty() && expires_at <= later
        })
    })
}

fn visits() -> impl Strategy<Value = Visit> {
    let kind = select(Kind::ALL.to_vec());
    (kind, any::<[Option<bool>; 4]>(), any::<[bool; 3]>(), 0..400_i64)
        .prop_map(|(kind, consent, signals, age_days)| Visit { kind, consent, signals, age_days })
}

fn restrictions() -> impl Strategy<Value = Restriction> {
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

proptest! {
    #[test]
    fn a_restriction_never_admits_more_or_keeps_longer(
        notice in notices(), visit in visits(), at: usize, restriction in restrictions(),
    ) {
        let loose = notice.compile();
        if let Some(strict) = restrict(notice, at, restriction) {
            prop_assert!(is_within(&kept(&strict.compile(), &visit), &kept(&loose, &visit)));
        }
    }

    #[test]
    fn consent_taken_away_or_a_signal_sent_never_admits_more(
        notice in notices(), visit in visits(), at in 0..4_usize, sent: [bool; 3],
    ) {
        let policy = notice.compile();
        let mut strict = visit.clone();
        strict.signals.iter_mut().zip(sent).for_each(|(signal, sent)| *signal |= sent);
        strict.consent.iter_mut().skip(at).for_each(|answer| *answer = answer.and(Some(false)));
        prop_assert!(is_within(&kept(&policy, &strict), &kept(&policy, &visit)));
    }

    #[test]
    fn nothing_is_kept_longer_than_the_notice_promises(notice in notices(), visit in visits()) {
        let policy = notice.compile();
        let received_at = Timestamp::from_unix(1_790_000_000 - visit.age_days * 86_400);
        for (name, _, expires_at) in kept(&policy, &visit) {
            let rule = policy.purposes().iter().find(|rule| rule.name().as_str() == name).unwrap();
            let category = rule.categories().iter().find(|(kind, _)| *kind == visit.kind);
            let promised = category.map_or_else(|| rule.retention().longest(), |(_, period)| *period);
            prop_assert!(expires_at <= promised.expires(received_at));
        }
    }
}
