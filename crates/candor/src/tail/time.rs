//! Moments as people and `jq` read them.

use std::fmt;

use serde::{Serialize, Serializer};

/// A moment in Unix seconds, shown as ISO 8601 in UTC: `2026-11-22T13:00:00Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) i64);

const DAY_SECONDS: i64 = 86_400;
/// From 1 March of year 0 to 1 January 1970. A year that begins in March has its leap day at its end.
const DAYS_BEFORE_1970: i64 = 719_468;
/// Days of 400 years, of 100 that end without a leap day, of 4 that end with one, and of one year.
const PERIODS: [i64; 4] = [146_097, 36_524, 1_461, 365];

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0.div_euclid(DAY_SECONDS));
        let seconds = self.0.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Year, month and day of a day that is counted from 1 January 1970.
fn date(day: i64) -> (i64, i64, i64) {
    let [era_days, century_days, leap_days, year_days] = PERIODS;
    let day = day.saturating_add(DAYS_BEFORE_1970);
    let (era, rest) = (day.div_euclid(era_days), day.rem_euclid(era_days));
    // The last century of an era, and the last year of four, are a day longer.
    let century = (rest / century_days).min(3);
    let rest = rest - century * century_days;
    let (four, rest) = (rest / leap_days, rest % leap_days);
    let one = (rest / year_days).min(3);
    let rest = rest - one * year_days;
    // From March on, the months have 31, 30, 31, 30, 31 days, and again.
    let month = (rest * 5 + 2) / 153;
    let day = rest - (month * 153 + 2) / 5 + 1;
    let year = era * 400 + century * 100 + four * 4 + one;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_208_000, "2024-02-29T12:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_795_352_399, "2026-11-22T12:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (unix, want) in cases {
            assert_eq!(Moment(unix).to_string(), want);
        }
    }

    #[test]
    fn every_day_of_500_years_follows_the_day_before() {
        let mut before = date(-100_000);
        for day in -99_999..=90_000 {
            let next = date(day);
            let (year, month, dom) = before;
            let follows = next == (year, month, dom + 1)
                || (dom >= 28 && next == (year, month + 1, 1))
                || ((month, dom) == (12, 31) && next == (year + 1, 1, 1));
            assert!(follows, "{before:?} {next:?}");
            before = next;
        }
    }

    #[test]
    fn any_number_is_a_moment() {
        for unix in [i64::MIN, i64::MAX] {
            assert!(Moment(unix).to_string().ends_with('Z'));
        }
    }
}
