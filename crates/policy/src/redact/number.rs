//! What is found by its digits: phone numbers, national ids, numbers that are too long to mean little.

use super::{Look, Match, Redaction, address, prefix, value};

/// Digits in a row that are too many.
const LONG: usize = 8;
/// Digits in groups that are too many: cards and accounts.
const LONG_IN_GROUPS: usize = 12;
/// Digits of phone numbers.
const PHONE_WITH_PREFIX: std::ops::RangeInclusive<usize> = 7..=15;
const PHONE_WITH_ZERO: std::ops::RangeInclusive<usize> = 8..=15;

/// Digits of a phone number whose groups have slashes between them.
const PHONE_WITH_SLASHES: std::ops::RangeInclusive<usize> = 8..=12;
/// Digits that make a number after a letter and a plus, which may stand for a space.
const PHONE_AFTER_LETTER_MIN: usize = 10;

/// Groups of digits, with no more than spaces, a dash, a dot or brackets between them.
struct Phrase<'a> {
    /// `+`, which begins a country's prefix.
    has_plus: bool,
    /// Something else than spaces between groups.
    has_signs: bool,
    groups: [&'a [u8]; GROUPS_MAX],
    /// To the end of each group.
    ends: [usize; GROUPS_MAX],
    count: usize,
}

const GROUPS_MAX: usize = 10;

/// What number begins at the beginning of `rest`, after the byte `before`.
pub(super) fn find(rest: &[u8], before: Option<u8>) -> Look {
    let begins = matches!(rest, [b'0'..=b'9' | b'+' | b'(' | b'%', ..])
        && !before.is_some_and(|c| c.is_ascii_digit());
    if !begins {
        return Look::Nothing(1);
    }
    let stands_alone = !before.is_some_and(|c| c.is_ascii_alphanumeric());
    let address = || stands_alone.then(|| address::find_v4(rest)).flatten();
    if let Some((length, found)) = address().or_else(|| personal_id(rest)) {
        return Look::Found(length, found);
    }
    let Some(phrase) = Phrase::read(rest, false) else {
        return Look::Nothing(1);
    };
    if let Some(length) = phrase.phone(stands_alone) {
        return Look::Found(length, Redaction::Phone);
    }
    if phrase.is_long() {
        return Look::Found(phrase.length(), Redaction::Number);
    }
    if let Some(length) = phone_with_slashes(rest) {
        return Look::Found(length, Redaction::Phone);
    }
    let digits = prefix(rest, |c| c.is_ascii_digit());
    if digits.len() >= LONG && !is_day(digits) {
        return Look::Found(digits.len(), Redaction::Number);
    }
    // The parts of a date begin nothing.
    Look::Nothing(if phrase.begins_with_date() { phrase.ends[2] } else { 1 })
}

/// The length of a phone number with slashes, which days and paths have too: it begins as those of
/// towns and networks do.
fn phone_with_slashes(rest: &[u8]) -> Option<usize> {
    if matches!(rest, [b'1'..=b'9', ..]) {
        return None;
    }
    let phrase = Phrase::read(rest, true)?;
    let [first, second, ..] = *phrase.groups() else {
        return None;
    };
    if phrase.has_plus {
        return phrase.end_within(PHONE_AFTER_LETTER_MIN..=*PHONE_WITH_PREFIX.end());
    }
    let is_prefix = match (first.len(), second.len()) {
        (3..=5, 2..) | (2, 5..) => matches!(first, [b'0', b'1'..=b'9', ..]),
        _ => false,
    };
    is_prefix.then(|| phrase.end_within(PHONE_WITH_SLASHES)).flatten()
}

// === national ids ===

/// The Finnish henkilötunnus (`DDMMYY-NNNC`), the Swedish personnummer (`YYMMDD-NNNN`, `YYYYMMDD-NNNN`),
/// the Norwegian fødselsnummer (`DDMMYY NNNNN`) and the Danish CPR number (`DDMMYY-NNNN`). Those without
/// a sign between are long numbers.
///
/// Letters may stand right beside them, and spaces between the parts of the day.
fn personal_id(rest: &[u8]) -> Option<Match> {
    let (mut day, mut digits, mut at) = ([0; 8], 0, 0);
    loop {
        let group = prefix(rest.get(at..)?, |c| c.is_ascii_digit());
        if group.is_empty() || group.len() % 2 == 1 {
            return None;
        }
        day.get_mut(digits..digits + group.len())?.copy_from_slice(group);
        digits += group.len();
        at += group.len();
        let born = match digits {
            6 => could_be_born(day.get(..6)?),
            8 => could_be_born(day.get(2..)?),
            _ => false,
        };
        let after = rest.get(at..)?;
        if let Some(tail) = born.then(|| after_day(after, group.len() == digits)).flatten() {
            return Some((at + tail, Redaction::PersonalId));
        }
        at += match after {
            [b' ' | b'.' | b'+', ..] => 1,
            [b'%', b'2', b'0', ..] => 3,
            _ => return None,
        };
    }
}

/// The length of what comes after the day: a sign and the rest of the number. A day in groups has a space
/// within, so that one cannot be the sign.
fn after_day(after: &[u8], is_whole: bool) -> Option<usize> {
    let (sign, is_letter) = match after {
        [b' ', b'-', b' ', ..] => (3, false),
        [b' ', b'-', ..] | [b'-', b' ', ..] => (2, false),
        [b'-', ..] => (1, false),
        [b'%', b'2', b'0', ..] if is_whole => (3, false),
        [b'+' | b' ', ..] if is_whole => (1, false),
        [b'A'..=b'F' | b'U'..=b'Y' | b'a'..=b'f' | b'u'..=b'y', ..] => (1, true),
        _ => return None,
    };
    let tail = after.get(sign..)?;
    let digits = |tail: &[u8]| prefix(tail, |c| c.is_ascii_digit()).len();
    let is_letter_at = |at| tail.get(at).is_some_and(u8::is_ascii_alphabetic);
    let length = match digits(tail) {
        // Swedes who have no number yet.
        0 if !is_letter && is_letter_at(0) && digits(tail.get(1..)?) == 3 => 4,
        3 if is_letter_at(3) => 4,
        length @ (4 | 5) => length,
        _ => return None,
    };
    Some(sign + length)
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
    fn read(rest: &'a [u8], may_have_slashes: bool) -> Option<Self> {
        let (has_plus, mut at) = match rest {
            [b'+', ..] => (true, 1),
            [b'%', b'2', b'B' | b'b', ..] => (true, 3),
            _ => (false, 0),
        };
        at += usize::from(rest.get(at) == Some(&b'('));
        let mut phrase = Self {
            has_plus,
            has_signs: false,
            groups: [&[]; GROUPS_MAX],
            ends: [0; GROUPS_MAX],
            count: 0,
        };
        let mut between: &[u8] = &[];
        while let (Some(slot), Some(end)) =
            (phrase.groups.get_mut(phrase.count), phrase.ends.get_mut(phrase.count))
        {
            let group = prefix(rest.get(at..)?, |c| c.is_ascii_digit());
            if group.is_empty() {
                break;
            }
            at += group.len();
            (*slot, *end) = (group, at);
            phrase.count += 1;
            phrase.has_signs |= between.iter().any(|c| matches!(c, b'-' | b'.' | b'_' | b'/'));
            between = separator(rest.get(at..).unwrap_or_default(), may_have_slashes);
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

    /// To the end of the last group.
    fn length(&self) -> usize {
        self.count.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or_default()
    }

    /// To the end of as many groups as have no more digits than that, if they have enough.
    fn end_within(&self, digits: std::ops::RangeInclusive<usize>) -> Option<usize> {
        let mut so_far = 0;
        let ends = self.groups().iter().zip(self.ends).map(|(group, end)| {
            so_far += group.len();
            (so_far, end)
        });
        ends.filter(|(so_far, _)| digits.contains(so_far)).last().map(|(_, end)| end)
    }

    /// The length of the phone number it begins with.
    fn phone(&self, stands_alone: bool) -> Option<usize> {
        let first = *self.groups().first()?;
        if self.has_plus && stands_alone {
            return self.end_within(PHONE_WITH_PREFIX);
        }
        if self.has_plus {
            let digits = PHONE_AFTER_LETTER_MIN..=*PHONE_WITH_PREFIX.end();
            return (!is_year(first)).then(|| self.end_within(digits)).flatten();
        }
        if self.begins_with_date() {
            return None;
        }
        let mut lengths = [0; 4];
        for (length, group) in lengths.iter_mut().zip(self.groups()) {
            *length = group.len();
        }
        match (self.count, lengths) {
            // As Danes and Norwegians write them.
            (3, [3, 2, 3, _]) | (4, [2, 2, 2, 2]) if stands_alone && !self.has_signs => {
                Some(self.length())
            }
            // A fraction.
            (2, [1, ..]) => None,
            _ => first.starts_with(b"0").then(|| self.end_within(PHONE_WITH_ZERO)).flatten(),
        }
    }

    /// A card or an account. Years beside each other are none.
    fn is_long(&self) -> bool {
        let groups = self.groups();
        let are_wide = groups.split_last().is_some_and(|(_, before)| {
            !before.is_empty() && before.iter().all(|group| group.len() >= 3)
        });
        are_wide && self.digits() >= LONG_IN_GROUPS && !groups.iter().all(|group| is_year(group))
    }

    fn begins_with_date(&self) -> bool {
        let [a, b, c, ..] = self.groups;
        let fits = |day: &[u8], month: &[u8]| {
            (1..=31).contains(&value(day)) && (1..=12).contains(&value(month))
        };
        match (a.len(), b.len(), c.len()) {
            (1 | 2, 1 | 2, 4) => fits(a, b) && is_year(c),
            (4, 1 | 2, 1 | 2) => fits(c, b),
            _ => false,
        }
    }
}

fn is_year(group: &[u8]) -> bool {
    group.len() == 4 && (1900..2100).contains(&value(group))
}

/// What divides two groups. A plus stands for a space in forms.
fn separator(rest: &[u8], may_be_slash: bool) -> &[u8] {
    let mut length = 0;
    for _ in 0..3 {
        length += match rest.get(length..).unwrap_or_default() {
            [b' ' | b'\t' | b'\n' | b'\r' | b'+' | b'-' | b'.' | b'_' | b'(' | b')', ..] => 1,
            [b'/', ..] if may_be_slash => 1,
            [b'%', b'2', b'0', ..] => 3,
            _ => break,
        };
    }
    rest.get(..length).unwrap_or_default()
}
