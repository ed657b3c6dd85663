//! `ReachMee` (Sweden and Norway).

use std::collections::BTreeSet;

use candor_event::Kind;
use candor_policy::{Capability, Language, Retention};
use serde_json::{Value, json};

use crate::system::Firm;
use crate::visit::{FROM_TELSTRA, page};
use crate::{Kept, Promise, shared};

use Capability::{Rights, SlidingReaper};
use Kept::{Here, Later};

pub(crate) const PROMISES: &[Promise] = &[
    ("keeps address, place, browser, language, system, pages and behaviour", Here(fields)),
    ("keeps them for statistics, improvement and communication", Here(purposes)),
    ("keeps nothing without consent", Here(nothing_without_consent)),
    ("obeys the browser's do not track", Here(shared::dnt_denies_everything)),
    ("sets no cookie, of its own or of others", Here(shared::no_cookies)),
    ("keeps for 24 months from the latest interaction", Here(slides)),
    ("counts a call, a mail, a download or a form as one", Here(renews)),
    ("keeps on when one happens", Later(SlidingReaper)),
    ("clears what is overdue", Here(shared::clears_what_is_overdue)),
    ("keeps 24 months more after unsubscribing", Later(Rights)),
    ("tells in four languages", Here(in_four_languages)),
    ("sends nothing out of the EEA without a safeguard", Here(shared::no_export)),
    ("gives an extract, rectifies and erases", Later(Rights)),
    ("deletes all when consent is withdrawn", Later(Rights)),
];

fn fields(firm: &Firm) {
    firm.accept(&page("/fields"));
    firm.accept(&page("/fields/form").kind(Kind::Form));
    firm.accept(&page("/fields/call").kind(Kind::Custom));
    firm.accept(&page("/fields/crawler").by_a_crawler().from(FROM_TELSTRA));
    let stored = firm.stored();
    let statistics = [
        "address",
        "address_prefix",
        "browser",
        "browser_version",
        "campaign_content",
        "campaign_medium",
        "campaign_name",
        "campaign_source",
        "campaign_term",
        "city",
        "country",
        "device",
        "dwell_ms",
        "language",
        "os",
        "os_version",
        "path",
        "referrer_host",
        "referrer_path",
        "region",
        "scroll_percent",
        "title",
        "visitor",
    ];
    assert_eq!(stored.filled("statistics", "/fields"), statistics);
    let improvement = ["device", "dwell_ms", "path", "referrer_host", "scroll_percent"];
    assert_eq!(stored.filled("improvement", "/fields"), improvement);
    let communication = ["language", "path", "props", "visitor"];
    assert_eq!(stored.filled("communication", "/fields/form"), communication);
    let call = ["language", "name", "path", "props", "visitor"];
    assert_eq!(stored.filled("communication", "/fields/call"), call);
    let place = "address, address_prefix, country, region, city";
    let place = stored.ask("statistics", "/fields", place);
    assert_eq!(place, "::ffff:175.16.199.0\t24\tCN\t22\tChangchun");
    let agent = stored.ask("statistics", "/fields", "browser, os, device, language, referrer_path");
    assert_eq!(agent, "Firefox\tWindows\tdesktop\tsv-SE\t/find/boots");
    assert_eq!(stored.ask("statistics", "/fields/crawler", "bot, device"), "search");
    assert!(firm.notice(Language::En).contains("Network address, shortened"));
}

fn purposes(firm: &Firm) {
    firm.accept(&page("/purposes/page"));
    firm.accept(&page("/purposes/form").kind(Kind::Form));
    let only = json!({ "communication": true, "statistics": false });
    firm.accept(&page("/purposes/only").kind(Kind::Form).consent(only));
    let stored = firm.stored();
    assert_eq!(stored.purposes("/purposes/page"), ["improvement", "statistics"]);
    assert_eq!(stored.purposes("/purposes/form"), ["communication", "statistics"]);
    assert_eq!(stored.purposes("/purposes/only"), ["communication"]);
}

fn nothing_without_consent(firm: &Firm) {
    let unsaid = [Value::Null, json!(false), json!({}), json!({ "marketing": true })];
    for kind in Kind::ALL {
        for consent in &unsaid {
            firm.refuse(&page("/unsaid").kind(kind).consent(consent.clone()), "consent_denied");
        }
    }
    firm.accept(&page("/said"));
    let stored = firm.stored();
    assert_eq!(stored.purposes("/unsaid"), [""; 0]);
    for purpose in stored.purposes("/said") {
        assert_eq!(stored.ask(purpose, "/said", "basis"), "consent");
    }
    assert!(firm.notice(Language::En).contains("unless you consent"));
}

fn slides(firm: &Firm) {
    firm.accept(&page("/slides"));
    firm.accept(&page("/slides/form").kind(Kind::Form));
    let stored = firm.stored();
    stored.expires("statistics", "/slides", "24 MONTH");
    stored.expires("improvement", "/slides", "24 MONTH");
    stored.expires("statistics", "/slides/form", "24 MONTH");
    stored.expires("communication", "/slides/form", "24 MONTH");
    let notice = firm.notice(Language::En);
    assert!(notice.contains("24 months from your latest interaction"), "{notice}");
    assert!(notice.contains("For now, the period counts from receipt"), "{notice}");
}

fn renews(firm: &Firm) {
    for purpose in ["communication", "statistics"] {
        let Retention::Sliding { renews, .. } = firm.rule(purpose).retention() else {
            panic!("{purpose} does not slide")
        };
        assert!(renews.iter().eq([Kind::Download, Kind::Form, Kind::Custom]), "{purpose}");
    }
    let notice = firm.notice(Language::En);
    let said = "These count as interactions: downloads, forms and events of the site&#39;s own";
    assert_eq!(notice.matches(said).count(), 2, "{notice}");
}

fn in_four_languages(firm: &Firm) {
    let titles = Language::ALL.iter().map(|language| {
        let notice = firm.notice(*language);
        assert!(notice.contains(&format!("<html lang=\"{language}\">")));
        notice.split("<h1>").nth(1).unwrap().split('<').next().unwrap().to_owned()
    });
    assert_eq!(titles.collect::<BTreeSet<_>>().len(), 4);
}
