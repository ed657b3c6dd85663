//! What is found by its digits: phone numbers, national ids, numbers that are too long to mean little.

use super::{Found, Match, address, prefix, value};

/// Digits in a row that are too many.
const LONG: usize = 8;
/// Digits in groups that are too many: cards and accounts.
const LONG_IN_GROUPS: usize = 12;
/// Digits of phone numbers.
const PHONE_WITH_PREFIX: std::ops::RangeInclusive<usize> = 7..=15;
const PHONE_WITH_ZERO: std::ops::RangeInclusive<usize> = 8..=15;

/// Groups of digits, with no more than a space, a dash, a dot or brackets between them.
struct Phrase<'a> {
    /// `+`, which begins a country's prefix.
    has_plus: bool,
    /// Something else than spaces between groups.
    has_signs: bool,
    groups: [&'a [u8]; GROUPS_MAX],
    count: usize,
    /// To the end of the last group.
    length: usize,
}

const GROUPS_MAX: usize = 10;

/// What number begins at the beginning of `rest`, after the byte `before`.
pub(super) fn find(rest: &[u8], before: Option<u8>) -> Option<Match> {
    let first = *rest.first()?;
    if !matches!(first, b'0'..=b'9' | b'+' | b'(' | b'%')
        || before.is_some_and(|c| c.is_ascii_digit())
    {
        return None;
    }
    let stands_alone = !before.is_some_and(|c| c.is_ascii_alphanumeric());
    let alone = || address::find_v4(rest).or_else(|| personal_id(rest));
    if let Some(found) = stands_alone.then(alone).flatten() {
        return Some(found);
    }
    let phrase = Phrase::read(rest)?;
    if stands_alone && phrase.is_phone() {
        return Some((phrase.length, Found::Phone));
    }
    if phrase.is_long() {
        return Some((phrase.length, Found::Number));
    }
    let digits = prefix(rest, |c| c.is_ascii_digit());
    (digits.len() >= LONG && !is_day(digits)).then_some((digits.len(), Found::Number))
}

// === national ids ===

/// The Finnish henkilötunnus (`DDMMYY-NNNC`), the Swedish personnummer (`YYMMDD-NNNN`, `YYYYMMDD-NNNN`),
/// the Norwegian fødselsnummer (`DDMMYY NNNNN`) and the Danish CPR number (`DDMMYY-NNNN`). Those without
/// a sign between are long numbers.
fn personal_id(rest: &[u8]) -> Option<Match> {
    let day = prefix(rest, |c| c.is_ascii_digit());
    let born = match day.len() {
        6 => could_be_born(day),
        8 => could_be_born(day.get(2..)?),
        _ => false,
    };
    if !born {
        return None;
    }
    let after = rest.get(day.len()..)?;
    let (sign, after) = match after {
        [b'%', b'2', b'0', after @ ..] => (3, after),
        [
            b'+' | b'-' | b' ' | b'A'..=b'F' | b'U'..=b'Y' | b'a'..=b'f' | b'u'..=b'y',
            after @ ..,
        ] => (1, after),
        _ => return None,
    };
    let tail = prefix(after, |c| c.is_ascii_alphanumeric());
    let digits = prefix(tail, |c| c.is_ascii_digit()).len();
    let fits = matches!((tail.len(), digits), (4, 3 | 4) | (5, 5));
    fits.then_some((day.len() + sign + tail.len(), Found::PersonalId))
}

/// Whether six digits can be a birthday, the day or the year first. Some ids add 40 or 60 to the day.
fn could_be_born(digits: &[u8]) -> bool {
    let pair = |at| value(digits.get(at..at + 2).unwrap_or_default());
    let is_day = |day: u32| matches!(day, 1..=31 | 41..=71 | 72..=91);
    (1..=12).contains(&pair(2)) && (is_day(pair(0)) || is_day(pair(4)))
}

/// Whether eight digits are a day of these centuries, as the archives of newspapers have it.
fn is_day(digits: &[u8]) -> bool {
    let part = |range| value(digits.get(range).unwrap_or_default());
    digits.len() == 8
        && (1900..2100).contains(&part(0..4))
        && (1..=12).contains(&part(4..6))
        && (1..=31).contains(&part(6..8))
}

// === impl Phrase ===

impl<'a> Phrase<'a> {
    /// Reads as many groups as there are.
    fn read(rest: &'a [u8]) -> Option<Self> {
        let (has_plus, mut at) = match rest {
            [b'+', ..] => (true, 1),
            [b'%', b'2', b'B' | b'b', ..] => (true, 3),
            _ => (false, 0),
        };
        at += usize::from(rest.get(at) == Some(&b'('));
        let mut phrase =
            Self { has_plus, has_signs: false, groups: [&[]; GROUPS_MAX], count: 0, length: 0 };
        let mut between: &[u8] = &[];
        while let Some(slot) = phrase.groups.get_mut(phrase.count) {
            let group = prefix(rest.get(at..)?, |c| c.is_ascii_digit());
            if group.is_empty() {
                break;
            }
            *slot = group;
            phrase.count += 1;
            phrase.has_signs |= between.iter().any(|c| matches!(c, b'-' | b'.'));
            at += group.len();
            phrase.length = at;
            between = separator(rest.get(at..).unwrap_or_default());
            at += between.len();
        }
        (phrase.count > 0).then_some(phrase)
    }

    fn groups(&self) -> &[&'a [u8]] {
        self.groups.get(..self.count).unwrap_or_default()
    }

    fn digits(&self) -> usize {
        self.groups().iter().map(|group| group.len()).sum()
    }

    fn is_phone(&self) -> bool {
        if self.has_plus {
            return PHONE_WITH_PREFIX.contains(&self.digits());
        }
        if self.is_date() {
            return false;
        }
        let mut lengths = [0; 4];
        for (length, group) in lengths.iter_mut().zip(self.groups()) {
            *length = group.len();
        }
        match (self.count, lengths) {
            // As Danes and Norwegians write them.
            (3, [3, 2, 3, _]) | (4, [2, 2, 2, 2]) if !self.has_signs => true,
            // A fraction.
            (2, [1, ..]) => false,
            _ => {
                let has_zero = self.groups().first().is_some_and(|group| group.starts_with(b"0"));
                has_zero && PHONE_WITH_ZERO.contains(&self.digits())
            }
        }
    }

    /// A card or an account. Years beside each other are none.
    fn is_long(&self) -> bool {
        let groups = self.groups();
        let are_wide = groups.split_last().is_some_and(|(_, before)| {
            !before.is_empty() && before.iter().all(|group| group.len() >= 3)
        });
        let is_year = |group: &&[u8]| group.len() == 4 && (1900..2100).contains(&value(group));
        are_wide && self.digits() >= LONG_IN_GROUPS && !groups.iter().all(is_year)
    }

    fn is_date(&self) -> bool {
        let [a, b, c, ..] = self.groups;
        let fits = |day: &[u8], month: &[u8]| {
            (1..=31).contains(&value(day)) && (1..=12).contains(&value(month))
        };
        self.count == 3
            && match (a.len(), b.len(), c.len()) {
                (1 | 2, 1 | 2, 4) => fits(a, b),
                (4, 1 | 2, 1 | 2) => fits(c, b),
                _ => false,
            }
    }
}

/// What divides two groups.
fn separator(rest: &[u8]) -> &[u8] {
    let mut length = 0;
    for _ in 0..3 {
        length += match rest.get(length..).unwrap_or_default() {
            [b' ' | b'-' | b'.' | b'(' | b')', ..] => 1,
            [0xC2, 0xA0, ..] => 2,
            [b'%', b'2', b'0', ..] => 3,
            _ => break,
        };
    }
    rest.get(..length).unwrap_or_default()
}
