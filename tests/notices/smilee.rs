//! Smilee, of Kommeet (Finland).

use candor_event::Kind;
use candor_policy::{Capability, Language, compile};

use crate::system::Firm;
use crate::visit::page;
use crate::{Kept, Promise, shared};

use Capability::{Rights, Roles, SealedStatistics};
use Kept::{Here, Later};

pub(crate) const PROMISES: &[Promise] = &[
    ("tells in Swedish too", Here(shared::in_swedish_too)),
    ("keeps an identifier, pages, time on them, clicks, the way here", Here(fields)),
    ("analyses visits, and markets with consent only", Here(purposes)),
    ("rests on contract, legitimate interest and consent", Here(three_bases)),
    ("has a period for everything", Here(no_period_is_refused)),
    ("clears what is overdue", Here(shared::clears_what_is_overdue)),
    ("passes on only figures that identify nobody", Later(SealedStatistics)),
    ("sends nothing out of the EEA without a ground", Here(shared::no_export)),
    ("gives personal user names and passwords", Later(Roles)),
    ("lets visitors switch it off", Here(shared::objection_denies_everything)),
    ("sets no cookie, so that none has to be switched off", Here(shared::no_cookies)),
    ("says that it answers within one month", Here(answers_in_a_month)),
    ("answers within one month", Later(Rights)),
    ("restricts, and tells before it lifts that", Later(Rights)),
    ("hands data over in a form that machines read", Later(Rights)),
    ("publishes a new version when the notice changes", Here(a_change_is_a_new_version)),
];

fn fields(firm: &Firm) {
    firm.accept(&page("/fields"));
    firm.accept(&page("/fields/click").kind(Kind::Click));
    firm.accept(&page("/fields/form").kind(Kind::Form));
    let stored = firm.stored();
    let campaign = [
        "campaign_content",
        "campaign_medium",
        "campaign_name",
        "campaign_source",
        "campaign_term",
    ];
    let visit = ["dwell_ms", "path", "referrer_host", "scroll_percent", "title"];
    let improvement = [&campaign[..], &visit].concat();
    let statistics = [&["address_hash"], &improvement[..], &["visitor"]].concat();
    let marketing = [&campaign[..], &["path", "visitor"]].concat();
    for last in ["/fields", "/fields/click"] {
        assert_eq!(stored.purposes(last), ["improvement", "marketing", "statistics"]);
        assert_eq!(stored.filled("improvement", last), improvement);
        assert_eq!(stored.filled("statistics", last), statistics);
        assert_eq!(stored.filled("marketing", last), marketing);
    }
    assert_eq!(stored.filled("service", "/fields/form"), ["path"]);
    let visit = stored.ask("statistics", "/fields", "dwell_ms, scroll_percent, referrer_host");
    assert_eq!(visit, "1500\t40\tsearch.example");
}

fn purposes(firm: &Firm) {
    firm.accept(&page("/purposes"));
    firm.accept(&page("/purposes/no").without_consent());
    let stored = firm.stored();
    assert_eq!(stored.purposes("/purposes"), ["improvement", "marketing", "statistics"]);
    assert_eq!(stored.purposes("/purposes/no"), ["improvement"]);
}

fn three_bases(firm: &Firm) {
    let bases = [
        ("improvement", Kind::Pageview, "legitimate-interest"),
        ("marketing", Kind::Pageview, "consent"),
        ("service", Kind::Login, "contract"),
        ("statistics", Kind::Pageview, "consent"),
    ];
    shared::rests_on(firm, &bases);
}

fn no_period_is_refused(firm: &Firm) {
    let period = "retention = \"13 months\" # to be confirmed by the controller\n";
    assert!(firm.refused(period, "").contains("has no `retention`"));
    assert!(firm.refused("\"13 months\"", "\"as long as needed\"").contains("is not a period"));
    firm.accept(&page("/period"));
    firm.accept(&page("/period/chat").kind(Kind::Chat));
    let stored = firm.stored();
    stored.expires("improvement", "/period", "3 MONTH");
    stored.expires("statistics", "/period", "13 MONTH");
    stored.expires("marketing", "/period", "6 MONTH");
    stored.expires("service", "/period/chat", "3 MONTH");
}

fn answers_in_a_month(firm: &Firm) {
    assert!(firm.notice(Language::Sv).contains("Vi svarar inom en månad"));
    assert!(firm.notice(Language::Fi).contains("Vastaamme kuukauden kuluessa"));
}

fn a_change_is_a_new_version(firm: &Firm) {
    shared::has_a_version(firm);
    let changed = firm.text.replace("3 months", "4 months");
    let changed = compile("changed.toml", &changed).unwrap_or_else(|problems| panic!("{problems}"));
    let site = changed.sites()[0].name();
    let notice = changed.notice(site, Language::Sv, candor_policy::Format::Html).unwrap();
    assert!(notice.contains(&changed.version().to_string()));
    assert!(!notice.contains(&firm.policy.version().to_string()));
}
