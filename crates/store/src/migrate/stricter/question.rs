//! The one question to a table: of which rows is there too much.

use std::collections::{BTreeSet, HashMap, HashSet};

use candor_event::{Kind, Purpose};
use candor_policy::Policy;
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
    /// Each once, in the order in which it is taken away.
    excesses: Vec<Excess>,
    /// By site: its policy, and which of them its rows can have.
    sites: HashMap<&'a str, (&'a Policy, Vec<usize>)>,
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
            sites.extend(names.map(|site| (site, (&**policy, numbers.clone()))));
        }
        let table = format!("{}.{purpose}_rows", schema.database());
        Self { table, excesses, sites }
    }

    /// What is too much, in the order in which it is taken away.
    pub(super) async fn ask(&self, store: &Store) -> Result<Vec<Finding>, StoreError> {
        let query = store.client.query(&self.sql().replace('?', "??"));
        let answers =
            query.fetch_all::<Answer>().await.map_err(|error| StoreError::read(&error))?;
        Ok(self.findings(&answers))
    }

    pub(super) fn sql(&self) -> String {
        let count = |excess: &Excess| {
            excess.condition().map_or_else(|| "0".to_owned(), |it| format!("countIf({it})"))
        };
        let counts: Vec<_> = self.excesses.iter().map(count).collect();
        let parameters = if self.excesses.contains(&Excess::Query) {
            "sumMap(CAST(mapKeys(query), 'Array(String)'), \
             arrayMap(parameter -> toUInt64(1), mapKeys(query)))"
        } else {
            "(CAST([], 'Array(String)'), CAST([], 'Array(UInt64)'))"
        };
        format!(
            "SELECT toString(site) AS site, toString(kind) AS kind,\n  \
             toUInt32(greatest(max(dateDiff('day', received_at, expires_at)), 0)) AS days_max,\n  \
             CAST([{}], 'Array(UInt64)') AS counts,\n  {parameters} AS parameters\n\
             FROM {} GROUP BY site, kind ORDER BY site, kind",
            counts.join(",\n    "),
            self.table
        )
    }

    pub(super) fn findings(&self, answers: &[Answer]) -> Vec<Finding> {
        let mut tallies: Vec<_> = self.excesses.iter().map(|it| (*it, Tally::default())).collect();
        for answer in answers {
            let Some((policy, numbers)) = self.sites.get(answer.site.as_str()) else { continue };
            for number in self.possible(numbers, &answer.kind) {
                match tallies.get_mut(number) {
                    Some((Excess::Query, tally)) => tally.add_parameters(answer, policy),
                    Some((_, tally)) => tally.add_rows(answer, number),
                    None => {}
                }
            }
        }
        let found = tallies.into_iter().filter(|(_, tally)| tally.count > 0);
        let mut findings: Vec<_> = found.map(|(excess, tally)| tally.finding(excess)).collect();
        findings.sort_by_key(|finding| finding.excess.rank());
        findings
    }

    /// What rows of this kind can have too much of; rows that are deleted have nothing else.
    fn possible(&self, numbers: &[usize], kind: &str) -> Vec<usize> {
        let kind = Kind::ALL.into_iter().find(|known| known.label() == kind);
        let mut possible = Vec::new();
        for number in numbers.iter().copied() {
            match self.excesses.get(number) {
                Some(excess) if !excess.concerns(kind) => {}
                Some(excess) if excess.is_deleted() => return vec![number],
                _ => possible.push(number),
            }
        }
        possible
    }
}

/// How much was found.
#[derive(Debug, Default)]
struct Tally {
    sites: BTreeSet<String>,
    count: u64,
    days_max: u32,
    kinds: BTreeSet<String>,
    parameters: BTreeSet<(String, String)>,
}

// === impl Tally ===

impl Tally {
    fn add_rows(&mut self, answer: &Answer, number: usize) {
        let count = answer.counts.get(number).copied().unwrap_or_default();
        if count > 0 {
            self.count += count;
            self.sites.insert(answer.site.clone());
            self.days_max = self.days_max.max(answer.days_max);
            self.kinds.insert(answer.kind.clone());
        }
    }

    fn add_parameters(&mut self, answer: &Answer, policy: &Policy) {
        let (names, counts) = &answer.parameters;
        for (name, count) in names.iter().zip(counts).filter(|(name, _)| !policy.keeps_query(name))
        {
            self.count += count;
            self.sites.insert(answer.site.clone());
            self.parameters.insert((answer.site.clone(), name.clone()));
        }
    }

    fn finding(self, excess: Excess) -> Finding {
        Finding {
            excess,
            sites: self.sites.into_iter().collect(),
            count: self.count,
            days_max: self.days_max,
            kinds: self.kinds.into_iter().collect(),
            parameters: self.parameters.into_iter().collect(),
        }
    }
}
