//! The one question to a table: of which rows is there too much.

use std::collections::{BTreeSet, HashMap, HashSet};

use candor_event::{Kind, Purpose};
use clickhouse::Row;
use serde::Deserialize;

use super::{Excess, Finding};
use crate::schema::Schema;
use crate::{Store, StoreError};

/// The question, and how to read the answer. It names no site, so that its length does not depend on how
/// many there are.
#[derive(Debug)]
pub(super) struct Question<'a> {
    table: String,
    has_query: bool,
    /// Each once, in the order in which it is taken away.
    excesses: Vec<Excess<'a>>,
    /// By site: which of them its rows can have.
    sites: HashMap<&'a str, Vec<usize>>,
}

/// The answer: of the rows of a site and kind.
#[derive(Debug, Deserialize, Row)]
pub(super) struct Answer {
    pub(super) site: String,
    pub(super) kind: String,
    pub(super) days_max: u32,
    /// How many rows have each excess.
    pub(super) counts: Vec<u64>,
    /// Which query parameters there are, and in how many rows.
    pub(super) parameters: (Vec<String>, Vec<u64>),
}

// === impl Question ===

impl<'a> Question<'a> {
    /// The question about the table of this purpose.
    pub(super) fn new(schema: &'a Schema, purpose: &Purpose, columns: &HashSet<&str>) -> Self {
        let mut excesses = Vec::new();
        let mut seen = HashMap::new();
        let mut sites = HashMap::new();
        for policy in schema.policies() {
            let possible = Excess::possible(policy, policy.purpose(purpose), columns);
            let numbers: Vec<_> = possible
                .into_iter()
                .map(|excess| {
                    *seen.entry(excess).or_insert_with(|| {
                        excesses.push(excess);
                        excesses.len() - 1
                    })
                })
                .collect();
            let names = policy.sites().iter().map(|site| site.name().as_str());
            sites.extend(names.map(|site| (site, numbers.clone())));
        }
        let table = format!("{}.{purpose}_rows", schema.database());
        Self { table, has_query: columns.contains("query"), excesses, sites }
    }

    /// What is too much, in the order in which it is taken away.
    pub(super) async fn ask(&self, store: &Store) -> Result<Vec<Finding<'a>>, StoreError> {
        let query = store.client.query(&self.sql().replace('?', "??"));
        let answers =
            query.fetch_all::<Answer>().await.map_err(|error| StoreError::read(&error))?;
        Ok(self.findings(&answers))
    }

    pub(super) fn sql(&self) -> String {
        let is_counted = |excess: &Excess<'_>| !matches!(excess, Excess::Query(_));
        let count = |excess: &Excess<'_>| {
            if is_counted(excess) {
                format!("countIf({})", excess.condition())
            } else {
                "0".to_owned()
            }
        };
        let counts: Vec<_> = self.excesses.iter().map(count).collect();
        let parameters = if self.has_query && !self.excesses.iter().all(is_counted) {
            "sumMap(CAST(mapKeys(query), 'Array(String)'), arrayMap(parameter -> toUInt64(1), mapKeys(query)))"
        } else {
            "(CAST([], 'Array(String)'), CAST([], 'Array(UInt64)'))"
        };
        format!(
            "SELECT toString(site) AS site, toString(kind) AS kind,\n  \
             toUInt32(max(dateDiff('day', received_at, expires_at))) AS days_max,\n  \
             CAST([{}], 'Array(UInt64)') AS counts,\n  {parameters} AS parameters\n\
             FROM {} GROUP BY site, kind ORDER BY site, kind",
            counts.join(",\n    "),
            self.table
        )
    }

    pub(super) fn findings(&self, answers: &[Answer]) -> Vec<Finding<'a>> {
        let mut tallies: Vec<_> = self.excesses.iter().map(|it| (*it, Tally::default())).collect();
        for answer in answers {
            for number in self.possible(answer) {
                if let Some((excess, tally)) = tallies.get_mut(number) {
                    tally.add(*excess, answer, number);
                }
            }
        }
        let found = tallies.into_iter().filter(|(_, tally)| tally.count > 0);
        let mut findings: Vec<_> = found.map(|(excess, tally)| tally.finding(excess)).collect();
        findings.sort_by_key(|finding| finding.excess.rank());
        findings
    }

    /// What these rows can have too much of; rows that are deleted have nothing else.
    fn possible(&self, answer: &Answer) -> Vec<usize> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.label() == answer.kind);
        let of_site = self.sites.get(answer.site.as_str()).into_iter().flatten();
        let mut possible = Vec::new();
        for number in of_site.copied() {
            match self.excesses.get(number) {
                Some(excess) if !excess.concerns(kind) => {}
                Some(excess) if excess.is_deleted() => return vec![number],
                _ => possible.push(number),
            }
        }
        possible
    }
}

// === impl Answer ===

impl Answer {
    /// How many parameters are not among those that are kept, and which.
    fn not_among(&self, kept: &[String]) -> (u64, Vec<String>) {
        let (names, counts) = &self.parameters;
        let all = names.iter().zip(counts);
        let dropped: Vec<_> = all.filter(|(name, _)| !kept.contains(name)).collect();
        let count = dropped.iter().map(|(_, count)| **count).sum();
        (count, dropped.into_iter().map(|(name, _)| name.clone()).collect())
    }
}

/// How much was found.
#[derive(Debug, Default)]
struct Tally {
    sites: BTreeSet<String>,
    count: u64,
    days_max: u32,
    names: BTreeSet<String>,
}

// === impl Tally ===

impl Tally {
    fn add(&mut self, excess: Excess<'_>, answer: &Answer, number: usize) {
        let (count, names) = if let Excess::Query(kept) = excess {
            answer.not_among(kept)
        } else {
            let count = answer.counts.get(number).copied().unwrap_or_default();
            (count, vec![answer.kind.clone()])
        };
        if count > 0 {
            self.count += count;
            self.names.extend(names);
            self.sites.insert(answer.site.clone());
            self.days_max = self.days_max.max(answer.days_max);
        }
    }

    fn finding(self, excess: Excess<'_>) -> Finding<'_> {
        Finding {
            excess,
            sites: self.sites.into_iter().collect(),
            count: self.count,
            days_max: self.days_max,
            names: self.names.into_iter().collect(),
        }
    }
}
