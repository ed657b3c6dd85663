//! What is stored of visits, as analysts see it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::system::Firm;

const NO_ADDRESS: &str = "::";
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// What is stored of a firm's visits: everything that was accepted before this was made.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) firm: &'a Firm,
}

// === impl Stored ===

impl<'a> Stored<'a> {
    /// The purposes, of whichever firm, that keep a visit to this page.
    pub(crate) fn purposes(self, page: &str) -> Vec<&'a str> {
        let all = self.firm.purposes.iter().map(String::as_str);
        all.filter(|purpose| self.count(purpose, page) > 0).collect()
    }

    /// The columns that are filled in the view of a purpose, beyond the bare fact, in the order of the
    /// alphabet.
    pub(crate) fn filled(self, purpose: &str, page: &str) -> Vec<String> {
        let row = self.ask(purpose, page, "* EXCEPT (key_epoch) FORMAT JSONEachRow");
        let row: Map<String, Value> = serde_json::from_str(&row).unwrap();
        let bare = ["site", "kind", "received_at", "expires_at", "basis", "policy_version"];
        assert!(bare.iter().all(|name| !is_empty(&row[*name])), "{row:?}");
        let is_filled =
            |(name, value): &(String, Value)| !bare.contains(&name.as_str()) && !is_empty(value);
        let filled: BTreeSet<_> = row.into_iter().filter(is_filled).map(|(name, _)| name).collect();
        filled.into_iter().collect()
    }

    /// What the view of a purpose says of the only visit to this page.
    pub(crate) fn ask(self, purpose: &str, page: &str, what: &str) -> String {
        assert_eq!(self.count(purpose, page), 1, "{purpose}, {page}");
        let (columns, format) = what.split_once(" FORMAT ").unwrap_or((what, "TSV"));
        let site = self.firm.site();
        self.firm.sql(&format!(
            "SELECT {columns} FROM candor.{purpose} WHERE site = '{site}' AND path = '{page}' \
             FORMAT {format}"
        ))
    }

    /// That the only visit to this page is kept for this period, `3 MONTH`.
    pub(crate) fn expires(self, purpose: &str, page: &str, period: &str) {
        let is_so =
            format!("expires_at = received_at + INTERVAL {period}, received_at, expires_at");
        let times = self.ask(purpose, page, &is_so);
        assert!(times.starts_with("1\t"), "{purpose}: {times} instead of {period}");
    }

    /// How many rows a purpose has of this page.
    pub(crate) fn count(self, purpose: &str, page: &str) -> usize {
        let site = self.firm.site();
        let rows = self.firm.sql(&format!(
            "SELECT count() FROM candor.{purpose}_rows WHERE site = '{site}' AND path = '{page}'"
        ));
        rows.parse().unwrap()
    }
}

/// Whether a column says nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => false,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => ["", NO_ADDRESS, NO_ID].contains(&text.as_str()),
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
    }
}
