//! A day of the calendar: the date of a policy, and the day on which a profile was checked.

use std::fmt;

use toml::value::Datetime;

/// A day, in the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

// === impl Date ===

impl Date {
    /// Reads `2026-11-20`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::of(&text.parse().ok()?)
    }

    /// The day of a value of a TOML file, when it is a day and nothing more.
    pub(crate) fn of(value: &Datetime) -> Option<Self> {
        let Datetime { date: Some(date), time: None, offset: None } = value else {
            return None;
        };
        Some(Self { year: date.year, month: date.month, day: date.day })
    }

    /// The year.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, from 1.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub const fn day(self) -> u8 {
        self.day
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_shown() {
        assert_eq!(
            Date::parse("2026-11-20").map(|day| day.to_string()).as_deref(),
            Some("2026-11-20")
        );
        for no_day in ["", "2026-11", "2026-02-30", "20.11.2026", "2026-11-20T10:00:00", "10:00:00"]
        {
            assert_eq!(Date::parse(no_day), None, "{no_day}");
        }
    }
}
