//! What is found by its letters: e-mail addresses and tokens. A word with one of them goes whole.

use super::{Found, Match, prefix};

/// Letters and digits that a token has at least: fewer can be a word.
const TOKEN_LENGTH_MIN: usize = 16;

/// Whether this byte can stand within a word.
pub(super) const fn is_part(c: u8) -> bool {
    matches!(c, b'.' | b'_' | b'-' | b'+' | b'%' | b'@' | b'~' | b'$')
        || c.is_ascii_alphanumeric()
        || !c.is_ascii()
}

/// What the word holds.
pub(super) fn find(word: &[u8]) -> Option<Match> {
    let found = if is_email(word) {
        Found::Email
    } else if has_token(word) {
        Found::Token
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
    while rest.len() >= TOKEN_LENGTH_MIN {
        let run = prefix(rest, |c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
        if is_token(run) || run.split(|c| matches!(c, b'-' | b'_')).any(is_token) {
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

/// Whether a run is hexadecimal, or changes between capitals, small letters and digits as often as
/// chance does and words do not.
fn is_token(run: &[u8]) -> bool {
    let letters = || run.iter().filter(|c| c.is_ascii_alphanumeric());
    let digits = letters().filter(|c| c.is_ascii_digit()).count();
    let length = letters().count();
    if length < TOKEN_LENGTH_MIN || digits == 0 || digits == length {
        return false;
    }
    if letters().all(u8::is_ascii_hexdigit) {
        return true;
    }
    let class = |c: u8| (c.is_ascii_digit(), c.is_ascii_uppercase());
    let changes = run.windows(2).filter(|pair| match pair {
        [a, b] => a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() && class(*a) != class(*b),
        _ => false,
    });
    changes.count() * 10 >= length * 3
}
