//! Just enough of the Gregorian calendar, in UTC, to add months to a moment.

/// A moment whose date is known: it is worked out once for all periods that begin then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    unix: i64,
    date: Date,
}

/// A day of the calendar. Months count from 0, days from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

// === impl Moment ===

impl Moment {
    /// The moment of these Unix seconds.
    pub(crate) fn at(unix: i64) -> Self {
        Self { unix, date: Date::from_day(unix.div_euclid(DAY_SECONDS)) }
    }

    /// Unix seconds at the same time of day, months and then days later. A day that the month does
    /// not have becomes its last day.
    pub(crate) fn plus(&self, months: u16, days: u16) -> i64 {
        let months_later = match months {
            0 => self.unix,
            _ => self
                .date
                .plus_months(months)
                .to_day()
                .saturating_mul(DAY_SECONDS)
                .saturating_add(self.unix.rem_euclid(DAY_SECONDS)),
        };
        months_later.saturating_add(i64::from(days) * DAY_SECONDS)
    }
}

// === impl Date ===

impl Date {
    /// The date of a day, counted from 1 January 1970.
    fn from_day(day: i64) -> Self {
        // 400 years have 146,097 days. The quotient is at most one year off.
        let mut year = 1970 + (day * 400).div_euclid(146_097);
        while new_year(year) > day {
            year -= 1;
        }
        while new_year(year + 1) <= day {
            year += 1;
        }
        // Twelve months have 367 days, once February is stretched to 30.
        let passed = day - new_year(year);
        let is_past_february = passed >= 61 - stretch(year);
        let stretched = passed + if is_past_february { stretch(year) } else { 0 };
        let month = (stretched * 12 + 6) / 367;
        Self { year, month, day: passed - days_before(year, month) + 1 }
    }

    fn to_day(self) -> i64 {
        new_year(self.year) + days_before(self.year, self.month) + self.day - 1
    }

    fn plus_months(self, months: u16) -> Self {
        let months = self.year * 12 + self.month + i64::from(months);
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
        Self { year, month, day: self.day.min(days_of(year, month)) }
    }
}

/// The day of 1 January, counted from 1 January 1970.
fn new_year(year: i64) -> i64 {
    let past = year - 1;
    let leap_days = past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400);
    past * 365 + leap_days - DAYS_BEFORE_1970
}

/// The days of the year that are over when a month begins.
fn days_before(year: i64, month: i64) -> i64 {
    let stretched = (month * 367 + 5) / 12;
    stretched - if month > 1 { stretch(year) } else { 0 }
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        1 => 30 - stretch(year),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// How many days February lacks to 30.
fn stretch(year: i64) -> i64 {
    if is_leap(year) { 1 } else { 2 }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const DAY_SECONDS: i64 = 86_400;
/// From 1 January of year 1 to 1 January 1970.
const DAYS_BEFORE_1970: i64 = 719_162;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_days_have_their_dates() {
        let cases = [
            (0, (1970, 0, 1)),
            (-1, (1969, 11, 31)),
            (11_016, (2000, 1, 29)),
            (19_782, (2024, 1, 29)),
            (47_541, (2100, 2, 1)),
        ];
        for (number, (year, month, day)) in cases {
            let date = Date { year, month, day };
            assert_eq!(Date::from_day(number), date);
            assert_eq!(date.to_day(), number);
        }
    }

    #[test]
    fn every_day_of_800_years_follows_the_day_before() {
        let mut before = Date::from_day(-146_098);
        for day in -146_097..=146_097 {
            let date = Date::from_day(day);
            let next_month = Date { day: 1, ..before }.plus_months(1);
            let follows = (date == Date { day: before.day + 1, ..before })
                || (date == next_month && before.day == days_of(before.year, before.month));
            assert!(follows, "{before:?} {date:?}");
            assert_eq!(date.to_day(), day);
            before = date;
        }
    }

    proptest! {
        #[test]
        fn any_moment_is_counted_without_overflow(unix: i64, months: u16, days: u16) {
            prop_assert!(Moment::at(unix).plus(months, days) >= unix);
        }
    }
}
