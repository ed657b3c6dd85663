//! Promises that several firms make.

use candor_event::{Kind, Signal};
use candor_policy::{Language, compile};

use crate::system::Firm;
use crate::visit::page;

const REGION: &str = "region = \"EEA\"";

/// Nothing of the kind is stored, whatever happens and whatever was consented to.
fn denies_everything(firm: &Firm, signal: Signal, outcome: &str) {
    for kind in Kind::ALL {
        let last = format!("/denied/{outcome}/{}", kind.label());
        let visit = page(&last).kind(kind);
        let visit = match signal {
            Signal::Dnt => visit.signal("dnt"),
            Signal::Gpc => visit.signal("sec-gpc"),
            Signal::Objection => visit.objecting(),
        };
        if firm.policy.purposes().iter().any(|rule| rule.kinds().contains(kind)) {
            firm.refuse(&visit, outcome);
        } else {
            firm.refuse(&visit, "kind_denied");
        }
    }
    let stored = firm.stored();
    for kind in Kind::ALL {
        let last = format!("/denied/{outcome}/{}", kind.label());
        assert_eq!(stored.purposes(&last), [""; 0], "{last}");
    }
}

pub(crate) fn dnt_denies_everything(firm: &Firm) {
    denies_everything(firm, Signal::Dnt, "denied_by_dnt");
}

pub(crate) fn objection_denies_everything(firm: &Firm) {
    denies_everything(firm, Signal::Objection, "denied_by_objection");
    let pixel = format!("/v1/pixel.gif?site={0}&url=https://{0}/&objection=1", firm.site());
    let answer = firm.answer("GET", &pixel, &[]);
    assert_eq!((answer.status, answer.outcome.as_str()), (204, "denied_by_objection"));
}

/// No answer ever sets one, whoever asks for what.
pub(crate) fn no_cookies(firm: &Firm) {
    let site = firm.site();
    let asked = [
        ("OPTIONS", "/v1/events".to_owned()),
        ("GET", format!("/v1/pixel.gif?site={site}&url=https://{site}/&consent=true")),
        ("GET", format!("/v1/pixel.gif?site={site}&url=https://{site}/&objection=1")),
        ("GET", format!("/privacy/{site}")),
        ("GET", "/.well-known/gpc.json".to_owned()),
        ("GET", "/robots.txt".to_owned()),
        ("GET", "/nothing".to_owned()),
    ];
    let mut answers: Vec<_> = asked
        .iter()
        .map(|(method, path)| firm.answer(method, path, &[("cookie", "old=1")]))
        .collect();
    answers.push(firm.send(&page("/cookies")));
    answers.push(firm.send(&page("/cookies").without_consent()));
    for answer in answers {
        assert!(!answer.headers.to_ascii_lowercase().contains("cookie"), "{}", answer.headers);
    }
}

pub(crate) fn no_export(firm: &Firm) {
    let processors = |safeguard: &str| {
        let processor = format!("{{ name = 'Lake', task = 'hosting', country = 'US'{safeguard} }}");
        firm.text.replace(REGION, &format!("{REGION}\nprocessors = [{processor}]"))
    };
    assert!(firm.text.contains(REGION));
    let refused = compile("changed.toml", &processors("")).unwrap_err().to_string();
    assert!(refused.contains("takes data out of the region"), "{refused}");
    let safe = processors(", safeguard = 'standard-contractual-clauses'");
    let policy = compile("changed.toml", &safe).unwrap_or_else(|problems| panic!("{problems}"));
    let site = policy.sites()[0].name();
    let notice = policy.notice(site, Language::Sv, candor_policy::Format::Html).unwrap();
    assert!(notice.contains("standardavtalsklausuler"), "the ground is named: {notice}");
    let here = firm.notice(Language::Sv);
    assert!(here.contains("Alla uppgifter ligger inom Europeiska ekonomiska samarbetsområdet"));
}

/// Out of the view in the second in which it is overdue, and out of the table soon after.
pub(crate) fn clears_what_is_overdue(firm: &Firm) {
    for rule in firm.policy.purposes() {
        let (purpose, site) = (rule.name(), firm.site());
        firm.sql(&format!(
            "INSERT INTO candor.{purpose}_rows (site, kind, path, received_at, expires_at) VALUES \
             ('{site}', 'pageview', '/overdue', now() - 86400, now()), \
             ('{site}', 'pageview', '/due', now() - 86400, now() + 86400)"
        ));
        let seen = format!(
            "SELECT path FROM candor.{purpose} WHERE site = '{site}' AND path IN ('/due', '/overdue')"
        );
        assert_eq!(firm.sql(&seen), "/due", "{purpose}");
    }
    for rule in firm.policy.purposes() {
        let left = format!(
            "SELECT groupArray(path) FROM candor.{}_rows WHERE site = '{}' AND path IN ('/due', '/overdue')",
            rule.name(),
            firm.site()
        );
        firm.sql_becomes(&left, "['/due']");
    }
}

/// The version on the page is the version in the rows, and another notice has another.
pub(crate) fn has_a_version(firm: &Firm) {
    firm.accept(&page("/version"));
    let fingerprint = firm.policy.version().to_string();
    let stored = firm.stored();
    let kept = stored.purposes("/version");
    assert!(!kept.is_empty());
    for purpose in kept {
        let version = stored.ask(purpose, "/version", "lower(hex(policy_version))");
        assert_eq!(version, fingerprint, "{purpose}");
    }
    let notice = firm.notice(Language::Sv);
    let edition = firm.policy.edition();
    assert!(notice.contains(edition.version().unwrap()) && notice.contains(&fingerprint));
    let changed = firm.text.replace("\"path\", ", "");
    assert_ne!(compile("changed.toml", &changed).unwrap().version(), firm.policy.version());
}

pub(crate) fn has_a_date(firm: &Firm, date: &str) {
    has_a_version(firm);
    assert!(firm.notice(Language::Sv).contains(date), "{date}");
}

pub(crate) fn in_swedish_too(firm: &Firm) {
    let notice = firm.notice(Language::Sv);
    assert!(notice.contains("<html lang=\"sv\">") && notice.contains("Dina rättigheter"));
    assert!(firm.policy.languages().len() > 1);
}

/// Each purpose rests on this, and keeps visits of this kind without consent unless it rests on consent.
pub(crate) fn rests_on(firm: &Firm, bases: &[(&str, Kind, &str)]) {
    for (purpose, kind, _) in bases {
        firm.accept(&page(&format!("/basis/{purpose}")).kind(*kind));
        firm.send(&page(&format!("/basis/{purpose}/no")).kind(*kind).without_consent());
    }
    let stored = firm.stored();
    for (purpose, _, basis) in bases {
        assert_eq!(stored.ask(purpose, &format!("/basis/{purpose}"), "basis"), *basis, "{purpose}");
        let without = stored.purposes(&format!("/basis/{purpose}/no"));
        assert_eq!(without.contains(purpose), *basis != "consent", "{purpose} without consent");
    }
    let all: Vec<_> = firm.policy.purposes().iter().map(|rule| rule.name().as_str()).collect();
    assert!(all.iter().all(|purpose| bases.iter().any(|(named, ..)| named == purpose)), "{all:?}");
}
