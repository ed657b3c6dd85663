//! The five firms' notices against the running system: each promise is a test that sends visits and reads
//! tables and the notice, or stands in `pending.toml` with the capability that it waits for.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

mod heeros;
mod reachmee;
mod shared;
mod smilee;
mod stored;
mod superoffice;
mod system;
mod vastuu;
mod visit;

use std::panic::{AssertUnwindSafe, catch_unwind};

use candor_policy::{Capability, Language, NOTICES, Registry};
use serde::Deserialize;
use system::{Firm, System};

/// A promise, and how it is kept.
type Promise = (&'static str, Kept);

/// How a promise is kept.
#[derive(Clone, Copy)]
enum Kept {
    /// By the running system: the test.
    Here(fn(&Firm)),
    /// By what is still to come.
    Later(Capability),
}

/// In the order of the notices.
const FIRMS: [(&str, &[Promise]); 5] = [
    ("reachmee", reachmee::PROMISES),
    ("smilee", smilee::PROMISES),
    ("heeros", heeros::PROMISES),
    ("superoffice", superoffice::PROMISES),
    ("vastuu", vastuu::PROMISES),
];

/// An entry of `pending.toml`.
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

#[test]
fn every_promise_is_kept_or_waits_and_says_so() {
    let system = System::start();
    let broken: Vec<_> = std::thread::scope(|scope| {
        let firms = FIRMS.map(|(name, promises)| {
            let firm = system.firm(name);
            scope.spawn(move || broken(firm, promises))
        });
        firms.into_iter().flat_map(|firm| firm.join().expect("it catches what breaks")).collect()
    });
    assert!(broken.is_empty(), "broken: {broken:#?}");
}

/// The promises of a firm that are not kept, or do not say that they wait.
fn broken(firm: &Firm, promises: &[Promise]) -> Vec<String> {
    let is_broken = |(promise, kept): &&Promise| {
        println!("{}: {promise}", firm.name);
        let check = || match kept {
            Kept::Here(test) => test(firm),
            Kept::Later(needs) => waits(firm, *needs),
        };
        catch_unwind(AssertUnwindSafe(check)).is_err()
    };
    let broken = promises.iter().filter(is_broken);
    broken.map(|(promise, _)| format!("{}: {promise}", firm.name)).collect()
}

/// Visitors read that the controller sees to it by hand, or what is done until then.
fn waits(firm: &Firm, needs: Capability) {
    let known = firm.policy.pending().iter().any(|one| one.needs == needs);
    assert!(known || needs == Capability::DomainDatabase, "{needs}");
    let name = firm.policy.controller().name();
    let said = match needs {
        Capability::ConsentLedger => format!("{name} för självt protokoll över samtycken"),
        Capability::DomainDatabase => "inte leverantörens domän".to_owned(),
        Capability::Rights => format!("{name} besvarar vart och ett för hand"),
        Capability::Roles => format!("Att ingen annan läser dem ser {name} själv till"),
        Capability::SealedStatistics => format!("Det ser {name} själv till"),
        Capability::SlidingReaper => "Tills vidare räknas tiden från mottagandet".to_owned(),
    };
    let notice = firm.notice(Language::Sv);
    assert!(notice.contains(&said), "{said}: {notice}");
}

#[test]
fn what_waits_is_listed_exactly() {
    let list: List = toml::from_str(include_str!("pending.toml")).unwrap();
    let waits = FIRMS.iter().flat_map(|(notice, promises)| {
        promises.iter().filter_map(|(promise, kept)| match kept {
            Kept::Here(_) => None,
            Kept::Later(needs) => Some(Entry {
                notice: (*notice).to_owned(),
                promise: (*promise).to_owned(),
                needs: needs.to_string(),
            }),
        })
    });
    assert_eq!(list.pending, waits.collect::<Vec<_>>());
}

#[test]
fn every_figure_that_a_notice_does_not_give_is_marked() {
    let marked = NOTICES.map(|(_, text)| text.matches("to be confirmed by the controller").count());
    assert_eq!(marked, [2, 4, 2, 6, 4]);
}

/// The directory of examples can be served as it is, with the demo and the template in it.
#[test]
fn the_examples_stand_beside_each_other() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/policy/policies");
    let files = std::fs::read_dir(dir).unwrap().map(|file| {
        let path = file.unwrap().path();
        (path.display().to_string(), std::fs::read_to_string(path).unwrap())
    });
    let files: Vec<_> = files.collect();
    let texts = files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let registry = Registry::compile(texts).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(registry.policies().len(), NOTICES.len() + 2);
}
