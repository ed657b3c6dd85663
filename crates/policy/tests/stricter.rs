//! Stricter is never looser: whatever is taken away from a policy or from a consent, no purpose keeps
//! more of an event, or keeps it longer.

use std::fmt::Write;

use candor_event::{FieldSet, Timestamp};
use candor_policy::{Consent, Policy, Request, Signals, compile};
use proptest::collection::vec;
use proptest::prelude::*;

const NAMES: [&str; 3] = ["marketing", "security", "statistics"];
const FIELDS: [&str; 6] = ["path", "title", "browser", "country", "dwell", "props"];
const BASES: [&str; 3] = ["consent", "contract", "legitimate-interest"];

#[derive(Clone, Debug)]
struct Notice {
    purposes: Vec<Promise>,
}

/// One purpose of a notice. Fields are a bit each.
#[derive(Clone, Debug)]
struct Promise {
    basis: usize,
    months: u16,
    fields: u8,
    dnt: bool,
    gpc: bool,
}

#[derive(Clone, Debug)]
struct Visit {
    consent: [Option<bool>; 3],
    signals: Signals,
    age_days: i64,
}

#[derive(Clone, Copy, Debug)]
enum Restriction {
    AddDnt,
    AddGpc,
    DropFields(u8),
    DropPurpose,
    RequireConsent,
    Shorten(u16),
}

impl Notice {
    fn compile(&self) -> Option<Policy> {
        let mut text = "[controller]\nid = 'a'\nname = 'A'\ncontact = 'a'\n\
                        [[sites]]\nname = 'a'\nhosts = ['a']\n[signals]\n"
            .to_owned();
        let denied = |by: fn(&Promise) -> bool| -> Vec<_> {
            let named = NAMES.iter().zip(&self.purposes);
            named.filter(|(_, promise)| by(promise)).map(|(name, _)| name).collect()
        };
        let (dnt, gpc) = (denied(|promise| promise.dnt), denied(|promise| promise.gpc));
        writeln!(text, "dnt = {dnt:?}\ngpc = {gpc:?}").ok()?;
        for (name, promise) in NAMES.iter().zip(&self.purposes) {
            let kept = |(bit, _): &(usize, _)| promise.fields & (1 << bit) != 0;
            let fields: Vec<_> =
                FIELDS.iter().enumerate().filter(kept).map(|(_, field)| field).collect();
            let (basis, months) = (BASES.get(promise.basis)?, promise.months);
            writeln!(text, "[purposes.{name}]\nbasis = '{basis}'\nretention = '{months} months'\nfields = {fields:?}").ok()?;
        }
        compile("notice.toml", &text).ok()
    }

    fn restrict(mut self, at: usize, restriction: Restriction) -> Self {
        let at = at % self.purposes.len();
        match (restriction, self.purposes.get_mut(at)) {
            (Restriction::DropPurpose, _) => self.purposes.truncate(at),
            (Restriction::AddDnt, Some(promise)) => promise.dnt = true,
            (Restriction::AddGpc, Some(promise)) => promise.gpc = true,
            (Restriction::DropFields(fields), Some(promise)) => promise.fields &= !fields,
            (Restriction::RequireConsent, Some(promise)) => promise.basis = 0,
            (Restriction::Shorten(months), Some(promise)) => {
                promise.months = promise.months.saturating_sub(months).max(1);
            }
            (_, None) => {}
        }
        self
    }
}

/// What each purpose keeps of a visit, and until when.
fn kept(policy: &Policy, visit: &Visit) -> Vec<(String, FieldSet, Timestamp)> {
    let now = Timestamp::from_unix(1_790_000_000);
    let answer = |name: &str| {
        let named = NAMES.iter().zip(visit.consent);
        named.filter(|(purpose, _)| **purpose == name).find_map(|(_, answer)| answer)
    };
    let request = Request {
        signals: visit.signals,
        consent: Consent::PerPurpose(&answer),
        received_at: now.plus_seconds(-visit.age_days * 86_400),
        now,
        asserted_by_operator: false,
    };
    let admission = policy.admit(&request);
    admission.map_or_else(
        |_| Vec::new(),
        |admission| {
            let grants = admission.grants();
            grants
                .map(|grant| (grant.purpose.to_string(), grant.fields, grant.expires_at))
                .collect()
        },
    )
}

fn is_within(
    strict: &[(String, FieldSet, Timestamp)],
    loose: &[(String, FieldSet, Timestamp)],
) -> bool {
    strict.iter().all(|(name, fields, expires_at)| {
        loose.iter().any(|(other, more, later)| {
            name == other && more.union(*fields) == *more && expires_at <= later
        })
    })
}

fn notices() -> impl Strategy<Value = Notice> {
    let promise = (0..BASES.len(), 1..=36_u16, 0..64_u8, any::<bool>(), any::<bool>());
    let promise = promise.prop_map(|(basis, months, fields, dnt, gpc)| Promise {
        basis,
        months,
        fields,
        dnt,
        gpc,
    });
    vec(promise, 1..=NAMES.len()).prop_map(|purposes| Notice { purposes })
}

fn visits() -> impl Strategy<Value = Visit> {
    let signals = (any::<bool>(), any::<bool>()).prop_map(|(dnt, gpc)| Signals { dnt, gpc });
    (any::<[Option<bool>; 3]>(), signals, 0..1_500_i64)
        .prop_map(|(consent, signals, age_days)| Visit { consent, signals, age_days })
}

fn restrictions() -> impl Strategy<Value = Restriction> {
    prop_oneof![
        Just(Restriction::AddDnt),
        Just(Restriction::AddGpc),
        Just(Restriction::DropPurpose),
        Just(Restriction::RequireConsent),
        (1..64_u8).prop_map(Restriction::DropFields),
        (1..36_u16).prop_map(Restriction::Shorten),
    ]
}

proptest! {
    #[test]
    fn a_restriction_never_admits_more_or_keeps_longer(
        notice in notices(), visit in visits(), at: usize, restriction in restrictions(),
    ) {
        let loose = notice.compile().ok_or_else(|| TestCaseError::fail("the notice must compile"))?;
        // A restriction may leave a policy without purpose, which is refused: then nothing is kept.
        if let Some(strict) = notice.restrict(at, restriction).compile() {
            prop_assert!(is_within(&kept(&strict, &visit), &kept(&loose, &visit)));
        }
    }

    #[test]
    fn consent_taken_away_or_a_signal_sent_never_admits_more(
        notice in notices(), visit in visits(), at in 0..3_usize, dnt: bool, gpc: bool,
    ) {
        let policy = notice.compile().ok_or_else(|| TestCaseError::fail("the notice must compile"))?;
        let mut strict = visit.clone();
        strict.signals = Signals { dnt: visit.signals.dnt || dnt, gpc: visit.signals.gpc || gpc };
        strict.consent.iter_mut().skip(at).for_each(|answer| *answer = answer.and(Some(false)));
        prop_assert!(is_within(&kept(&policy, &strict), &kept(&policy, &visit)));
    }
}
