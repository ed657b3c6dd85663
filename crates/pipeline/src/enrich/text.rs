//! What is kept of texts that pages and visitors write: read, redacted, and only then cut to size, so that
//! no cut can leave half of something that would have been found.
//!
//! Escapes are read before anything is looked for, however often they were escaped: `%2540` is an at
//! sign, and a path is covered by a pattern in whatever way it is written. A text in which nothing is found
//! is kept as it came; only one with escapes is copied to find that out.

use std::borrow::Cow;

use candor_policy::{Policy, Redaction, may_be_redacted, redact};

use crate::beacon::Text;

/// What is kept of a text of a beacon, which is no longer than that text may be.
pub(super) fn kept_of<'a, const BYTES_MAX: usize>(text: &'a Text<'_, BYTES_MAX>) -> Cow<'a, str> {
    kept(text.as_str(), BYTES_MAX)
}

/// What is kept of a text.
pub(super) fn kept(text: &str, bytes_max: usize) -> Cow<'_, str> {
    of_cow(printable(text), |text| settled(text, redacted(text), bytes_max))
}

/// What is kept of a text that may have been made for this.
pub(super) fn of_cow(text: Cow<'_, str>, kept: impl Fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => kept(text),
        Cow::Owned(text) => kept(&text).into_owned().into(),
    }
}

/// What is kept of the path of a page, which the policy's patterns may cover.
pub(super) fn kept_path<'a>(policy: &Policy, path: &'a str, bytes_max: usize) -> Cow<'a, str> {
    settled(path, path_of(policy, path), bytes_max)
}

/// What is kept of the path of another's page, of which no policy has patterns.
pub(super) fn kept_foreign_path(path: &str, bytes_max: usize) -> Cow<'_, str> {
    settled(path, redacted(path), bytes_max)
}

/// What is kept of the name of a host: each label is looked at by itself, so that the others stay. Labels in
/// Punycode look drawn by lot and are not.
pub(super) fn kept_host(name: &str) -> Cow<'_, str> {
    // What does not show in the whole does not show in a label.
    if !may_be_redacted(name) {
        return name.into();
    }
    let is_encoded = |label: &str| label.starts_with("xn--");
    let kept = |label| if is_encoded(label) { Cow::Borrowed(label) } else { redacted(label) };
    let is_kept = |label| matches!(kept(label), Cow::Borrowed(_));
    let joined: Cow<'_, str> = if name.split('.').all(is_kept) {
        name.into()
    } else {
        name.split('.').map(kept).collect::<Vec<_>>().join(".").into()
    };
    let redacted = match redacted(&joined) {
        Cow::Owned(redacted) if !name.split('.').any(is_encoded) => Some(redacted),
        _ => None,
    };
    match (redacted, joined) {
        (Some(kept), _) | (None, Cow::Owned(kept)) => counted(name, kept).into(),
        (None, Cow::Borrowed(name)) => Cow::Borrowed(name),
    }
}

/// Whether a text has something that is never kept.
pub(super) fn is_redacted(text: &str) -> bool {
    matches!(redacted(text), Cow::Owned(_))
}

/// What is left of a text, cut to size; counted when something of it was replaced.
fn settled<'a>(text: &str, kept: Cow<'a, str>, bytes_max: usize) -> Cow<'a, str> {
    match kept {
        Cow::Borrowed(kept) => cut(kept, bytes_max).into(),
        Cow::Owned(kept) => {
            let mut kept = counted(text, kept);
            kept.truncate(kept.floor_char_boundary(bytes_max));
            kept.into()
        }
    }
}

/// Counts what was replaced, by the words that stand for it and did not stand there before.
fn counted(text: &str, kept: String) -> String {
    let count = |rule: &'static str, word: &str| {
        let new = kept.matches(word).count().saturating_sub(text.matches(word).count());
        if new > 0 {
            metrics::counter!("pipeline_redactions_total", "rule" => rule).increment(new as u64);
        }
    };
    for rule in Redaction::ALL {
        count(rule.label(), rule.placeholder());
    }
    count("path-pattern", "/*");
    kept
}

fn path_of<'a>(policy: &Policy, path: &'a str) -> Cow<'a, str> {
    if !path.contains('%') {
        return policy.path(path);
    }
    // A slash that is escaped is none between steps.
    let read = read_escapes(path, |c| c != b'/');
    match policy.path(read.as_deref().unwrap_or(path)) {
        Cow::Borrowed(_) => redacted(path),
        Cow::Owned(kept) => match redacted(&kept) {
            Cow::Owned(redacted) => Cow::Owned(redacted),
            Cow::Borrowed(_) => Cow::Owned(kept),
        },
    }
}

fn redacted(text: &str) -> Cow<'_, str> {
    if let Some(read) = read_escapes(text, |_| true)
        && let Cow::Owned(redacted) = redact(&read)
    {
        return Cow::Owned(redacted);
    }
    redact(text)
}

/// The text with its escapes read until none is left; `None` when there is none that `may_read` allows.
fn read_escapes(text: &str, may_read: impl Fn(u8) -> bool) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.bytes() {
        bytes.push(c);
        // What was read may complete another escape.
        while let Some(c) = last_escape(&bytes).filter(|c| may_read(*c)) {
            bytes.truncate(bytes.len().saturating_sub(3));
            bytes.push(c);
        }
    }
    let is_read = bytes.len() < text.len();
    is_read.then(|| printable(&String::from_utf8_lossy(&bytes)).into_owned())
}

/// The byte for which the last three stand.
fn last_escape(bytes: &[u8]) -> Option<u8> {
    let [.., b'%', high, low] = bytes else {
        return None;
    };
    let digit = |c: &u8| char::from(*c).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Text without control characters, which terminals and logs would obey.
fn printable(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    // Looked at by their first bytes, which other characters have too, many at once.
    let may_be_control = |c: u8| c.is_ascii_control() || c == 0xC2;
    let may_have_any = text.bytes().fold(false, |any, c| any | may_be_control(c));
    if may_have_any && text.contains(char::is_control) {
        return Cow::Owned(text.replace(char::is_control, " "));
    }
    Cow::Borrowed(text)
}

fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use candor_policy::compile;
    use proptest::prelude::*;

    use super::*;

    const ORDERS: &str = "page = { replace_path = ['/orders/*', '/me/**'] }
controller = { id = 'a', name = 'A', contact = 'a@a.example' }
sites = [{ name = 'a', hosts = ['a.example'] }]
purposes.statistics = { basis = 'consent', retention = '1 month', fields = ['path'] }";

    fn path(path: &str) -> Cow<'_, str> {
        kept_path(&compile("orders.toml", ORDERS).unwrap(), path, 2_048)
    }

    #[test]
    fn escapes_hide_nothing() {
        let cases = [
            ("jane@example.com", "[e-mail]"),
            ("jane%40example.com", "[e-mail]"),
            ("jane%252540example.com", "[e-mail]"),
            ("jane%%34%30example.com", "[e-mail]"),
            ("j%61ne%40example%2Ecom", "[e-mail]"),
            ("j%C3%BCnge%40b%C3%BCro.example", "[e-mail]"),
            ("j%FCnge%40b%FCro.example", "[e-mail]"),
            ("%30%34%30%2D1234567", "[phone]"),
            ("tel%3A%2F040-1234567", "tel:/[phone]"),
            ("040%0A1234567", "[phone]"),
            ("%2B358%C2%A040%C2%A0123%C2%A04567", "[phone]"),
            ("010190%2D123A", "[personal-id]"),
            ("3f9a8c7e%36d5b4a3f", "[token]"),
            ("12%33456789", "[number]"),
            ("192.0.2%2E77", "[address]"),
        ];
        for (text, want) in cases {
            assert_eq!(kept(text, 64), want, "{text}");
            // A slash that was escaped is none between steps, and stays as it is.
            let step = want.replace('/', "%2F");
            assert_eq!(path(&format!("/a/{text}")), format!("/a/{step}"));
            assert_eq!(kept_foreign_path(&format!("/a/{text}"), 64), format!("/a/{want}"));
        }
    }

    #[test]
    fn labels_of_hosts_are_looked_at_one_by_one() {
        let cases = [
            ("news.example", "news.example"),
            ("131052-308t.clinic.example", "[personal-id].clinic.example"),
            ("cefb2arprhlwsekk.cdn.example", "[token].cdn.example"),
            ("040.123.4567.example", "[phone].example"),
            ("xn--80ak6aa92e.example", "xn--80ak6aa92e.example"),
            ("lentokonesuihkuturbiini.example", "lentokonesuihkuturbiini.example"),
        ];
        for (name, want) in cases {
            assert_eq!(kept_host(name), want);
        }
    }

    #[test]
    fn what_is_ordinary_is_kept_as_it_came() {
        let ordinary =
            ["50% off", "100%25", "t%C3%A4yspitk%C3%A4", "%", "%4", "a%2Fb", "2026%2F11"];
        for text in ordinary {
            assert_eq!(kept(text, 64), text);
            assert_eq!(path(&format!("/{text}")), format!("/{text}"));
        }
        assert_eq!(kept(" a\nb\u{0}c ", 64), "a b c", "control characters become spaces");
        assert_eq!(kept("", 64), "");
    }

    #[test]
    fn a_pattern_covers_a_path_however_it_is_written() {
        let cases = [
            ("/orders/77", "/orders/*"),
            ("/%6Frders/77", "/orders/*"),
            ("/%256Frders/77", "/orders/*"),
            ("/orders/jane%2Fdoe", "/orders/*"),
            ("/orders/77/t%C3%A4ysi", "/orders/*/täysi"),
            ("/me/a/b%40c.example", "/me/*"),
            ("/help/orders%2F77", "/help/orders%2F77"),
            ("/orders/77/x%2F040-1234567", "/orders/*/x%2F[phone]"),
        ];
        for (written, want) in cases {
            assert_eq!(path(written), want, "{written}");
        }
    }

    #[test]
    fn a_cut_leaves_no_half_of_what_is_found() {
        for bytes_max in 0..40 {
            let left = kept("to jane.doe@example.com or 040-1234567", bytes_max);
            assert!(left.len() <= bytes_max, "{left}");
            assert!(!left.contains("ja") && !left.contains("04"), "{left}");
        }
        assert_eq!(kept("ääää", 5), "ää", "between characters");
    }

    proptest! {
        #[test]
        fn somebody_is_found_however_often_escaped(
            user in "[a-z][a-z0-9.]{0,8}", host in "[a-z]{1,8}", rounds in 0..4_usize, around in "[ /?]{0,2}",
        ) {
            let mut text = format!("{user}@{host}.example");
            for _ in 0..rounds {
                let escapes: Vec<_> = text.bytes().map(|c| format!("%{c:02X}")).collect();
                text = escapes.concat();
            }
            let text = format!("{around}{text}{around}");
            let left = kept(&text, 8_192);
            let want = format!("{around}[e-mail]{around}");
            prop_assert_eq!(left, want.trim());
        }

        #[test]
        fn nothing_is_found_in_what_is_kept(text in "[%0-9a-f@.x/ +-]{0,40}|.{0,40}") {
            for left in [kept(&text, 1_024), path(&text), kept_foreign_path(&text, 1_024)] {
                prop_assert_eq!(redacted(&left), &*left);
            }
        }
    }
}
