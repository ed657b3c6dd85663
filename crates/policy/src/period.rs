//! How long: a period as a notice states it, and the moment at which it ends.
//!
//! Months are calendar months in UTC, as people count them: 31 January and one month is the last of
//! February. The time of day stays, which is also how the database counts.

use std::fmt;

use candor_event::Timestamp;

use crate::civil::Moment;

/// A period of days or of months, between one day and ten years. Years are kept as months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    months: u16,
    days: u16,
}

/// Why a period is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Not a number and a unit.
    #[error("is not a period")]
    Grammar,
    /// More than ten years.
    #[error("is longer than ten years")]
    TooLong,
    /// Less than a day, which the log itself may keep.
    #[error("is shorter than a day")]
    TooShort,
}

// === impl Period ===

impl Period {
    /// Ten years: nothing is kept for longer.
    pub const LONGEST: Self = Self { months: Self::MONTHS_MAX, days: 0 };
    /// The longest period in months.
    pub const MONTHS_MAX: u16 = 120;
    /// The longest period in days.
    pub const DAYS_MAX: u16 = 3_650;

    /// Reads `N days`, `N months` or `N years`.
    ///
    /// # Errors
    /// [`PeriodError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PeriodError> {
        let (count, unit) = text.split_once(' ').ok_or(PeriodError::Grammar)?;
        if count.is_empty() || !count.bytes().all(|c| c.is_ascii_digit()) {
            return Err(PeriodError::Grammar);
        }
        let count: u16 = count.parse().map_err(|_| PeriodError::TooLong)?;
        let (months, days) = match unit {
            "day" | "days" => (0, count),
            "month" | "months" => (count, 0),
            "year" | "years" => (count.saturating_mul(12), 0),
            "second" | "seconds" | "minute" | "minutes" | "hour" | "hours" => {
                return Err(PeriodError::TooShort);
            }
            _ => return Err(PeriodError::Grammar),
        };
        if months > Self::MONTHS_MAX || days > Self::DAYS_MAX {
            return Err(PeriodError::TooLong);
        }
        if months == 0 && days == 0 {
            return Err(PeriodError::TooShort);
        }
        Ok(Self { months, days })
    }

    /// Its months; 0 for a period of days.
    pub const fn months(self) -> u16 {
        self.months
    }

    /// Its days; 0 for a period of months.
    pub const fn days(self) -> u16 {
        self.days
    }

    /// The days that it can have at most.
    pub(crate) fn most_days(self) -> u16 {
        if self.months == 0 { self.days } else { most_days(self.months) }
    }

    /// The hours that it has at least.
    pub(crate) fn fewest_hours(self) -> u16 {
        let days = if self.months == 0 { self.days } else { fewest_days(self.months) };
        days.saturating_mul(24)
    }

    /// Whether it never ends later than the other, whenever both begin. Of `30 days` and `1 month` neither
    /// does: the one is longer in February, the other in March.
    pub fn is_within(self, other: Self) -> bool {
        match (self.months, other.months) {
            (0, 0) => self.days <= other.days,
            (0, months) => self.days <= fewest_days(months),
            (months, 0) => most_days(months) <= other.days,
            (months, others) => months <= others,
        }
    }

    /// When what was received at `received_at` must be gone.
    #[must_use]
    pub fn expires(self, received_at: Timestamp) -> Timestamp {
        self.expires_after(&Moment::at(received_at.unix()))
    }

    pub(crate) fn expires_after(self, received: &Moment) -> Timestamp {
        Timestamp::from_unix(received.plus(self.months, self.days))
    }
}

/// The days of so many months in a row, where February is among them as often as it can be.
fn fewest_days(months: u16) -> u16 {
    const OF_MONTHS: [u16; 12] = [0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334];
    let rest = OF_MONTHS.get(usize::from(months % 12)).copied().unwrap_or_default();
    months / 12 * 365 + rest
}

/// The days of so many months in a row, where they are long and years are leap years.
fn most_days(months: u16) -> u16 {
    const OF_MONTHS: [u16; 12] = [0, 31, 62, 92, 123, 153, 184, 215, 245, 276, 306, 337];
    let rest = OF_MONTHS.get(usize::from(months % 12)).copied().unwrap_or_default();
    months / 12 * 366 + rest
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self.months {
            0 => (self.days, "day"),
            months => (months, "month"),
        };
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {unit}{plural}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400;

    #[test]
    fn periods_are_read_and_shown() {
        let cases = [
            ("24 months", Ok("24 months")),
            ("1 month", Ok("1 month")),
            ("2 years", Ok("24 months")),
            ("10 years", Ok("120 months")),
            ("90 days", Ok("90 days")),
            ("0 days", Err(PeriodError::TooShort)),
            ("12 hours", Err(PeriodError::TooShort)),
            ("11 years", Err(PeriodError::TooLong)),
            ("9999 years", Err(PeriodError::TooLong)),
            ("99999999 days", Err(PeriodError::TooLong)),
            ("until further notice", Err(PeriodError::Grammar)),
            ("24", Err(PeriodError::Grammar)),
            ("-1 days", Err(PeriodError::Grammar)),
            ("1  day", Err(PeriodError::Grammar)),
            ("", Err(PeriodError::Grammar)),
        ];
        for (text, want) in cases {
            let got = Period::parse(text).map(|period| period.to_string());
            assert_eq!(got, want.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn of_days_and_months_the_shorter_is_known_or_neither_is() {
        let period = |text| Period::parse(text).unwrap();
        let cases = [
            ("28 days", "1 month", (true, false)),
            ("30 days", "1 month", (false, false)),
            ("31 days", "1 month", (false, true)),
            ("365 days", "1 year", (true, false)),
            ("366 days", "1 year", (false, true)),
            ("90 days", "90 days", (true, true)),
            ("24 months", "2 years", (true, true)),
        ];
        for (a, b, want) in cases {
            let (a, b) = (period(a), period(b));
            assert_eq!((a.is_within(b), b.is_within(a)), want, "{a} {b}");
        }
    }

    #[test]
    fn a_month_ends_on_its_last_day_at_the_latest() {
        let noon = DAY / 2;
        let cases = [
            ("31 January 2026", 1_769_860_800, "1 month", 1_772_280_000),
            ("31 January 2028", 1_832_932_800, "1 month", 1_835_438_400),
            ("29 February 2024", 1_709_208_000, "1 year", 1_740_744_000),
            ("1 March 2026", 1_772_366_400, "1 day", 1_772_452_800),
        ];
        for (name, received_at, period, expires_at) in cases {
            assert_eq!(received_at % DAY, noon, "{name}");
            let expires = Period::parse(period).unwrap().expires(Timestamp::from_unix(received_at));
            assert_eq!(expires.unix(), expires_at, "{name}");
        }
    }

    fn months() -> impl Strategy<Value = Period> {
        (1..=Period::MONTHS_MAX).prop_map(|months| Period { months, days: 0 })
    }

    fn any_period() -> impl Strategy<Value = Period> {
        let days = (1..=Period::DAYS_MAX).prop_map(|days| Period { months: 0, days });
        prop_oneof![months(), days]
    }

    /// From the year 1900 to 2200.
    fn moment() -> impl Strategy<Value = i64> {
        -2_208_988_800_i64..7_258_118_400
    }

    proptest! {
        #[test]
        fn a_month_has_28_to_31_days(at in moment(), period in months()) {
            let days = (period.expires(Timestamp::from_unix(at)).unix() - at) / DAY;
            let months = i64::from(period.months());
            prop_assert!((28 * months..=31 * months).contains(&days));
        }

        #[test]
        fn what_comes_on_a_later_day_never_ends_on_an_earlier_one(
            a in moment(), b in moment(), period in months(),
        ) {
            let ends = |at| period.expires(Timestamp::from_unix(at)).unix().div_euclid(DAY);
            prop_assert!(ends(a.min(b)) <= ends(a.max(b)));
        }

        #[test]
        fn a_longer_period_ends_later(at in moment(), a in months(), b in months()) {
            let ends = |period: Period| period.expires(Timestamp::from_unix(at));
            prop_assert_eq!(ends(a).cmp(&ends(b)), a.months().cmp(&b.months()));
        }

        #[test]
        fn what_is_within_never_ends_later(at in moment(), a in any_period(), b in any_period()) {
            let ends = |period: Period| period.expires(Timestamp::from_unix(at));
            prop_assert!(!a.is_within(b) || ends(a) <= ends(b));
            prop_assert!(a.is_within(a));
        }

        #[test]
        fn what_is_shown_is_read_again(period in any_period()) {
            prop_assert_eq!(Period::parse(&period.to_string()), Ok(period));
        }
    }
}
