//! Addresses that are looked for in whatever comes out, in each form that an address can have.

/// The visitor's, as text.
pub const V4: &str = "203.0.113.77";
/// The same of IPv6.
pub const V6: &str = "2001:db8:a11:ce:5eed:dead:beef:77";
/// Another that stands in the texts of beacons: none that anybody has, but texts must not hold any.
pub const IN_TEXT: &str = "198.51.100.143";

const PACKED: [&[u8]; 4] = [
    &[203, 0, 113, 77],
    &[77, 113, 0, 203],
    &[
        0x20, 0x01, 0x0d, 0xb8, 0x0a, 0x11, 0x00, 0xce, 0x5e, 0xed, 0xde, 0xad, 0xbe, 0xef, 0x00,
        0x77,
    ],
    &[198, 51, 100, 143],
];
const WRITTEN: [&str; 7] =
    [V4, V6, "cb00714d", "3405803853", "20010db80a1100ce5eeddeadbeef0077", IN_TEXT, "c633648f"];

/// Those that do not belong to the visitor.
const TEXTS: [&str; 2] = [IN_TEXT, "c633648f"];
/// What makes a part of a word, besides letters and digits; the last two as `Debug` writes what is no letter.
const GLUE: &str = "._-:%@\\}";

/// Looks for the addresses.
#[derive(Clone, Copy, Debug)]
pub struct Canary;

impl Canary {
    /// The form in which an address stands in a text, if one does.
    pub fn in_text(bytes: &[u8]) -> Option<&'static str> {
        WRITTEN.into_iter().find(|written| holds(bytes, written.as_bytes()))
    }

    /// Whether an address stands free in a text: not as a part of a longer word or number, which nobody could tell
    /// from a version or the name of a file.
    pub fn stands_free(text: &str) -> Option<&'static str> {
        let is_part = |c: char| c.is_alphanumeric() || GLUE.contains(c);
        WRITTEN.into_iter().find(|written| {
            text.match_indices(written).any(|(at, _)| {
                let (before, after) = (text.get(..at), text.get(at + written.len()..));
                let before = before.and_then(|text| text.chars().next_back());
                let after = after.and_then(|text| text.chars().next());
                !before.is_some_and(is_part) && !after.is_some_and(is_part)
            })
        })
    }

    /// Whether the visitor's address stands in these bytes as text, or packed. Bytes that are random, as ids are,
    /// are to be left out: four of them are an address now and then.
    pub fn of_visitor_in(bytes: &[u8]) -> bool {
        Self::in_text(bytes).is_some_and(|written| !TEXTS.contains(&written))
            || Self::is_packed_in(bytes)
    }

    /// Whether an address stands in these bytes packed.
    pub fn is_packed_in(bytes: &[u8]) -> bool {
        PACKED.into_iter().any(|packed| holds(bytes, packed))
    }
}

/// Whether `part` is in `bytes`, capitals or not.
fn holds(bytes: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    let upper = first.to_ascii_uppercase();
    bytes.windows(part.len()).any(|window| {
        window.first().is_some_and(|byte| byte == first || *byte == upper)
            && window.eq_ignore_ascii_case(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_word_does_not_stand_free() {
        for free in ["203.0.113.77", "/a/203.0.113.77/b", "x=203.0.113.77&", "\"203.0.113.77\""] {
            assert_eq!(Canary::stands_free(free), Some(V4), "{free}");
        }
        for part in ["v203.0.113.77", "203.0.113.770", "203.0.113.77.1", "203.0.113.78", ""] {
            assert_eq!(Canary::stands_free(part), None, "{part}");
        }
    }

    #[test]
    fn an_address_is_found_in_each_of_its_forms() {
        assert!(Canary::of_visitor_in(b"x203.0.113.77y") && Canary::of_visitor_in(b"CB00714D"));
        assert!(
            Canary::of_visitor_in(&[1, 203, 0, 113, 77])
                && Canary::of_visitor_in(&[77, 113, 0, 203])
        );
        assert!(Canary::of_visitor_in(b"2001:DB8:a11:ce:5eed:dead:beef:77"));
        assert!(
            !Canary::of_visitor_in(b"203.0.113.7 and 203.0.113.0") && !Canary::of_visitor_in(b"")
        );
    }
}
