//! What an operator reads of a finding.

use candor_event::Purpose;
use candor_policy::KindSet;

use super::{Excess, Finding};

/// Sites that are named before the others are counted.
const NAMED_MAX: usize = 3;

// === impl Finding ===

impl Finding<'_> {
    /// As in: 1,204 rows of shop.example in statistics: kept for up to 731 days, now for 13 months.
    pub(super) fn words(&self, purpose: &Purpose) -> String {
        let unit = match (self.excess, self.count) {
            (Excess::Query(_), 1) => "query parameter",
            (Excess::Query(_), _) => "query parameters",
            (_, 1) => "row",
            _ => "rows",
        };
        let (count, sites) = (thousands(self.count), self.sites());
        format!("{count} {unit} of {sites} in {purpose}: {}", self.change())
    }

    fn change(&self) -> String {
        let names = self.names.join(", ");
        match self.excess {
            Excess::Purpose => "the policy no longer has the purpose, deleted".to_owned(),
            Excess::Kinds(_) => format!("{names} no longer kept, deleted"),
            Excess::Period(period, kinds) => {
                let of = if kinds == KindSet::ALL { String::new() } else { names + " " };
                format!("{of}kept for up to {} days, now for {period}", self.days_max)
            }
            Excess::Field(field) => format!("{} no longer kept, emptied", field.label()),
            Excess::Query(_) => format!("{names} no longer kept, removed"),
            Excess::Bits(v4, v6) => {
                format!("addresses cut to {v4} bits of IPv4 and {v6} bits of IPv6")
            }
            Excess::Address => "only the hash of an address is kept, addresses emptied".to_owned(),
            Excess::Hash => "no hash of an address is kept, emptied".to_owned(),
        }
    }

    fn sites(&self) -> String {
        let (named, others) = self.sites.split_at(self.sites.len().min(NAMED_MAX));
        let named = named.join(", ");
        match others.len() {
            0 => named,
            1 => format!("{named} and another site"),
            count => format!("{named} and {} other sites", thousands(count as u64)),
        }
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
