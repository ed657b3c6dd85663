//! What a policy comes to for one site: the gate, the tables, the notice in a few words, the version.

use std::fmt;

use candor_event::{Field, Kind, Signal, Site};
use serde::Serialize;

use crate::notice::compose::Notice;
use crate::{Pending, Policy, PurposeRule, Retention};

/// What a policy comes to, as data; shown as text by [`fmt::Display`] and as JSON by
/// [`Explanation::to_json`].
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    site: String,
    hosts: Vec<String>,
    /// What other protocols call it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    /// When the scripts are loaded that speak them.
    #[serde(skip_serializing_if = "Option::is_none")]
    scripts: Option<&'static str>,
    controller: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    edition: Option<String>,
    profile: String,
    gate: Vec<GateRow>,
    tables: Vec<TableRow>,
    /// The notice in a few words, in the first of its languages.
    notice: Vec<String>,
    /// What has no end.
    warnings: Vec<String>,
    pending: Vec<Pending>,
}

/// Who passes the gate for one purpose.
#[derive(Clone, Debug, Serialize)]
struct GateRow {
    purpose: String,
    basis: String,
    kinds: Vec<&'static str>,
    denied_by: Vec<&'static str>,
}

/// What lies in the table of one purpose.
#[derive(Clone, Debug, Serialize)]
struct TableRow {
    table: String,
    fields: Vec<&'static str>,
    /// From receipt, as each row carries it.
    expires: Vec<Expiry>,
    readers: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Expiry {
    kinds: Vec<&'static str>,
    after: String,
}

// === impl Policy ===

impl Policy {
    /// What it comes to for one of its sites; `None` when it does not have the site.
    pub fn explain(&self, site: &Site) -> Option<Explanation> {
        let entry = self.site(site)?;
        let language = self.languages.first().copied()?;
        let notice = self.composed(entry, language).ok();
        let profile = self.profile;
        Some(Explanation {
            site: entry.name().to_string(),
            hosts: entry.hosts().iter().map(ToString::to_string).collect(),
            also: entry.also().iter().map(ToString::to_string).collect(),
            scripts: (!entry.also().is_empty()).then(|| entry.scripts().label()),
            controller: self.controller.id().to_owned(),
            version: self.version.to_string(),
            edition: self.edition.version().map(str::to_owned),
            profile: format!("{}, checked on {}", profile.name(), profile.checked_on()),
            gate: self.purposes.iter().map(GateRow::of).collect(),
            tables: self.purposes.iter().map(|rule| TableRow::of(self, rule)).collect(),
            notice: notice.map(Notice::summary).unwrap_or_default(),
            warnings: self.purposes.iter().filter_map(warning).collect(),
            pending: self.pending(),
        })
    }
}

fn warning(rule: &PurposeRule) -> Option<String> {
    let Retention::UntilFurtherNotice { .. } = rule.retention() else {
        return None;
    };
    let (name, period) = (rule.name(), rule.retention().period());
    Some(format!("`{name}` is kept until further notice: only after {period} is it deleted"))
}

// === impl GateRow, TableRow ===

impl GateRow {
    fn of(rule: &PurposeRule) -> Self {
        let signals = Signal::ALL.into_iter().filter(|signal| rule.denied_by(*signal));
        let reference = rule.legal_basis().reference();
        let basis = rule.basis().label();
        Self {
            purpose: rule.name().to_string(),
            basis: reference.map_or_else(|| basis.to_owned(), |on| format!("{basis} ({on})")),
            kinds: rule.kinds().iter().map(Kind::label).collect(),
            denied_by: signals.map(Signal::label).collect(),
        }
    }
}

impl TableRow {
    fn of(policy: &Policy, rule: &PurposeRule) -> Self {
        let mut expires: Vec<Expiry> = Vec::new();
        for kind in rule.kinds().iter() {
            let after = rule.period(kind).to_string();
            match expires.iter_mut().find(|expiry| expiry.after == after) {
                Some(expiry) => expiry.kinds.push(kind.label()),
                None => expires.push(Expiry { kinds: vec![kind.label()], after }),
            }
        }
        let readers = policy.roles.iter().filter(|role| role.reads().contains(rule.name()));
        Self {
            table: rule.name().to_string(),
            fields: rule.fields().iter().map(Field::label).collect(),
            expires,
            readers: readers.map(|role| role.name().to_owned()).collect(),
        }
    }
}

// === impl Explanation ===

impl Explanation {
    /// The same as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "site        {} ({})", self.site, self.hosts.join(", "))?;
        if let Some(scripts) = self.scripts {
            writeln!(f, "also        {}, scripts {scripts}", self.also.join(", "))?;
        }
        writeln!(f, "controller  {}", self.controller)?;
        let edition = self.edition.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        writeln!(f, "version     {}{edition}", self.version)?;
        writeln!(f, "profile     {}", self.profile)?;
        writeln!(f, "\ngate")?;
        for row in &self.gate {
            writeln!(f, "  {}", row.purpose)?;
            writeln!(f, "    on         {}", row.basis)?;
            writeln!(f, "    keeps      {}", kinds(&row.kinds))?;
            writeln!(f, "    denied by  {}", or(&row.denied_by, "nothing"))?;
        }
        writeln!(f, "\ntables")?;
        for row in &self.tables {
            writeln!(f, "  candor.{}", row.table)?;
            writeln!(f, "    fields     {}", or(&row.fields, "nothing"))?;
            for Expiry { kinds: of, after } in &row.expires {
                writeln!(f, "    expires    {after} after receipt: {}", kinds(of))?;
            }
            writeln!(f, "    read by    {}", or(&row.readers, "nobody by name"))?;
        }
        self.fmt_lists(f)
    }
}

impl Explanation {
    fn fmt_lists(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nnotice, in short")?;
        self.notice.iter().try_for_each(|sentence| writeln!(f, "  {sentence}"))?;
        if !self.warnings.is_empty() {
            writeln!(f, "\nwarnings")?;
            self.warnings.iter().try_for_each(|warning| writeln!(f, "  {warning}"))?;
        }
        writeln!(f, "\npromised, and not done by this version yet")?;
        self.pending.iter().try_for_each(|one| writeln!(f, "  {}: {}", one.needs, one.until_then))
    }
}

fn kinds(kinds: &[&str]) -> String {
    if kinds.len() == Kind::ALL.len() { "every kind of event".to_owned() } else { kinds.join(", ") }
}

fn or<T: AsRef<str>>(words: &[T], otherwise: &str) -> String {
    let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
    if words.is_empty() { otherwise.to_owned() } else { words.join(", ") }
}
