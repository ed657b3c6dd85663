//! One running `candor up` that serves all five policies, and what a firm's promises ask of it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use candor_policy::{Language, NOTICES, Policy, PurposeRule, compile};
use candor_tests::{Answer, Candor, Client, Options, eventually, geo_config};

use crate::stored::Stored;
use crate::visit::{Visit, page};

/// The running system, and the firms whose policies it obeys.
pub(crate) struct System {
    _candor: Candor,
    firms: Vec<Firm>,
}

/// A firm: its policy, and the doors of the system that obeys it.
pub(crate) struct Firm {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) policy: Policy,
    beacons: Client,
    admin: Client,
    clickhouse: Client,
    /// Every purpose that some firm has.
    pub(crate) purposes: BTreeSet<String>,
}

/// `SuperOffice`'s policy as it was a year before.
const EARLIER: [(&str, &str); 2] =
    [("version = \"1\"", "version = \"0\""), ("date = 2026-11-20", "date = 2025-11-20")];

// === impl System ===

impl System {
    /// Starts it. `SuperOffice`'s notice changes while it runs, so that there is an earlier one to read.
    pub(crate) fn start() -> Self {
        let policies = NOTICES.map(|(file, text)| (file, earlier(file, text)));
        let candor = Candor::start(Options {
            policies: policies.to_vec(),
            config: geo_config("GeoLite2-City-Test.mmdb", "GeoLite2-ASN-Test.mmdb")
                + "[clickhouse.tables]\nttl_timeout_seconds = 0\n",
            ..Options::default()
        });
        let published = candor.policy(&["publish"]);
        assert!(published.contains("superoffice") && published.contains("is published"));
        for (file, text) in NOTICES {
            candor.rewrite_policy_file(file, text);
        }
        let firms: Vec<_> = NOTICES.map(|(file, text)| Firm::new(file, text, &candor)).into();
        for firm in &firms {
            let fingerprint = firm.policy.version().to_string();
            let language = firm.policy.languages()[0];
            eventually("the policy is in force", || {
                firm.notice(language).contains(&fingerprint).then_some(())
            });
        }
        Self { _candor: candor, firms }
    }

    pub(crate) fn firm(&self, name: &str) -> &Firm {
        self.firms.iter().find(|firm| firm.name == name).unwrap()
    }
}

fn earlier(file: &str, text: &str) -> String {
    if file != "superoffice.toml" {
        return text.to_owned();
    }
    EARLIER.iter().fold(text.to_owned(), |text, (now, then)| {
        assert!(text.contains(now), "{now}");
        text.replace(now, then)
    })
}

// === impl Firm ===

impl Firm {
    fn new(file: &'static str, text: &'static str, candor: &Candor) -> Self {
        let compiled =
            |file, text| compile(file, text).unwrap_or_else(|problems| panic!("{problems}"));
        let purposes = NOTICES.map(|(file, text)| {
            let policy = compiled(file, text);
            let names = policy.purposes().iter().map(|rule| rule.name().to_string());
            names.collect::<Vec<_>>()
        });
        Self {
            name: file.trim_end_matches(".toml"),
            text,
            policy: compiled(file, text),
            beacons: candor.beacons().clone(),
            admin: candor.admin().clone(),
            clickhouse: candor.clickhouse().clone(),
            purposes: purposes.into_iter().flatten().collect(),
        }
    }

    /// What beacons call its site, which is also its host.
    pub(crate) fn site(&self) -> &str {
        self.policy.sites()[0].name().as_str()
    }

    pub(crate) fn rule(&self, purpose: &str) -> &PurposeRule {
        self.policy.purposes().iter().find(|rule| rule.name().as_str() == purpose).unwrap()
    }

    /// What is wrong with its policy when something else stands in it.
    pub(crate) fn refused(&self, from: &str, to: &str) -> String {
        assert!(self.text.contains(from), "{from}");
        compile("changed.toml", &self.text.replace(from, to)).unwrap_err().to_string()
    }

    /// The notice, as visitors read it.
    pub(crate) fn notice(&self, language: Language) -> String {
        self.read(&format!("/privacy/{}?lang={language}", self.site()))
    }

    /// A page of the collector's.
    pub(crate) fn read(&self, path: &str) -> String {
        let answer = self.beacons.get(path, &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Whatever a visitor's browser may ask of the collector.
    pub(crate) fn answer(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.beacons.send(method, path, headers, b"").unwrap()
    }

    /// A visit that is kept.
    pub(crate) fn accept(&self, visit: &Visit) {
        let answer = self.send(visit);
        assert_eq!((answer.status, answer.outcome.as_str()), (202, "accepted"), "{visit:?}");
    }

    /// A visit that is heard and not kept, for this reason.
    pub(crate) fn refuse(&self, visit: &Visit, outcome: &str) {
        let counted = format!("collector_beacons_total{{outcome=\"{outcome}\"}}");
        let before = self.admin.metric(&counted);
        let answer = self.send(visit);
        assert_eq!((answer.status, answer.outcome.as_str()), (204, outcome), "{visit:?}");
        assert!(self.admin.metric(&counted) > before, "{outcome} is counted");
    }

    pub(crate) fn send(&self, visit: &Visit) -> Answer {
        self.beacons.post("/v1/events", &visit.headers(), visit.body(self.site()))
    }

    pub(crate) fn sql(&self, query: &str) -> String {
        self.clickhouse.sql(query)
    }

    pub(crate) fn sql_becomes(&self, query: &str, want: &str) {
        self.clickhouse.sql_becomes(query, want);
    }

    /// What is stored, when everything that was accepted is: the log is read in order, and a batch is
    /// one insert for each table, so a later visit that is kept for a purpose tells it of all before.
    pub(crate) fn stored(&self) -> Stored<'_> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let last = format!("/last/{}", LAST.fetch_add(1, Ordering::SeqCst));
        let stored = Stored { firm: self };
        for rule in self.policy.purposes() {
            let kind = rule.kinds().iter().next().unwrap();
            self.accept(&page(&last).kind(kind));
        }
        for rule in self.policy.purposes() {
            eventually("what was accepted is stored", || {
                (stored.count(rule.name().as_str(), &last) > 0).then_some(())
            });
        }
        stored
    }
}
