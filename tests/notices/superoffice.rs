//! `SuperOffice` (Norway).

use candor_event::Kind;
use candor_policy::{Capability, Language, Retention};

use crate::system::Firm;
use crate::visit::{FROM_CHANGCHUN, FROM_TELSTRA, page};
use crate::{Kept, Promise, shared};

use Capability::{ConsentLedger, DomainDatabase, Rights, SealedStatistics, SlidingReaper};
use Kept::{Here, Later};

pub(crate) const PROMISES: &[Promise] = &[
    ("tells in Swedish too", Here(shared::in_swedish_too)),
    ("keeps browser, language, system, pages, the way here, the network", Here(fields)),
    ("keeps the domain of the visitor's provider", Later(DomainDatabase)),
    ("rests on consent, contract and legitimate interest", Here(bases)),
    ("documents consent", Later(ConsentLedger)),
    ("finds threats without consent, and nothing else", Here(security_without_consent)),
    ("has a short period for security", Here(security_is_short)),
    ("keeps for a period after the latest contact", Here(slides)),
    ("keeps on when there is one", Later(SlidingReaper)),
    ("clears what is overdue", Here(shared::clears_what_is_overdue)),
    ("makes statistics anonymous", Later(SealedStatistics)),
    ("hashes what identifies", Here(address_is_hashed)),
    ("lets visitors switch it off", Here(shared::objection_denies_everything)),
    ("sets no cookie, so that none has to be switched off", Here(shared::no_cookies)),
    ("sends nothing out of the EEA without a safeguard", Here(shared::no_export)),
    ("dates the notice and names its version", Here(is_dated)),
    ("lets earlier versions of the notice be read", Here(earlier_versions)),
    ("copies, rectifies, erases, hands over, restricts", Later(Rights)),
];

fn fields(firm: &Firm) {
    firm.accept(&page("/fields").from(FROM_TELSTRA));
    firm.accept(&page("/fields/crawler").from(FROM_TELSTRA).by_a_crawler());
    let stored = firm.stored();
    let improvement = [
        "browser",
        "browser_version",
        "device",
        "dwell_ms",
        "language",
        "network",
        "network_number",
        "os",
        "os_version",
        "path",
        "referrer_host",
        "referrer_path",
        "title",
        "visitor",
    ];
    assert_eq!(stored.filled("improvement", "/fields"), improvement);
    let security = ["address_hash", "browser", "network", "network_number", "os", "path"];
    assert_eq!(stored.filled("security", "/fields"), security);
    assert_eq!(stored.ask("security", "/fields/crawler", "bot"), "search");
    let network = stored.ask("improvement", "/fields", "network_number, network");
    assert_eq!(network, "1221\tTelstra Pty Ltd");
    assert!(firm.notice(Language::En).contains("not the provider&#39;s domain"), "which one it is");
}

fn bases(firm: &Firm) {
    let bases = [
        ("improvement", Kind::Pageview, "consent"),
        ("marketing", Kind::Pageview, "consent"),
        ("security", Kind::Pageview, "legitimate-interest"),
        ("service", Kind::Login, "contract"),
    ];
    shared::rests_on(firm, &bases);
}

fn security_without_consent(firm: &Firm) {
    firm.accept(&page("/threat").from(FROM_TELSTRA).without_consent());
    firm.accept(&page("/threat/form").from(FROM_TELSTRA).kind(Kind::Form).without_consent());
    let stored = firm.stored();
    assert_eq!(stored.purposes("/threat"), ["security"]);
    assert_eq!(stored.purposes("/threat/form"), ["security", "service"]);
    assert_eq!(stored.filled("service", "/threat/form"), ["path"]);
    let security = ["address_hash", "browser", "network", "network_number", "os", "path"];
    assert_eq!(stored.filled("security", "/threat"), security);
}

fn security_is_short(firm: &Firm) {
    firm.accept(&page("/short"));
    let stored = firm.stored();
    stored.expires("security", "/short", "30 DAY");
    for purpose in stored.purposes("/short") {
        let is_longest = "expires_at >= received_at + INTERVAL 6 MONTH";
        let longer = stored.ask(purpose, "/short", is_longest) == "1";
        assert_eq!(longer, purpose != "security", "{purpose}");
    }
}

fn slides(firm: &Firm) {
    let renewing = |purpose: &str| match firm.rule(purpose).retention() {
        Retention::Sliding { renews, .. } => renews.iter().collect::<Vec<_>>(),
        _ => panic!("{purpose} does not slide"),
    };
    assert_eq!(renewing("improvement"), [Kind::Form, Kind::Login, Kind::Chat]);
    assert_eq!(renewing("marketing"), [Kind::Download, Kind::Form]);
    firm.accept(&page("/slides"));
    let stored = firm.stored();
    stored.expires("improvement", "/slides", "13 MONTH");
    stored.expires("marketing", "/slides", "6 MONTH");
    let notice = firm.notice(Language::En);
    assert!(notice.contains("13 months from your latest interaction"), "{notice}");
}

fn address_is_hashed(firm: &Firm) {
    let visits =
        [("/hash/1", FROM_TELSTRA), ("/hash/2", FROM_TELSTRA), ("/hash/3", FROM_CHANGCHUN)];
    for (last, from) in visits {
        firm.accept(&page(last).from(from).without_consent());
    }
    let stored = firm.stored();
    let hashes = visits.map(|(last, _)| stored.ask("security", last, "hex(address_hash)"));
    assert_eq!(hashes[0], hashes[1], "until the key is destroyed");
    assert_ne!(hashes[0], hashes[2]);
    assert_eq!(stored.ask("security", "/hash/1", "address, address_prefix"), "::\t0");
    assert!(firm.policy.uses_keys() && firm.policy.rotation().hours() == 24);
}

fn is_dated(firm: &Firm) {
    shared::has_a_date(firm, "20 november 2026");
}

fn earlier_versions(firm: &Firm) {
    let notice = firm.notice(Language::En);
    let link = notice.split("href=\"?version=").nth(1).and_then(|rest| rest.split('"').next());
    let earlier = format!("/privacy/{}?lang=en&version={}", firm.site(), link.unwrap());
    let earlier = firm.read(&earlier);
    assert!(notice.contains("20 November 2026") && earlier.contains("20 November 2025"));
    assert!(earlier.contains("no longer in force"), "{earlier}");
}
