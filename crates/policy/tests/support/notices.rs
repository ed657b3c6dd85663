//! Policy files made up by chance, which all compile: for what must hold of every policy.
#![allow(dead_code, reason = "each suite uses a part of it")]

use std::fmt::Write;

use candor_policy::{Policy, compile};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// A policy file in the making. What the fields ask of the settings is derived from them.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) purposes: Vec<Promise>,
    pub(crate) prefers_hash: bool,
    pub(crate) prefers_consented: bool,
    pub(crate) asks_for_hints: bool,
    pub(crate) rotation_hours: u16,
    pub(crate) smallest_cell: u8,
    pub(crate) languages: Vec<&'static str>,
    pub(crate) patterns: Vec<&'static str>,
    pub(crate) processors: Vec<&'static str>,
    pub(crate) version: Option<String>,
    pub(crate) reads: Vec<bool>,
    pub(crate) also: Vec<&'static str>,
    pub(crate) scripts: &'static str,
}

/// One purpose of a notice.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    pub(crate) name: &'static str,
    pub(crate) basis: &'static str,
    pub(crate) period: Span,
    pub(crate) end: End,
    pub(crate) fields: Vec<&'static str>,
    pub(crate) kinds: Vec<&'static str>,
    pub(crate) categories: Vec<(&'static str, Span)>,
    /// By DNT, GPC, objection.
    pub(crate) denied: [bool; 3],
    pub(crate) about: String,
}

/// A period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Span {
    Days(u16),
    Months(u16),
}

/// How a purpose ends what it keeps, where it can choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Absolute,
    Sliding,
    Never,
}

pub(crate) const KINDS: [&str; 8] =
    ["pageview", "engagement", "click", "download", "form", "login", "chat", "custom"];
const NAMES: [&str; 4] = ["improvement", "marketing", "security", "statistics"];
/// What may be kept without consent.
const COUNTED: [&str; 9] =
    ["path", "query", "title", "referrer_host", "campaign", "dwell", "scroll", "source", "channel"];
const FIELDS: [&str; 25] = [
    "path",
    "query",
    "title",
    "referrer_host",
    "referrer_path",
    "campaign",
    "language",
    "screen",
    "browser",
    "browser_version",
    "os",
    "os_version",
    "device",
    "bot",
    "country",
    "region",
    "city",
    "network",
    "address",
    "visitor",
    "dwell",
    "scroll",
    "props",
    "source",
    "channel",
];

// === impl Notice ===

impl Notice {
    /// The policy that the file means.
    pub(crate) fn compile(&self) -> Policy {
        let text = self.text();
        compile("notice.toml", &text).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
    }

    /// The file.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).unwrap();
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "policy.languages = {:?}", self.languages)?;
        if let Some(version) = &self.version {
            writeln!(text, "policy.version = {version:?}\npolicy.date = 2026-11-20")?;
        }
        writeln!(text, "controller = {{ id = 'a', name = 'A', contact = 'a@a.example' }}")?;
        let also = match self.also.as_slice() {
            [] => String::new(),
            also => format!(", also = {also:?}, scripts = '{}'", self.scripts),
        };
        writeln!(text, "sites = [{{ name = 'a', hosts = ['a.example']{also} }}]")?;
        self.write_settings(text)?;
        for (at, signal) in ["dnt", "gpc", "objection"].into_iter().enumerate() {
            let denied = self.purposes.iter().filter(|promise| promise.denied[at]);
            let denied: Vec<_> = denied.map(|promise| promise.name).collect();
            writeln!(text, "signals.{signal} = {denied:?}")?;
        }
        for (name, reads) in ["analyst", "security"].into_iter().zip(&self.reads) {
            let reads = self.purposes.iter().filter(|_| *reads).map(|promise| promise.name);
            writeln!(text, "roles.{name}.reads = {:?}", reads.collect::<Vec<_>>())?;
        }
        self.purposes.iter().try_for_each(|promise| self.write_purpose(promise, text))
    }

    fn write_settings(&self, text: &mut String) -> std::fmt::Result {
        let places = ["city", "region", "country"].into_iter().find(|place| self.keeps(place));
        let geography = places.unwrap_or("none");
        let mode = match (self.keeps("address"), self.hashes()) {
            (false, _) => "drop",
            (true, true) => "hash",
            (true, false) => "truncate",
        };
        let id = match (self.keeps("visitor"), self.is_consented()) {
            (false, _) => "none",
            (true, true) => "consented",
            (true, false) => "rotating",
        };
        writeln!(text, "address = {{ mode = '{mode}', geography = '{geography}' }}")?;
        let rotation = match id {
            "rotating" => format!(", rotation = '{} hours'", self.rotation_hours),
            _ => String::new(),
        };
        writeln!(text, "visitor = {{ mode = '{id}'{rotation} }}")?;
        let query: &[&str] = if self.keeps("query") { &["page", "q"] } else { &[] };
        writeln!(text, "page = {{ keep_query = {query:?}, replace_path = {:?} }}", self.patterns)?;
        let referrer = if self.keeps("referrer_path") { "path" } else { "host" };
        writeln!(text, "referrer.keep = '{referrer}'")?;
        let has_versions = self.keeps("browser_version") || self.keeps("os_version");
        writeln!(text, "client_hints.high_entropy = {}", self.asks_for_hints && has_versions)?;
        writeln!(text, "publish.smallest_cell = {}", self.smallest_cell)?;
        let processors = self.processors.iter().map(|country| {
            let safeguard = match *country {
                "US" => ", safeguard = 'standard-contractual-clauses'",
                "JP" => ", safeguard = 'adequacy-decision'",
                _ => "",
            };
            format!(
                "{{ name = 'In {country}', task = 'hosting', country = '{country}'{safeguard} }}"
            )
        });
        // A key may live as long as it wants, and so may the log: as long as no period is shorter.
        let log = if self.rotation_hours.is_multiple_of(2) { 24 } else { 12 };
        writeln!(text, "data.log = '{log} hours'")?;
        writeln!(text, "data.processors = [{}]", processors.collect::<Vec<_>>().join(", "))
    }

    fn write_purpose(&self, promise: &Promise, text: &mut String) -> std::fmt::Result {
        let (name, basis, period) = (promise.name, promise.basis, promise.period);
        writeln!(text, "[purposes.{name}]\nbasis = '{basis}'")?;
        if basis == "legitimate-interest" {
            writeln!(text, "assessment = 'LIA 1'")?;
        }
        match self.end(promise) {
            End::Absolute => writeln!(text, "retention = '{}'", period.text())?,
            End::Never => {
                let reason = self.in_every_language("None.");
                writeln!(text, "retention = 'until further notice'\nreason = {reason}")?;
            }
            End::Sliding => {
                let renews = promise.kinds.first().unwrap_or(&"pageview");
                let at_most = period.times(2).text();
                writeln!(
                    text,
                    "retention = {{ period = '{}', from = 'latest-interaction', renews = ['{renews}'], at_most = '{at_most}' }}",
                    period.text()
                )?;
            }
        }
        writeln!(text, "fields = {:?}", promise.kept())?;
        writeln!(text, "kinds = {:?}", promise.kinds)?;
        // What is kept for the name is told in the words of every notice.
        if promise.name != "security" || basis == "consent" {
            writeln!(text, "about = {}", self.in_every_language(&promise.about))?;
        }
        for (kind, period) in &promise.categories {
            if promise.kinds.contains(kind) {
                writeln!(text, "categories.{kind} = '{}'", period.text())?;
            }
        }
        Ok(())
    }

    fn in_every_language(&self, said: &str) -> String {
        let texts = self.languages.iter().map(|language| format!("{language} = {said:?}"));
        format!("{{ {} }}", texts.collect::<Vec<_>>().join(", "))
    }

    fn end(&self, promise: &Promise) -> End {
        let recognised = promise.kept().contains(&"visitor") && self.is_consented();
        match promise.end {
            End::Sliding if recognised => End::Sliding,
            End::Never if promise.basis == "consent" => End::Never,
            _ => End::Absolute,
        }
    }

    fn keeps(&self, field: &str) -> bool {
        self.purposes.iter().any(|promise| promise.kept().contains(&field))
    }

    fn is_consented(&self) -> bool {
        let mut keeping = self.purposes.iter().filter(|p| p.kept().contains(&"visitor"));
        self.prefers_consented && keeping.all(|promise| promise.basis == "consent")
    }

    /// A truncated address beside a rotating id is refused.
    fn hashes(&self) -> bool {
        self.prefers_hash || (self.keeps("visitor") && !self.is_consented())
    }
}

// === impl Promise ===

impl Promise {
    /// What it keeps, as far as its basis allows.
    fn kept(&self) -> Vec<&'static str> {
        let may = |field: &&str| {
            self.basis == "consent" || self.name == "security" || COUNTED.contains(field)
        };
        self.fields.iter().filter(|field| may(field)).copied().collect()
    }
}

// === impl Span ===

impl Span {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Days(days) => format!("{days} days"),
            Self::Months(months) => format!("{months} months"),
        }
    }

    fn times(self, factor: u16) -> Self {
        match self {
            Self::Days(days) => Self::Days(days * factor),
            Self::Months(months) => Self::Months(months * factor),
        }
    }

    /// The same, or a shorter one.
    pub(crate) fn minus(self, less: u16) -> Self {
        match self {
            Self::Days(days) => Self::Days(days.saturating_sub(less).max(1)),
            Self::Months(months) => Self::Months(months.saturating_sub(less).max(1)),
        }
    }
}

// === strategies ===

/// Any notice.
pub(crate) fn notices() -> impl Strategy<Value = Notice> {
    let settings = (any::<[bool; 3]>(), 1..=24_u16, 5..=50_u8, any::<[bool; 2]>());
    let foreign = (
        subsequence(vec!["matomo:1", "plausible:a.example"], 0..=2),
        select(vec!["always", "after-consent"]),
    );
    let lists = (
        subsequence(vec!["en", "sv", "nb", "fi"], 1..=4),
        subsequence(vec!["/*/edit", "/me/**", "/orders/*"], 0..=3),
        subsequence(vec!["FI", "JP", "NO", "US"], 0..=4),
        prop::option::of("[A-Za-z0-9][A-Za-z0-9.\"\\\\äé€🦀-]{0,11}"),
    );
    (promises(), settings, lists, foreign).prop_map(|(purposes, settings, lists, foreign)| {
        let (
            [prefers_hash, prefers_consented, asks_for_hints],
            rotation_hours,
            smallest_cell,
            reads,
        ) = settings;
        let (languages, patterns, processors, version) = lists;
        let (also, scripts) = foreign;
        Notice {
            purposes,
            prefers_hash,
            prefers_consented,
            asks_for_hints,
            rotation_hours,
            smallest_cell,
            languages,
            patterns,
            processors,
            version,
            reads: reads.to_vec(),
            also,
            scripts,
        }
    })
}

fn promises() -> impl Strategy<Value = Vec<Promise>> {
    subsequence(NAMES.to_vec(), 1..=NAMES.len())
        .prop_flat_map(|names| names.into_iter().map(promise).collect::<Vec<_>>())
}

fn promise(name: &'static str) -> impl Strategy<Value = Promise> {
    let basis = select(vec!["consent", "contract", "legitimate-interest"]);
    let end = select(vec![End::Absolute, End::Sliding, End::Never]);
    let fields = subsequence(FIELDS.to_vec(), 0..=FIELDS.len());
    let kinds = subsequence(KINDS.to_vec(), 1..=KINDS.len());
    let categories = vec((select(KINDS.to_vec()), spans()), 0..4);
    let about = "[A-Z][a-z<>&\"'\\\\äß-]{0,20}\\.";
    (basis, spans(), end, fields, kinds, categories, any::<[bool; 3]>(), about).prop_map(
        move |(basis, period, end, fields, kinds, mut categories, mut denied, about)| {
            // Visitors can object to what rests on a legitimate interest.
            denied[2] |= basis == "legitimate-interest";
            categories.sort_by_key(|(kind, _)| *kind);
            categories.dedup_by_key(|(kind, _)| *kind);
            Promise { name, basis, period, end, fields, kinds, categories, denied, about }
        },
    )
}

/// Short enough for every allowance.
fn spans() -> impl Strategy<Value = Span> {
    prop_oneof![(1..=365_u16).prop_map(Span::Days), (1..=12_u16).prop_map(Span::Months)]
}
