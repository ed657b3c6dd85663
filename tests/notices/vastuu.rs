//! Vastuu Group (Finland).

use candor_event::Kind;
use candor_policy::{Capability, Language};

use crate::system::Firm;
use crate::visit::page;
use crate::{Kept, Promise, shared};

use Capability::{Rights, Roles};
use Kept::{Here, Later};

pub(crate) const PROMISES: &[Promise] = &[
    ("tells in Swedish too", Here(shared::in_swedish_too)),
    (
        "keeps address, time, browser, the page and the server before, downloads, log-ins, chats",
        Here(fields),
    ),
    ("rests on legitimate interest and contract, and else on consent", Here(bases)),
    ("keeps chats for 3 months and recorded calls for 7", Here(a_period_for_each_category)),
    ("clears what is overdue", Here(shared::clears_what_is_overdue)),
    ("keeps the referring server apart from the page", Here(referrer_in_two_fields)),
    ("controls access by log-ins", Here(log_ins_only)),
    ("dates the notice", Here(is_dated)),
    ("sends nothing out of the EEA", Here(shared::no_export)),
    ("is read by named persons with names and passwords", Later(Roles)),
    ("records bans on marketing", Later(Rights)),
    ("erases what minors left", Later(Rights)),
    ("obeys an objection", Here(shared::objection_denies_everything)),
];

fn fields(firm: &Firm) {
    let kinds = [
        (Kind::Pageview, &["improvement", "marketing", "statistics"][..], "improvement"),
        (Kind::Download, &["improvement", "marketing", "statistics"], "improvement"),
        (Kind::Login, &["access"], "access"),
        (Kind::Chat, &["support"], "support"),
    ];
    for (kind, ..) in kinds {
        firm.accept(&page(&format!("/fields/{}", kind.label())).kind(kind));
        firm.accept(&page(&format!("/fields/{}/no", kind.label())).kind(kind).without_consent());
    }
    let stored = firm.stored();
    for (kind, with, without) in kinds {
        let last = format!("/fields/{}", kind.label());
        assert_eq!(stored.purposes(&last), with);
        assert_eq!(stored.purposes(&format!("{last}/no")), [without]);
        assert_eq!(stored.ask(with[0], &last, "kind"), kind.label());
    }
    let statistics = [
        "address",
        "address_prefix",
        "browser",
        "dwell_ms",
        "path",
        "referrer_host",
        "referrer_path",
        "title",
    ];
    assert_eq!(stored.filled("statistics", "/fields/pageview"), statistics);
    let improvement = ["dwell_ms", "path", "referrer_host", "title"];
    assert_eq!(stored.filled("improvement", "/fields/pageview"), improvement);
    let time = "received_at > now() - INTERVAL 1 HOUR, address";
    let time = stored.ask("statistics", "/fields/pageview", time);
    assert_eq!(time, "1\t::ffff:175.16.199.0");
}

fn bases(firm: &Firm) {
    let bases = [
        ("access", Kind::Login, "contract"),
        ("improvement", Kind::Pageview, "legitimate-interest"),
        ("marketing", Kind::Pageview, "consent"),
        ("statistics", Kind::Pageview, "consent"),
        ("support", Kind::Chat, "contract"),
    ];
    shared::rests_on(firm, &bases);
}

fn a_period_for_each_category(firm: &Firm) {
    firm.accept(&page("/period/chat").kind(Kind::Chat));
    firm.accept(&page("/period/call").kind(Kind::Custom));
    firm.accept(&page("/period/page"));
    firm.accept(&page("/period/login").kind(Kind::Login));
    let stored = firm.stored();
    stored.expires("support", "/period/chat", "3 MONTH");
    stored.expires("support", "/period/call", "7 MONTH");
    stored.expires("access", "/period/login", "3 MONTH");
    stored.expires("statistics", "/period/page", "13 MONTH");
    stored.expires("marketing", "/period/page", "6 MONTH");
    let notice = firm.notice(Language::Sv);
    assert!(notice.contains("chattar: 3 månader") && notice.contains("egna händelser: 7 månader"));
}

fn referrer_in_two_fields(firm: &Firm) {
    firm.accept(&page("/referrer"));
    let stored = firm.stored();
    let both = stored.ask("statistics", "/referrer", "referrer_host, referrer_path");
    assert_eq!(both, "search.example\t/find/boots");
    let host = stored.filled("improvement", "/referrer");
    assert!(host.contains(&"referrer_host".to_owned()), "{host:?}");
    assert!(!host.contains(&"referrer_path".to_owned()), "{host:?}");
}

fn log_ins_only(firm: &Firm) {
    firm.accept(&page("/account").kind(Kind::Login).without_consent());
    firm.accept(&page("/account/page"));
    let stored = firm.stored();
    assert_eq!(stored.purposes("/account"), ["access"]);
    let access = ["address", "address_prefix", "browser", "path"];
    assert_eq!(stored.filled("access", "/account"), access);
    assert_eq!(stored.ask("access", "/account", "basis"), "contract");
    assert!(!stored.purposes("/account/page").contains(&"access"));
}

fn is_dated(firm: &Firm) {
    shared::has_a_date(firm, "18 november 2019");
}
