//! What no policy can keep of a text: e-mail addresses, phone numbers, national ids, network addresses,
//! tokens, long numbers. Each is replaced by a word for it. Paths, query values, titles and whatever else
//! a page can put into its beacons go through this.
//!
//! It looks at a text as people read it: dashes, spaces and digits of any kind are one, and what nobody
//! sees is not there. What is not replaced stays as it came.
//!
//! It errs towards replacing: a long article number goes with the customer numbers that look like it.
//! What it cannot know is a name, or a short number that means somebody: for those a policy has
//! [`PathPattern`](crate::PathPattern)s.

use std::borrow::Cow;

use fold::Folded;

mod address;
mod chance;
mod fold;
mod number;
mod word;

/// What is never kept of a text, and is replaced by a word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redaction {
    /// A network address.
    Address,
    /// An e-mail address.
    Email,
    /// A number that is long enough to stand for somebody.
    Number,
    /// A national id.
    PersonalId,
    /// A phone number.
    Phone,
    /// Letters and digits that look drawn by lot.
    Token,
}

/// Something that is not kept: how many bytes from the place where it was looked for.
type Match = (usize, Redaction);

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
    if !may_be_redacted(text) {
        return Cow::Borrowed(text);
    }
    let Some(mut kept) = replace(text) else {
        return Cow::Borrowed(text);
    };
    // What stood beside something may be more without it. Every round leaves less of the text.
    while let Some(less) = replace(&kept) {
        kept = less;
    }
    Cow::Owned(kept)
}

/// Whether something may be found in a text that is not kept; most texts show at a glance that nothing will.
pub fn may_be_redacted(text: &str) -> bool {
    let text = text.as_bytes();
    if text.len() >= COUNTED_MAX {
        return true;
    }
    let has = Signs::of(text);
    // Numbers and tokens with digits have more; with two, there are addresses as `::1` and signs as `%40`.
    if has.at || has.digits > 2 || has.digits > 0 && has.joints {
        return true;
    }
    // What is not seen only makes words longer here.
    let is_marked = |run: &[u8]| run.iter().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    word::any_of_length(text, word::TOKEN_LENGTH_MIN, word::is_in_piece, |_| true)
        || word::any_of_length(text, word::TOKEN_LENGTH_MIN, word::is_in_run, is_marked)
}

/// What is to be seen in a text.
struct Signs {
    digits: u64,
    /// What may be read as an at sign, or as a digit of another script.
    at: bool,
    /// Colons, and the percent signs of escapes.
    joints: bool,
}

/// What each byte adds: digits, joints and at signs side by side, so that one sum counts all.
static COUNTED: [u64; 256] = counted();
/// So many bytes would be too many for their place in the sum.
const COUNTED_MAX: usize = 1 << 21;
const DIGIT: u64 = 1;
const JOINT: u64 = 1 << 21;
const AT: u64 = 1 << 42;

#[expect(clippy::indexing_slicing, reason = "by the compiler, of 256")]
const fn counted() -> [u64; 256] {
    let mut counted = [0; 256];
    let mut c: u8 = 0;
    loop {
        counted[c as usize] = match c {
            b'0'..=b'9' => DIGIT,
            b':' | b'%' => JOINT,
            c if c == b'@' || fold::may_begin_sign(c) => AT,
            _ => 0,
        };
        if c == u8::MAX {
            return counted;
        }
        c += 1;
    }
}

impl Signs {
    fn of(text: &[u8]) -> Self {
        let of = |c: &u8| COUNTED.get(usize::from(*c)).copied().unwrap_or_default();
        let sum = text.iter().map(of).fold(0, u64::wrapping_add);
        Self { digits: sum % JOINT, at: sum >= AT, joints: sum % AT >= JOINT }
    }
}

/// The text with what is found in it replaced; `None` when nothing is.
fn replace(text: &str) -> Option<String> {
    match Folded::of(text) {
        Some(folded) => replace_as_read(text, &folded.bytes, |at| folded.origin(at)),
        None => replace_as_read(text, text.as_bytes(), |at| at),
    }
}

/// Looks through a text as it is read, each byte of which has an origin in the text.
fn replace_as_read(text: &str, read: &[u8], origin: impl Fn(usize) -> usize) -> Option<String> {
    let mut kept = String::new();
    let (mut at, mut copied, mut copied_of_text) = (0, 0, 0);
    while at < read.len() {
        // A placeholder is no part of what comes after it.
        let before = if at == copied { None } else { read.get(at.wrapping_sub(1)).copied() };
        match look(read.get(at..).unwrap_or_default(), before) {
            Look::Found(length, found) => {
                kept.push_str(text.get(copied_of_text..origin(at)).unwrap_or_default());
                kept.push_str(found.placeholder());
                at += length;
                (copied, copied_of_text) = (at, origin(at));
            }
            Look::Nothing(length) => at += length,
        }
    }
    if copied == 0 {
        return None;
    }
    kept.push_str(text.get(copied_of_text..).unwrap_or_default());
    Some(kept)
}

/// What there is at a place: something of this length, or nothing for so many bytes.
enum Look {
    Found(usize, Redaction),
    Nothing(usize),
}

fn look(rest: &[u8], before: Option<u8>) -> Look {
    let begins_word = before.is_none_or(|before| !word::is_part(before));
    if begins_word {
        let word = prefix(rest, word::is_part);
        let is_plain = !word.iter().any(|c| c.is_ascii_digit() || *c == b'@');
        // The first group of an address may be letters alone.
        let is_group = rest.get(word.len()) == Some(&b':');
        if is_plain && !is_group && !word.is_empty() && word.len() < word::TOKEN_LENGTH_MIN {
            return Look::Nothing(word.len());
        }
        if let Some((length, found)) = address::find_v6(rest).or_else(|| word::find(word)) {
            return Look::Found(length, found);
        }
        // A number may begin with an escape.
        if is_plain && !word.is_empty() && !word.contains(&b'+') && !word.contains(&b'%') {
            return Look::Nothing(word.len());
        }
    }
    number::find(rest, before)
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

// === impl Redaction ===

impl Redaction {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Address, Self::Email, Self::Number, Self::PersonalId, Self::Phone, Self::Token];

    /// The word for it in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Email => "e-mail",
            Self::Number => "number",
            Self::PersonalId => "personal-id",
            Self::Phone => "phone",
            Self::Token => "token",
        }
    }

    /// What stands for it in a text.
    pub const fn placeholder(self) -> &'static str {
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
