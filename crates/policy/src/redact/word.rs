//! What is found by its letters: e-mail addresses and tokens. A word with one of them goes whole.

use super::chance::{self, Traits};
use super::{Match, Redaction, prefix};

/// Letters and digits that a token has at least: fewer can be a word.
pub(super) const TOKEN_LENGTH_MIN: usize = 16;
/// Those of a token that has digits everywhere.
const SHORT_TOKEN_LENGTH_MIN: usize = 12;
/// The least weight of letters alone: names of code, and words of languages that were not counted.
const LETTERS_WEIGHT_MIN: i32 = -8;
/// The least weight of a slug.
const SLUG_WEIGHT_MIN: i32 = -16;

/// Whether this byte can stand within a word.
pub(super) const fn is_part(c: u8) -> bool {
    matches!(c, b'.' | b'_' | b'-' | b'+' | b'%' | b'@' | b'~' | b'$')
        || c.is_ascii_alphanumeric()
        || !c.is_ascii()
}

/// Whether this byte can stand within letters and digits that have no sign between, or within a character of
/// other letters, which may be read as a letter or not be seen.
pub(super) const fn is_in_piece(c: u8) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii()
}

/// The same, with the signs that tokens have within.
pub(super) const fn is_in_run(c: u8) -> bool {
    is_in_piece(c) || is_sign(c)
}

/// Whether some row of at least so many bytes of a kind is one. Looks at every byte of that number, and around it
/// when it is of the kind: the others cannot be part of a row so long that misses it.
pub(super) fn any_of_length(
    text: &[u8],
    length_min: usize,
    is_part: impl Fn(u8) -> bool,
    is_one: impl Fn(&[u8]) -> bool,
) -> bool {
    let mut at = length_min.saturating_sub(1);
    while let Some((before, rest)) = text.split_at_checked(at) {
        let after = prefix(rest, &is_part).len();
        if after > 0 {
            let start = at - before.iter().rev().take_while(|c| is_part(**c)).count();
            let row = text.get(start..at + after).unwrap_or_default();
            if row.len() >= length_min && is_one(row) {
                return true;
            }
        }
        at += after + length_min;
    }
    false
}

/// What the word holds.
pub(super) fn find(word: &[u8]) -> Option<Match> {
    let found = if is_email(word) {
        Redaction::Email
    } else if has_token(word) {
        Redaction::Token
    } else {
        return None;
    };
    Some((word.len(), found))
}

// === e-mail ===

/// Whether there is somebody at some host in the word.
fn is_email(word: &[u8]) -> bool {
    let signs: [&[u8]; 3] = [b"@", b"%40", b"%2540"];
    let is_sign = |(at, c): (usize, &u8)| (matches!(c, b'@' | b'%') && at > 0).then_some(at);
    word.iter().enumerate().filter_map(is_sign).any(|at| {
        let rest = word.get(at..).unwrap_or_default();
        signs.iter().filter_map(|sign| rest.strip_prefix(*sign)).any(begins_with_domain)
    })
}

/// Whether these bytes begin with names between dots, the last of which could be a top-level domain.
fn begins_with_domain(bytes: &[u8]) -> bool {
    let host = prefix(bytes, |c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-') || c >= 128);
    let mut labels = host.split(|c| *c == b'.');
    let first_ok = labels.next().is_some_and(|first| !first.is_empty());
    let is_top = |label: &[u8]| {
        let letters = label.iter().all(|c| c.is_ascii_alphabetic() || *c >= 128);
        label.len() >= 2 && (letters || label.starts_with(b"xn--"))
    };
    first_ok && labels.any(is_top)
}

// === tokens ===

/// Whether some run of letters and digits in the word looks drawn by lot.
fn has_token(word: &[u8]) -> bool {
    let mut rest = word;
    while rest.len() >= SHORT_TOKEN_LENGTH_MIN {
        let run = prefix(rest, |c| c.is_ascii_alphanumeric() || is_sign(c));
        if is_token(run) || is_divided_token(run) {
            return true;
        }
        // A percent sign takes two digits with it: `%C3%A4` is a letter.
        let skipped = match rest.get(run.len()) {
            Some(b'%') => 3,
            _ => 1,
        };
        rest = rest.get(run.len() + skipped..).unwrap_or_default();
    }
    false
}

/// What tokens have within, and what stands between the words of a slug.
const fn is_sign(c: u8) -> bool {
    matches!(c, b'-' | b'_' | b'+')
}

/// Whether one of the pieces between signs is a token.
fn is_token(run: &[u8]) -> bool {
    run.split(|c| is_sign(*c)).any(|piece| {
        if piece.len() < SHORT_TOKEN_LENGTH_MIN {
            return false;
        }
        let traits = Traits::of(piece);
        if piece.len() >= TOKEN_LENGTH_MIN
            && traits.letters() > 0
            && traits.is_hexadecimal
            && traits.digits > 0
        {
            return true;
        }
        let is_odd = piece.len() >= TOKEN_LENGTH_MIN
            || traits.digits >= 3 && (traits.changes >= 4 || traits.is_mixed());
        // A moment, as `20261120T103045Z`, has fewer.
        let limit = if traits.digits == 0 { LETTERS_WEIGHT_MIN } else { 0 };
        traits.letters() >= 4 && is_odd && chance::weight(piece, traits) < limit
    })
}

/// Whether the whole with its signs is a token: hexadecimal in groups, or of an alphabet that has signs.
fn is_divided_token(run: &[u8]) -> bool {
    if run.len() < TOKEN_LENGTH_MIN || !run.iter().any(|c| is_sign(*c)) {
        return false;
    }
    // Small letters and signs alone are a slug.
    if !run.iter().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase()) {
        return false;
    }
    let traits = Traits::of(run);
    if traits.letters() == 0 || traits.length() < TOKEN_LENGTH_MIN - 2 {
        return false;
    }
    if traits.is_hexadecimal && traits.digits > 0 && traits.length() >= TOKEN_LENGTH_MIN {
        return true;
    }
    // Slugs have names of products and short forms in them.
    let limit = match (traits.humps > 0, traits.digits) {
        (true, 0) => LETTERS_WEIGHT_MIN,
        (true, _) => 0,
        (false, _) => SLUG_WEIGHT_MIN,
    };
    (traits.humps > 0 || traits.digits > 0) && chance::weight(run, traits) < limit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_long_word_is_found_wherever_it_stands(text in "[a-c ]{0,60}", length_min in 1..20_usize) {
            let longest = text.split(' ').map(str::len).max().unwrap_or_default();
            let found = any_of_length(text.as_bytes(), length_min, |c| c != b' ', |_| true);
            prop_assert_eq!(found, longest >= length_min);
            let of_kind = |word: &&str| word.contains('c') && word.len() >= length_min;
            let found = any_of_length(text.as_bytes(), length_min, |c| c != b' ', |word| word.contains(&b'c'));
            prop_assert_eq!(found, text.split(' ').any(|word| of_kind(&word)));
        }
    }
}
