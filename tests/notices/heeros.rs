//! Heeros (Finland).

use candor_event::Kind;
use candor_policy::{Capability, Language};
use serde_json::json;

use crate::system::Firm;
use crate::visit::page;
use crate::{Kept, Promise, shared};

use Capability::{Rights, Roles};
use Kept::{Here, Later};

pub(crate) const PROMISES: &[Promise] = &[
    ("tells in Swedish too", Here(shared::in_swedish_too)),
    ("keeps address, time, pages, time on them, browser", Here(fields)),
    ("rests on legitimate interest and contract, and else on consent", Here(bases)),
    ("says why it has no period, and is flagged for it", Here(endless_is_flagged)),
    ("keeps what belongs to a contract for a period of its own", Here(contracts_end)),
    ("stays within the EU", Here(stays_in_the_eu)),
    ("has no third parties", Here(no_processors)),
    ("joins a visit with a form with consent only", Here(forms_with_consent_only)),
    ("is read by named persons", Later(Roles)),
    ("lets visitors object to marketing", Here(shared::objection_denies_everything)),
    ("sets no cookie, so that none has to be switched off", Here(shared::no_cookies)),
    ("gives access, rectifies and erases", Later(Rights)),
];

fn fields(firm: &Firm) {
    firm.accept(&page("/fields"));
    let stored = firm.stored();
    let statistics = ["address", "address_prefix", "browser", "dwell_ms", "path", "title"];
    assert_eq!(stored.filled("statistics", "/fields"), statistics);
    assert_eq!(stored.filled("improvement", "/fields"), ["dwell_ms", "path", "title"]);
    let visit = "address, browser, dwell_ms, received_at > now() - INTERVAL 1 HOUR";
    let visit = stored.ask("statistics", "/fields", visit);
    assert_eq!(visit, "::ffff:175.16.199.0\tFirefox\t1500\t1");
}

fn bases(firm: &Firm) {
    let bases = [
        ("improvement", Kind::Pageview, "legitimate-interest"),
        ("marketing", Kind::Pageview, "consent"),
        ("service", Kind::Login, "contract"),
        ("statistics", Kind::Pageview, "consent"),
    ];
    shared::rests_on(firm, &bases);
}

/// Even what has no end of its own ends.
fn endless_is_flagged(firm: &Firm) {
    let reason = "[purposes.improvement.reason]";
    let refused = firm.refused(reason, "[purposes.improvement.categories]");
    assert!(refused.contains("the retention has no end"), "{refused}");
    let notice = firm.notice(Language::Sv);
    assert!(notice.matches("class=\"warning\"").count() >= 3);
    assert!(notice.contains("Den personuppgiftsansvarige har inte bestämt någon tid."));
    let explained = firm.policy.explain(firm.policy.sites()[0].name()).unwrap().to_string();
    assert!(explained.contains("`improvement` is kept until further notice"));
    assert!(explained.contains("`statistics` is kept until further notice"));
    firm.accept(&page("/endless"));
    let stored = firm.stored();
    stored.expires("improvement", "/endless", "120 MONTH");
    stored.expires("statistics", "/endless", "120 MONTH");
}

fn contracts_end(firm: &Firm) {
    firm.accept(&page("/contract").kind(Kind::Login).without_consent());
    let stored = firm.stored();
    stored.expires("service", "/contract", "12 MONTH");
    assert_eq!(stored.filled("service", "/contract"), ["path"]);
}

fn stays_in_the_eu(firm: &Firm) {
    let region = "region = \"EU\"";
    let norway =
        format!("{region}\nprocessors = [{{ name = 'X', task = 'hosting', country = 'NO' }}]");
    assert!(firm.refused(region, &norway).contains("takes data out of the region `EU`"));
    assert!(firm.notice(Language::Sv).contains("Alla uppgifter ligger inom Europeiska unionen."));
}

fn no_processors(firm: &Firm) {
    assert!(firm.policy.data().processors().is_empty());
    assert!(firm.notice(Language::Sv).contains("Utöver Heeros får ingen del av uppgifterna."));
}

fn forms_with_consent_only(firm: &Firm) {
    let sent = |last: &str| page(last).kind(Kind::Form);
    firm.accept(&sent("/form"));
    firm.accept(&sent("/form/no").without_consent());
    firm.accept(&sent("/form/counted").consent(json!({ "statistics": true })));
    let stored = firm.stored();
    assert_eq!(
        stored.purposes("/form"),
        ["improvement", "marketing", "service", "statistics"],
        "with consent"
    );
    let joined = stored.filled("marketing", "/form");
    assert!(joined.contains(&"visitor".to_owned()) && joined.contains(&"props".to_owned()));
    assert_eq!(stored.purposes("/form/no"), ["improvement", "service"]);
    assert_eq!(stored.purposes("/form/counted"), ["improvement", "service", "statistics"]);
    for last in ["/form", "/form/no", "/form/counted"] {
        for purpose in stored.purposes(last).into_iter().filter(|name| *name != "marketing") {
            let filled = stored.filled(purpose, last);
            let joins = |column: &String| ["name", "props", "visitor"].contains(&column.as_str());
            assert!(!filled.iter().any(joins), "{purpose}: {filled:?}");
        }
    }
}
