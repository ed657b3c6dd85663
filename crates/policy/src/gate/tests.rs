use candor_event::Field;

use super::*;
use crate::compile;

const NOW: i64 = 1_790_000_000;
const DAY: i64 = 86_400;

/// A policy whose purposes keep the path for 30 days. `signals` is the body of `[signals]`; a purpose's
/// name may be followed by more of its table.
fn policy(signals: &str, purposes: &[(&str, Basis)]) -> Policy {
    let head = format!(
        "[policy]\nprofile = 'count-only'\n\
         [controller]\nid = 'acme'\nname = 'Acme'\ncontact = 'privacy@acme.example'\n\
         [[sites]]\nname = 'acme'\nhosts = ['acme.example']\n[signals]\n{signals}\n"
    );
    let table = |(name, basis): &(&str, Basis)| {
        let (name, more) = name.split_once('\n').unwrap_or((name, ""));
        let reference = match basis {
            Basis::Exemption => "exemption = 'page-counting'\n",
            Basis::LegitimateInterest => "assessment = 'LIA 1'\n",
            _ => "",
        };
        format!(
            "[purposes.{name}]\nbasis = '{}'\n{reference}retention = '30 days'\n\
             fields = ['path']\n{more}\n",
            basis.label()
        )
    };
    let text = head + &purposes.iter().map(table).collect::<String>();
    compile("acme.toml", &text).unwrap()
}

fn request(consent: Consent<'_>, dnt: bool, gpc: bool) -> Request<'_> {
    Request {
        kind: Kind::Pageview,
        signals: Signals { dnt, gpc, objection: false },
        consent,
        received_at: Timestamp::from_unix(NOW),
        now: Timestamp::from_unix(NOW),
        asserted_by_operator: false,
    }
}

fn names(admitted: Result<Admission<'_>, Denial>) -> Result<Vec<&str>, Denial> {
    admitted.map(|admission| admission.grants().map(|grant| grant.purpose.as_str()).collect())
}

/// What a visitor can answer for the purpose `statistics`.
fn consents() -> [(&'static str, Consent<'static>); 6] {
    [
        ("absent", Consent::Absent),
        ("true", Consent::All(true)),
        ("false", Consent::All(false)),
        ("statistics: true", Consent::PerPurpose(&|name| (name == "statistics").then_some(true))),
        ("statistics: false", Consent::PerPurpose(&|name| (name == "statistics").then_some(false))),
        ("marketing: true", Consent::PerPurpose(&|name| (name == "marketing").then_some(true))),
    ]
}

#[test]
fn the_truth_table_of_consent_signals_and_basis() {
    const KEPT: Result<(), Denial> = Ok(());
    const NONE: Result<(), Denial> = Err(Denial::Consent);
    const DNT: Result<(), Denial> = Err(Denial::Dnt);
    const GPC: Result<(), Denial> = Err(Denial::Gpc);
    let with_consent = [
        // no signal, DNT, GPC, both
        ("absent", [NONE, NONE, NONE, NONE]),
        ("true", [KEPT, DNT, GPC, GPC]),
        ("false", [NONE, NONE, NONE, NONE]),
        ("statistics: true", [KEPT, DNT, GPC, GPC]),
        ("statistics: false", [NONE, NONE, NONE, NONE]),
        ("marketing: true", [NONE, NONE, NONE, NONE]),
    ];
    let without_consent = with_consent.map(|(consent, _)| (consent, [KEPT, DNT, GPC, GPC]));
    let table = [
        (Basis::Consent, with_consent),
        (Basis::Contract, without_consent),
        (Basis::Exemption, without_consent),
        (Basis::LegitimateInterest, without_consent),
    ];
    let signals = [(false, false), (true, false), (false, true), (true, true)];
    for (basis, rows) in table {
        let denied = policy("", &[("statistics", basis)]);
        let undenied = policy("dnt = []\ngpc = []", &[("statistics", basis)]);
        for ((row, wanted), (consent_name, consent)) in rows.into_iter().zip(consents()) {
            assert_eq!(row, consent_name);
            for ((dnt, gpc), want) in signals.into_iter().zip(wanted) {
                let case = format!("{basis:?}, consent {row}, dnt {dnt}, gpc {gpc}");
                let request = request(consent, dnt, gpc);
                assert_eq!(denied.admit(&request).map(|_| ()), want, "{case}");
                let unsignalled = undenied.admit(&request).map(|_| ());
                assert_eq!(unsignalled, wanted[0], "{case}, no signal denies");
            }
        }
    }
}

#[test]
fn each_signal_denies_what_the_policy_lists() {
    let policy = policy(
        "dnt = ['marketing']\ngpc = ['marketing', 'statistics']",
        &[
            ("marketing", Basis::Consent),
            ("security", Basis::LegitimateInterest),
            ("statistics", Basis::Consent),
        ],
    );
    let cases = [
        (Consent::All(true), false, false, vec!["marketing", "security", "statistics"]),
        (Consent::All(true), true, false, vec!["security", "statistics"]),
        (Consent::All(true), false, true, vec!["security"]),
        (Consent::All(false), true, true, vec!["security"]),
        (
            Consent::PerPurpose(&|name| Some(name == "statistics")),
            false,
            false,
            vec!["security", "statistics"],
        ),
    ];
    for (consent, dnt, gpc, want) in cases {
        assert_eq!(names(policy.admit(&request(consent, dnt, gpc))), Ok(want));
    }
}

#[test]
fn the_reason_named_is_the_one_nearest_to_a_grant() {
    let policy = policy(
        "dnt = ['marketing']\ngpc = ['statistics']",
        &[("marketing", Basis::Consent), ("statistics", Basis::Consent)],
    );
    let only = |wanted: &'static str| move |name: &str| Some(name == wanted);
    let (marketing, statistics) = (only("marketing"), only("statistics"));
    let old = NOW - 31 * DAY;
    let cases = [
        (Consent::All(true), true, true, NOW, Denial::Gpc),
        (Consent::PerPurpose(&marketing), true, true, NOW, Denial::Dnt),
        (Consent::PerPurpose(&statistics), true, true, NOW, Denial::Gpc),
        (Consent::All(false), true, true, NOW, Denial::Consent),
        (Consent::All(true), false, false, old, Denial::Expired),
        (Consent::All(true), true, true, old, Denial::Expired),
        (Consent::Absent, false, false, old, Denial::Consent),
    ];
    for (consent, dnt, gpc, received_at, want) in cases {
        let request = Request {
            received_at: Timestamp::from_unix(received_at),
            ..request(consent, dnt, gpc)
        };
        assert_eq!(policy.admit(&request).err(), Some(want), "{request:?}");
    }
}

#[test]
fn what_is_overdue_is_not_admitted() {
    let policy = policy("", &[("statistics", Basis::Consent)]);
    for (age, want) in [(0, true), (30 * DAY - 1, true), (30 * DAY, false), (-DAY, true)] {
        let request = Request {
            received_at: Timestamp::from_unix(NOW - age),
            ..request(Consent::All(true), false, false)
        };
        assert_eq!(policy.admit(&request).is_ok(), want, "{age}");
    }
}

#[test]
fn an_operators_assertion_stands_for_consent_and_is_recorded_as_such() {
    let policy = policy(
        "",
        &[
            ("marketing", Basis::Consent),
            ("security", Basis::LegitimateInterest),
            ("statistics", Basis::Consent),
        ],
    );
    let asserted = Request {
        asserted_by_operator: true,
        ..request(Consent::PerPurpose(&|name| Some(name == "statistics")), false, false)
    };
    let admission = policy.admit(&asserted).unwrap();
    let grants: Vec<_> =
        admission.grants().map(|grant| (grant.purpose.as_str(), grant.basis)).collect();
    let want = [("security", Basis::LegitimateInterest), ("statistics", Basis::OperatorAsserted)];
    assert_eq!(grants, want);
    assert_eq!(admission.fields(), FieldSet::of(&[Field::Path]));
    let expires = admission.grants().next().map(|grant| grant.expires_at);
    assert_eq!(expires, Some(Timestamp::from_unix(NOW + 30 * DAY)));
}

#[test]
fn an_objection_beats_consent_and_other_signals() {
    let purposes = [("marketing", Basis::Consent), ("security", Basis::Exemption)];
    let objected = |consent, dnt| Request {
        signals: Signals { dnt, gpc: true, objection: true },
        ..request(consent, dnt, true)
    };
    let all = policy("", &purposes);
    assert_eq!(names(all.admit(&objected(Consent::All(true), true))), Err(Denial::Objection));
    let some = policy("dnt = []\ngpc = []\nobjection = ['marketing']", &purposes);
    assert_eq!(names(some.admit(&objected(Consent::All(true), true))), Ok(vec!["security"]));
}

#[test]
fn a_purpose_keeps_the_kinds_that_it_names_and_each_for_its_own_period() {
    let policy = policy(
        "",
        &[
            ("marketing\nkinds = ['form', 'chat']\ncategories.chat = '3 days'", Basis::Consent),
            (
                "statistics\ncategories = { download = '2 months', chat = '30 days' }",
                Basis::Consent,
            ),
        ],
    );
    let kept = |kind| {
        let request = Request { kind, ..request(Consent::All(true), false, false) };
        let admission = policy.admit(&request).unwrap();
        let grants = admission.grants();
        let days = |grant: GrantRef<'_>| (grant.expires_at.unix() - NOW) / DAY;
        grants.map(|grant| (grant.purpose.to_string(), days(grant))).collect::<Vec<_>>()
    };
    let of = |days: &[(&str, i64)]| -> Vec<_> {
        days.iter().map(|(name, days)| ((*name).to_owned(), *days)).collect()
    };
    assert_eq!(kept(Kind::Pageview), of(&[("statistics", 30)]));
    assert_eq!(kept(Kind::Form), of(&[("marketing", 30), ("statistics", 30)]));
    assert_eq!(kept(Kind::Chat), of(&[("marketing", 3), ("statistics", 30)]));
    assert_eq!(kept(Kind::Download), of(&[("statistics", 61)]));
    assert_eq!(policy.purposes()[1].categories().len(), 1, "the purpose's own period is none");
}

#[test]
fn a_kind_that_nobody_keeps_is_denied_whatever_the_visitor_said() {
    let policy = policy("", &[("statistics\nkinds = ['pageview']", Basis::Consent)]);
    for consent in [Consent::Absent, Consent::All(true)] {
        let request = Request { kind: Kind::Chat, ..request(consent, true, true) };
        assert_eq!(policy.admit(&request).err(), Some(Denial::Kind));
    }
    let unspecified =
        Request { kind: Kind::Unspecified, ..request(Consent::All(true), false, false) };
    assert_eq!(policy.admit(&unspecified).err(), Some(Denial::Kind));
}

#[test]
fn every_denial_has_an_outcome_of_its_own() {
    let denials = [
        Denial::Consent,
        Denial::Dnt,
        Denial::Expired,
        Denial::Gpc,
        Denial::Kind,
        Denial::Objection,
    ];
    let outcomes: std::collections::HashSet<_> = denials.map(Denial::outcome).into();
    assert_eq!(outcomes.len(), denials.len());
}
