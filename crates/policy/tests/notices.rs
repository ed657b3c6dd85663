//! The five firms' notices: each promise is a test here, or stands in `notices/pending.toml` with the
//! capability that it waits for.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test binary")]

#[path = "notices/notice.rs"]
mod notice;
#[path = "notices/promises.rs"]
mod promises;

use candor_policy::{Capability, NOTICES, Registry};
use notice::Notice;
use serde::Deserialize;

use Capability::{ConsentLedger, DomainDatabase, Rights, Roles, SealedStatistics, SlidingReaper};
use Kept::{Here, Later};

/// How a promise is kept.
#[derive(Clone, Copy)]
enum Kept {
    /// By this crate: the test.
    Here(fn(&Notice)),
    /// By what is still to come.
    Later(Capability),
}

const PROMISES: [(&str, &str, Kept); 49] = [
    (
        "reachmee",
        "keeps address, place, browser, language, system, pages and behaviour",
        Here(promises::reachmee_fields),
    ),
    ("reachmee", "keeps nothing without consent", Here(promises::all_on_consent)),
    ("reachmee", "obeys the browser's do not track", Here(promises::dnt_denies_everything)),
    (
        "reachmee",
        "keeps for 24 months from the latest interaction",
        Here(promises::reachmee_slides),
    ),
    (
        "reachmee",
        "counts a call, a mail, a download or a form as one",
        Here(promises::reachmee_renews),
    ),
    ("reachmee", "keeps on when one happens", Later(SlidingReaper)),
    ("reachmee", "keeps 24 months more after unsubscribing", Later(Rights)),
    ("reachmee", "tells in four languages", Here(promises::in_four_languages)),
    ("reachmee", "sends nothing out of the EEA without a safeguard", Here(promises::no_export)),
    ("reachmee", "gives an extract, rectifies and erases", Later(Rights)),
    ("reachmee", "deletes all when consent is withdrawn", Later(Rights)),
    (
        "smilee",
        "keeps an identifier, pages, time on them, clicks, the way here",
        Here(promises::smilee_fields),
    ),
    ("smilee", "rests on contract, legitimate interest and consent", Here(promises::three_bases)),
    ("smilee", "has a period for everything", Here(promises::no_period_is_refused)),
    ("smilee", "passes on only figures that identify nobody", Later(SealedStatistics)),
    ("smilee", "sends nothing out of the EEA without a ground", Here(promises::no_export)),
    ("smilee", "gives personal user names and passwords", Later(Roles)),
    ("smilee", "lets visitors switch it off", Here(promises::objection_denies_everything)),
    ("smilee", "says that it answers within one month", Here(promises::answers_in_a_month)),
    ("smilee", "answers within one month", Later(Rights)),
    ("smilee", "restricts, and tells before it lifts that", Later(Rights)),
    ("smilee", "hands data over in a form that machines read", Later(Rights)),
    ("heeros", "keeps address, time, pages, time on them, browser", Here(promises::heeros_fields)),
    (
        "heeros",
        "says why it has no period, and is flagged for it",
        Here(promises::endless_is_flagged),
    ),
    ("heeros", "stays within the EU", Here(promises::heeros_stays_in_the_eu)),
    ("heeros", "has no third parties", Here(promises::no_processors)),
    (
        "heeros",
        "joins a visit with a form with consent only",
        Here(promises::forms_with_consent_only),
    ),
    ("heeros", "is read by named persons", Later(Roles)),
    ("heeros", "lets visitors object to marketing", Here(promises::objection_denies_everything)),
    ("heeros", "gives access, rectifies and erases", Later(Rights)),
    (
        "superoffice",
        "keeps browser, language, system, pages, the way here, the network",
        Here(promises::superoffice_fields),
    ),
    ("superoffice", "keeps the domain of the visitor's provider", Later(DomainDatabase)),
    ("superoffice", "documents consent", Later(ConsentLedger)),
    ("superoffice", "has a short period for security", Here(promises::security_is_short)),
    (
        "superoffice",
        "keeps for a period after the latest contact",
        Here(promises::superoffice_slides),
    ),
    ("superoffice", "keeps on when there is one", Later(SlidingReaper)),
    ("superoffice", "makes statistics anonymous", Later(SealedStatistics)),
    ("superoffice", "hashes what identifies", Here(promises::address_is_hashed)),
    ("superoffice", "dates the notice and names its version", Here(promises::has_date_and_version)),
    ("superoffice", "copies, rectifies, erases, hands over, restricts", Later(Rights)),
    (
        "vastuu",
        "keeps address, time, browser, the page and the server before, downloads, log-ins, chats",
        Here(promises::vastuu_fields),
    ),
    (
        "vastuu",
        "keeps chats for 3 months and recorded calls for 7",
        Here(promises::a_period_for_each_category),
    ),
    (
        "vastuu",
        "keeps the referring server apart from the page",
        Here(promises::referrer_in_two_fields),
    ),
    ("vastuu", "controls access by log-ins", Here(promises::log_ins_only)),
    ("vastuu", "dates the notice", Here(promises::has_date_and_version)),
    ("vastuu", "sends nothing out of the EEA", Here(promises::no_export)),
    ("vastuu", "is read by named persons with names and passwords", Later(Roles)),
    ("vastuu", "records bans on marketing", Later(Rights)),
    ("vastuu", "erases what minors left", Later(Rights)),
];

#[test]
fn every_promise_is_kept_or_waits() {
    for (name, promise, kept) in PROMISES {
        if let Here(test) = kept {
            println!("{name}: {promise}");
            test(&Notice::named(name));
        }
    }
}

#[test]
fn what_waits_is_listed_exactly() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Entry {
        notice: String,
        promise: String,
        needs: String,
    }
    #[derive(Deserialize)]
    struct List {
        pending: Vec<Entry>,
    }
    let list: List = toml::from_str(include_str!("notices/pending.toml")).unwrap();
    let waits = PROMISES.into_iter().filter_map(|(notice, promise, kept)| match kept {
        Here(_) => None,
        Later(needs) => Some(Entry {
            notice: notice.to_owned(),
            promise: promise.to_owned(),
            needs: needs.to_string(),
        }),
    });
    assert_eq!(list.pending, waits.collect::<Vec<_>>());
    for (name, promise, kept) in PROMISES {
        if let Later(needs) = kept {
            let known = Notice::named(name).policy.pending().iter().any(|one| one.needs == needs);
            assert!(known || needs == DomainDatabase, "{name} does not say that {promise} waits");
        }
    }
}

#[test]
fn every_figure_that_a_notice_does_not_give_is_marked() {
    let marked = NOTICES.map(|(_, text)| text.matches("to be confirmed by the controller").count());
    assert_eq!(marked, [2, 4, 2, 6, 4]);
}

#[test]
fn all_five_stand_beside_each_other() {
    let registry = Registry::compile(NOTICES).unwrap();
    assert_eq!(registry.policies().len(), NOTICES.len());
}
