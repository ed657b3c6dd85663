//! What an operator reads of a finding.

use std::collections::BTreeSet;

use candor_event::Purpose;
use candor_policy::KindSet;

use super::{Excess, Finding};

/// Sites, or parameters, that are named before the others are counted.
const NAMED_MAX: usize = 3;

// === impl Finding ===

impl Finding {
    /// As in: 1,204 rows of shop.example in statistics: kept for up to 731 days, now for 13 months.
    pub(super) fn words(&self, purpose: &Purpose) -> String {
        let unit = match (self.excess, self.count) {
            (Excess::Query, 1) => "query parameter",
            (Excess::Query, _) => "query parameters",
            (_, 1) => "row",
            _ => "rows",
        };
        let (count, sites) = (thousands(self.count), self.sites());
        format!("{count} {unit} of {sites} in {purpose}: {}", self.change())
    }

    fn change(&self) -> String {
        match self.excess {
            Excess::Purpose => "the policy no longer has the purpose, deleted".to_owned(),
            Excess::Kinds(_) => format!("{} no longer kept, deleted", self.kinds.join(", ")),
            Excess::Period(period, kinds) => {
                let kinds = if kinds == KindSet::ALL { Vec::new() } else { self.kinds.clone() };
                let of = if kinds.is_empty() { String::new() } else { kinds.join(", ") + " " };
                format!("{of}kept for up to {} days, now for {period}", self.days_max)
            }
            Excess::Field(field) => format!("{} no longer kept, emptied", field.label()),
            Excess::Query => format!("{} no longer kept, removed", self.parameters()),
            Excess::Bits(v4, v6) => {
                format!("addresses cut to {v4} bits of IPv4 and {v6} bits of IPv6")
            }
            Excess::Address => "only the hash of an address is kept, addresses emptied".to_owned(),
            Excess::Hash => "no hash of an address is kept, emptied".to_owned(),
        }
    }

    fn sites(&self) -> String {
        named(self.sites.iter().map(String::as_str), "site")
    }

    fn parameters(&self) -> String {
        let names: BTreeSet<_> = self.parameters.iter().map(|(_, name)| name.as_str()).collect();
        named(names.into_iter(), "parameter")
    }
}

/// The first few by name, the others by number.
fn named<'a>(mut names: impl Iterator<Item = &'a str>, what: &str) -> String {
    let first: Vec<_> = names.by_ref().take(NAMED_MAX).collect();
    let first = first.join(", ");
    match names.count() {
        0 => first,
        1 => format!("{first} and another {what}"),
        others => format!("{first} and {} other {what}s", thousands(others as u64)),
    }
}

/// A number with commas, so that its size can be seen.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
