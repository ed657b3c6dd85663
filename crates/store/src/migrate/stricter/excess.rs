//! What a row can have that its policy does not let it have, and the SQL that takes it away.

use std::collections::HashSet;

use candor_event::{Field, Kind};
use candor_policy::{AddressMode, KindSet, Period, Policy, PurposeRule};

use crate::column::{COLUMNS, Column, Value};

/// What there is too much of. In the order in which it is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Excess {
    /// The row: its site's policy does not have the purpose.
    Purpose,
    /// The row: the purpose does not keep these kinds of event.
    Kinds(KindSet),
    /// Time: events of these kinds are kept for so long.
    Period(Period, KindSet),
    /// A field that the purpose does not keep.
    Field(Field),
    /// Query parameters that the policy does not keep.
    Query,
    /// Leading bits of an address: so many of IPv4 and IPv6 are kept.
    Bits(u8, u8),
    /// An address, of which only a hash is kept.
    Address,
    /// The hash of an address, of which only leading bits are kept.
    Hash,
}

/// Whether an address is one of IPv4.
const IS_V4: &str = "startsWith(IPv6NumToString(address), '::ffff:')";

// === impl Excess ===

impl Excess {
    /// What rows of this site could have too much of, as far as the table has such columns.
    pub(super) fn possible(
        policy: &Policy,
        rule: Option<&PurposeRule>,
        columns: &HashSet<&str>,
    ) -> Vec<Self> {
        let Some(rule) = rule else { return vec![Self::Purpose] };
        let dropped: KindSet = KindSet::ALL.iter().filter(|k| !rule.kinds().contains(*k)).collect();
        let mut all = Vec::new();
        if dropped.iter().next().is_some() {
            all.push(Self::Kinds(dropped));
        }
        all.extend(periods(rule));
        let dropped = Field::ALL.into_iter().filter(|field| !rule.fields().contains(*field));
        all.extend(dropped.map(Self::Field));
        if rule.fields().contains(Field::Query) {
            all.push(Self::Query);
        }
        if rule.fields().contains(Field::Address) {
            match policy.address() {
                AddressMode::Truncate { v4, v6 } => all.extend([Self::Bits(v4, v6), Self::Hash]),
                AddressMode::Hash => all.push(Self::Address),
                AddressMode::Drop => {}
            }
        }
        all.retain(|excess| excess.columns().iter().all(|column| columns.contains(column.name)));
        all
    }

    /// Whether rows of a kind can have it; `None` is a kind that nobody knows.
    pub(super) fn concerns(self, kind: Option<Kind>) -> bool {
        match self {
            Self::Kinds(kinds) | Self::Period(_, kinds) => {
                kind.is_some_and(|kind| kinds.contains(kind))
            }
            _ => true,
        }
    }

    /// Whether the rows that have it are deleted.
    pub(super) const fn is_deleted(self) -> bool {
        matches!(self, Self::Purpose | Self::Kinds(_))
    }

    /// The place in the order in which it is taken away.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Purpose => 0,
            Self::Kinds(_) => 1,
            Self::Period(..) => 2,
            Self::Field(_) => 3,
            Self::Query => 4,
            Self::Bits(..) => 5,
            Self::Address => 6,
            Self::Hash => 7,
        }
    }

    /// Whether a row has it, site and kind aside. Of query parameters, which ones a row has is asked, and
    /// whether they are kept is seen when the answer is there.
    pub(super) fn condition(self) -> Option<String> {
        match self {
            Self::Purpose | Self::Kinds(_) => Some("1".to_owned()),
            Self::Period(period, _) => Some(format!("expires_at > {}", end(period))),
            Self::Field(_) | Self::Address | Self::Hash => {
                let is_there = |column: &&Column| format!("{} != {}", column.name, nothing(column));
                Some(self.columns().iter().map(is_there).collect::<Vec<_>>().join(" OR "))
            }
            Self::Query => None,
            Self::Bits(v4, v6) => Some(format!("address_prefix > {}", bits(v4, v6))),
        }
    }

    /// What takes it away from the rows of these sites; of query parameters, these of each site.
    pub(super) fn command(self, sites: &[String], parameters: &[(String, String)]) -> String {
        let scope = self.scope(sites);
        if self.is_deleted() {
            return format!("DELETE WHERE {scope}");
        }
        let condition = self.condition().unwrap_or_else(|| {
            let pairs = pairs(parameters);
            format!("arrayExists(parameter -> (site, parameter) IN ({pairs}), mapKeys(query))")
        });
        format!("UPDATE {} WHERE {scope} AND ({condition})", self.assignments(parameters))
    }

    /// What columns become. The time can only be set to the lesser of two.
    fn assignments(self, parameters: &[(String, String)]) -> String {
        match self {
            Self::Purpose | Self::Kinds(_) => String::new(),
            Self::Period(period, _) => format!("expires_at = least(expires_at, {})", end(period)),
            Self::Field(_) | Self::Address | Self::Hash => {
                let empty = |column: &&Column| format!("{} = {}", column.name, nothing(column));
                self.columns().iter().map(empty).collect::<Vec<_>>().join(", ")
            }
            Self::Query => format!(
                "query = mapFilter((parameter, value) -> (site, parameter) NOT IN ({}), query)",
                pairs(parameters)
            ),
            Self::Bits(v4, v6) => {
                let bits = bits(v4, v6);
                format!(
                    "address = IPv6CIDRToRange(address, toUInt8({bits} + if({IS_V4}, 96, 0))).1, \
                     address_prefix = {bits}"
                )
            }
        }
    }

    /// Which rows nobody may read from now on, although they are still there.
    pub(super) fn hidden(self, sites: &[String]) -> Option<String> {
        let scope = self.scope(sites);
        match self {
            Self::Purpose | Self::Kinds(_) => Some(scope),
            Self::Period(period, _) => Some(format!("{scope} AND {} <= now()", end(period))),
            _ => None,
        }
    }

    /// The rows of sites and kinds.
    fn scope(self, sites: &[String]) -> String {
        let sites = format!("site{}", one_of(sites.iter().map(String::as_str)));
        match self {
            Self::Kinds(kinds) | Self::Period(_, kinds) if kinds != KindSet::ALL => {
                format!("{sites} AND kind{}", one_of(kinds.iter().map(Kind::label)))
            }
            _ => sites,
        }
    }

    /// The columns that it lies in, besides those that every table has.
    fn columns(self) -> Vec<&'static Column> {
        let is_of = |column: &&Column| match self {
            Self::Field(field) => column.field == Some(field),
            Self::Query => column.name == "query",
            Self::Bits(..) | Self::Address => matches!(column.name, "address" | "address_prefix"),
            Self::Hash => column.name == "address_hash",
            Self::Purpose | Self::Kinds(_) | Self::Period(..) => false,
        };
        COLUMNS.iter().filter(is_of).collect()
    }
}

/// The kinds that are kept, by how long: from receipt, as the gate counts.
fn periods(rule: &PurposeRule) -> Vec<Excess> {
    let mut periods = Vec::<(Period, Vec<_>)>::new();
    for kind in rule.kinds().iter() {
        let period = rule.period(kind);
        match periods.iter_mut().find(|(other, _)| *other == period) {
            Some((_, kinds)) => kinds.push(kind),
            None => periods.push((period, vec![kind])),
        }
    }
    periods.into_iter().map(|(p, kinds)| Excess::Period(p, kinds.into_iter().collect())).collect()
}

/// When a row of this period must be gone. Both count calendar months in UTC, and clip at the end of a
/// month, as [`Period::expires`] does.
fn end(period: Period) -> String {
    match period.months() {
        0 => format!("addDays(received_at, {})", period.days()),
        months => format!("addMonths(received_at, {months})"),
    }
}

/// The leading bits that are kept.
fn bits(v4: u8, v6: u8) -> String {
    format!("if({IS_V4}, {v4}, {v6})")
}

/// What a column says when there is nothing to say.
fn nothing(column: &Column) -> String {
    match column.value {
        Value::Text(_) => "''".to_owned(),
        Value::U8(_, absent) => absent.to_string(),
        Value::U16(_) | Value::U32(_) | Value::U64(_) => "0".to_owned(),
        Value::Address(_) | Value::Id(_) | Value::Pseudonym(_) | Value::Pairs(_) => {
            format!("defaultValueOfTypeName('{}')", column.sql_type)
        }
    }
}

fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    format!(" IN ({})", words.map(quoted).collect::<Vec<_>>().join(", "))
}

fn pairs(parameters: &[(String, String)]) -> String {
    let pair = |(site, name): &(String, String)| format!("({}, {})", quoted(site), quoted(name));
    parameters.iter().map(pair).collect::<Vec<_>>().join(", ")
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "\\'"))
}
