//! Short spans: how long a key may live, and how long events may lie in the log.

use std::fmt;

/// So many hours, from one to a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours(u16);

// === impl Hours ===

impl Hours {
    /// A day: what holds when the policy does not say.
    pub const DEFAULT: Self = Self(24);
    /// The longest, in hours: a week.
    pub const HOURS_MAX: u16 = 168;

    /// Reads `N hours` or `N days`.
    pub fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once(' ')?;
        let count: u16 =
            count.bytes().all(|c| c.is_ascii_digit()).then(|| count.parse().ok())??;
        let hours = match unit {
            "hour" | "hours" => count,
            "day" | "days" => count.checked_mul(24)?,
            _ => return None,
        };
        (1..=Self::HOURS_MAX).contains(&hours).then_some(Self(hours))
    }

    /// Its hours.
    pub const fn hours(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hour{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_go_up_to_a_week() {
        let cases = [
            ("24 hours", Some("24 hours")),
            ("1 hour", Some("1 hour")),
            ("2 days", Some("48 hours")),
            ("7 days", Some("168 hours")),
            ("8 days", None),
            ("0 hours", None),
            ("1 month", None),
            ("24", None),
            ("+1 hours", None),
            ("99999 days", None),
        ];
        for (text, want) in cases {
            let hours = Hours::parse(text).map(|hours| hours.to_string());
            assert_eq!(hours.as_deref(), want, "{text}");
        }
    }
}
