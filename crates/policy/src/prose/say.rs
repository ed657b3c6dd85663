//! Figures, dates, lists and gaps, as a language has them.

use super::Prose;
use crate::{Date, Hours, Period};

/// From this many months on, whole years are said as such.
const YEARS_FROM: u16 = 37;

/// A sentence whose gaps (`{name}`) are filled. What is filled in is not looked into.
pub(crate) fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut parts = sentence.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once('}').unwrap_or((part, ""));
        let value = values.iter().find_map(|(known, value)| (*known == name).then_some(*value));
        filled.push_str(value.unwrap_or_default());
        filled.push_str(after);
    }
    filled
}

// === impl Prose ===

impl Prose {
    /// `24 months`.
    pub(crate) fn period(&self, period: Period) -> String {
        let words = &self.words;
        match (period.months(), period.days()) {
            (0, days) => counted(days, &words.day, &words.days),
            (months, _) if months >= YEARS_FROM && months % 12 == 0 => {
                counted(months / 12, &words.year, &words.years)
            }
            (months, _) => counted(months, &words.month, &words.months),
        }
    }

    /// `24 hours`.
    pub(crate) fn hours(&self, hours: Hours) -> String {
        counted(hours.hours(), &self.words.hour, &self.words.hours)
    }

    /// `24 and a half hours`: how long after it was drawn the last of a key is destroyed. For half an hour
    /// after its own time it still tells which visit goes on, and for no other use.
    pub(crate) fn destroyed(&self, rotation: Hours) -> String {
        fill(&self.words.half, &[("count", &rotation.hours().to_string())])
    }

    /// `20 November 2026`.
    pub(crate) fn date(&self, date: Date) -> String {
        let (day, year) = (date.day().to_string(), date.year().to_string());
        let month = usize::from(date.month()).checked_sub(1);
        let month = month.and_then(|month| self.words.calendar.get(month));
        let month = month.map(String::as_str).unwrap_or_default();
        fill(&self.words.date, &[("day", &day), ("month", month), ("year", &year)])
    }

    /// `one, two and three`.
    pub(crate) fn list<T: AsRef<str>>(&self, items: &[T]) -> String {
        let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
        match items.split_last() {
            Some((last, rest)) if !rest.is_empty() => {
                format!("{} {} {last}", rest.join(", "), self.words.and)
            }
            _ => items.concat(),
        }
    }
}

fn counted(count: u16, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Language, prose};

    #[test]
    fn gaps_are_filled_once() {
        let filled = fill("{a} and {b}, {a}.", &[("a", "{b}"), ("b", "2")]);
        assert_eq!(filled, "{b} and 2, {b}.");
        assert_eq!(fill("plain", &[]), "plain");
        assert_eq!(fill("{missing}!", &[]), "!");
    }

    #[test]
    fn figures_and_lists_are_said_in_each_language() {
        let period = |text| Period::parse(text).unwrap();
        let cases = [
            (Language::En, "1 month", "24 months", "10 years", "20 November 2026", "a, b and c"),
            (Language::Sv, "1 månad", "24 månader", "10 år", "20 november 2026", "a, b och c"),
            (Language::Nb, "1 måned", "24 måneder", "10 år", "20. november 2026", "a, b og c"),
            (
                Language::Fi,
                "1 kuukausi",
                "24 kuukautta",
                "10 vuotta",
                "20. marraskuuta 2026",
                "a, b ja c",
            ),
        ];
        for (language, one, many, years, date, list) in cases {
            let prose = prose::of(language).unwrap();
            assert_eq!(prose.period(period("1 month")), one);
            assert_eq!(prose.period(period("24 months")), many);
            assert_eq!(prose.period(period("10 years")), years);
            assert_eq!(prose.date(Date::parse("2026-11-20").unwrap()), date);
            assert_eq!(prose.list(&["a", "b", "c"]), list);
        }
        let finnish = prose::of(Language::Fi).unwrap();
        assert_eq!(finnish.period(period("90 days")), "90 päivää");
        assert_eq!(finnish.hours(Hours::DEFAULT), "24 tuntia");
        assert_eq!(finnish.destroyed(Hours::DEFAULT), "24 ja puoli tuntia");
    }
}
