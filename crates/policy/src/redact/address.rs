//! Addresses of networks, which pages put into titles and parameters.

use super::{Match, Redaction, prefix, value};

/// Eight groups, the last two of which are written as an IPv4 address.
const V6_LENGTH_MAX: usize = 45;

/// An IPv4 address.
pub(super) fn find_v4(rest: &[u8]) -> Option<Match> {
    let mut length = 0;
    for octet in 0..4 {
        if octet > 0 {
            rest.get(length).filter(|c| **c == b'.')?;
            length += 1;
        }
        let digits = prefix(rest.get(length..)?, |c| c.is_ascii_digit());
        ((1..=3).contains(&digits.len()) && value(digits) <= 255).then_some(())?;
        length += digits.len();
    }
    let goes_on = rest.get(length).is_some_and(u8::is_ascii_alphanumeric);
    (!goes_on).then_some((length, Redaction::Address))
}

/// An IPv6 address: eight groups, or fewer around two colons.
pub(super) fn find_v6(rest: &[u8]) -> Option<Match> {
    // No further than an address can be long, or a row of colons would be read again from each.
    let near = rest.get(..=V6_LENGTH_MAX).unwrap_or(rest);
    let run = prefix(near, |c| c.is_ascii_hexdigit() || matches!(c, b':' | b'.'));
    if !run.contains(&b':') || run.len() > V6_LENGTH_MAX {
        return None;
    }
    let address = run.strip_suffix(b".").unwrap_or(run);
    let text = std::str::from_utf8(address).ok()?;
    let colons = text.bytes().filter(|c| *c == b':').count();
    let ends = !rest.get(run.len()).is_some_and(u8::is_ascii_alphanumeric);
    let has_digit = text.bytes().any(|c| c.is_ascii_digit());
    let is_address = colons >= 2 && ends && has_digit && groups_fit(text, colons);
    is_address.then_some((address.len(), Redaction::Address))
}

fn groups_fit(text: &str, colons: usize) -> bool {
    let short = text.split(':').all(|group| group.len() <= 4 || group.contains('.'));
    short && (text.contains("::") && colons <= 8 || colons == 7)
}
