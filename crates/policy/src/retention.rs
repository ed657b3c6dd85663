//! How long: a period as a notice states it, and the moment at which it ends.
//!
//! Months are calendar months in UTC, as people count them: 31 January and one month is the last of
//! February. The time of day stays, which is also how the database counts.

use std::fmt;

use candor_event::Timestamp;

use crate::civil::Moment;

/// A period of days or of months, between one day and ten years. Years are kept as months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retention {
    months: u16,
    days: u16,
}

/// Why a period is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
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

// === impl Retention ===

impl Retention {
    /// The longest period in months.
    pub const MONTHS_MAX: u16 = 120;
    /// The longest period in days.
    pub const DAYS_MAX: u16 = 3_650;

    /// Reads `N days`, `N months` or `N years`.
    ///
    /// # Errors
    /// [`RetentionError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RetentionError> {
        let (count, unit) = text.split_once(' ').ok_or(RetentionError::Grammar)?;
        if count.is_empty() || !count.bytes().all(|c| c.is_ascii_digit()) {
            return Err(RetentionError::Grammar);
        }
        let count: u16 = count.parse().map_err(|_| RetentionError::TooLong)?;
        let (months, days) = match unit {
            "day" | "days" => (0, count),
            "month" | "months" => (count, 0),
            "year" | "years" => (count.saturating_mul(12), 0),
            "second" | "seconds" | "minute" | "minutes" | "hour" | "hours" => {
                return Err(RetentionError::TooShort);
            }
            _ => return Err(RetentionError::Grammar),
        };
        if months > Self::MONTHS_MAX || days > Self::DAYS_MAX {
            return Err(RetentionError::TooLong);
        }
        if months == 0 && days == 0 {
            return Err(RetentionError::TooShort);
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

    /// When what was received at `received_at` must be gone.
    #[must_use]
    pub fn expires(self, received_at: Timestamp) -> Timestamp {
        self.expires_after(&Moment::at(received_at.unix()))
    }

    pub(crate) fn expires_after(self, received: &Moment) -> Timestamp {
        Timestamp::from_unix(received.plus(self.months, self.days))
    }
}

impl fmt::Display for Retention {
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
            ("0 days", Err(RetentionError::TooShort)),
            ("12 hours", Err(RetentionError::TooShort)),
            ("11 years", Err(RetentionError::TooLong)),
            ("9999 years", Err(RetentionError::TooLong)),
            ("99999999 days", Err(RetentionError::TooLong)),
            ("until further notice", Err(RetentionError::Grammar)),
            ("24", Err(RetentionError::Grammar)),
            ("-1 days", Err(RetentionError::Grammar)),
            ("1  day", Err(RetentionError::Grammar)),
            ("", Err(RetentionError::Grammar)),
        ];
        for (text, want) in cases {
            let got = Retention::parse(text).map(|retention| retention.to_string());
            assert_eq!(got, want.map(str::to_owned), "{text}");
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
            let expires =
                Retention::parse(period).unwrap().expires(Timestamp::from_unix(received_at));
            assert_eq!(expires.unix(), expires_at, "{name}");
        }
    }

    fn months() -> impl Strategy<Value = Retention> {
        (1..=Retention::MONTHS_MAX).prop_map(|months| Retention { months, days: 0 })
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
            let ends = |period: Retention| period.expires(Timestamp::from_unix(at));
            prop_assert_eq!(ends(a).cmp(&ends(b)), a.months().cmp(&b.months()));
        }

        #[test]
        fn what_is_shown_is_read_again(period in months()) {
            prop_assert_eq!(Retention::parse(&period.to_string()), Ok(period));
        }
    }
}
