//! What no policy can keep of a text: e-mail addresses, phone numbers, national ids, network addresses,
//! tokens, long numbers. Each is replaced by a word for it. Paths, query values, titles and whatever else
//! a page can put into its beacons go through this.
//!
//! It errs towards replacing: a long article number goes with the customer numbers that look like it.
//! What it cannot know is a name, or a short number that means somebody: for those a policy has
//! [`PathPattern`](crate::PathPattern)s.

use std::borrow::Cow;

mod address;
mod number;
mod word;

/// What stands for something that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Address,
    Email,
    Number,
    PersonalId,
    Phone,
    Token,
}

/// Something that is not kept: how many bytes from the place where it was looked for.
type Match = (usize, Found);

/// The text without what is never kept; borrowed when it has nothing of the kind.
///
/// ```
/// use candor_policy::redact;
///
/// assert_eq!(redact("/reset/jane%40example.com"), "/reset/[e-mail]");
/// assert_eq!(redact("call +358 40 123 4567 today"), "call [phone] today");
/// assert_eq!(redact("/p/010190-123A/orders/4711"), "/p/[personal-id]/orders/4711");
/// ```
pub fn redact(text: &str) -> Cow<'_, str> {
    // Each of them has one of these.
    if !text.bytes().any(|c| c.is_ascii_digit() || c == b'@') {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let (mut at, mut copied) = (0, 0);
    while at < text.len() {
        match look(text.as_bytes(), at) {
            Look::Found(length, found) => {
                kept.push_str(text.get(copied..at).unwrap_or_default());
                kept.push_str(found.placeholder());
                at += length;
                copied = at;
            }
            Look::Nothing(length) => at += length,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(kept)
}

/// What there is at a place: something of this length, or nothing for so many bytes.
enum Look {
    Found(usize, Found),
    Nothing(usize),
}

fn look(text: &[u8], at: usize) -> Look {
    let before = at.checked_sub(1).and_then(|before| text.get(before)).copied();
    let rest = text.get(at..).unwrap_or_default();
    let begins_word = before.is_none_or(|before| !word::is_part(before));
    if begins_word {
        let word = prefix(rest, word::is_part);
        let is_plain = !word.iter().any(|c| c.is_ascii_digit() || *c == b'@');
        // The first group of an address may be letters alone.
        if is_plain && !word.is_empty() && rest.get(word.len()) != Some(&b':') {
            return Look::Nothing(word.len());
        }
        if let Some((length, found)) = address::find_v6(rest).or_else(|| word::find(word)) {
            return Look::Found(length, found);
        }
    }
    match number::find(rest, before) {
        Some((length, found)) => Look::Found(length, found),
        None => Look::Nothing(1),
    }
}

/// The first bytes, as long as they are of a kind.
fn prefix(bytes: &[u8], is_part: impl Fn(u8) -> bool) -> &[u8] {
    let length = bytes.iter().position(|c| !is_part(*c)).unwrap_or(bytes.len());
    bytes.get(..length).unwrap_or_default()
}

/// The number that ASCII digits stand for; 0 when they are none, or too many.
fn value(digits: &[u8]) -> u32 {
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

impl Found {
    const fn placeholder(self) -> &'static str {
        match self {
            Self::Address => "[address]",
            Self::Email => "[e-mail]",
            Self::Number => "[number]",
            Self::PersonalId => "[personal-id]",
            Self::Phone => "[phone]",
            Self::Token => "[token]",
        }
    }
}

#[cfg(test)]
#[path = "redact/tests.rs"]
mod tests;
