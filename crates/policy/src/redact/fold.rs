//! How a text is read: signs that look alike are one, and what nobody sees is not there. What is found in
//! the text as it is read is replaced in the text as it came.

/// Where the digits of other scripts begin: ten in a row, from zero on.
const ZEROS: [u32; 37] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
    0x1_04A0, 0x1_FBF0,
];
/// Digits as mathematicians print them: five kinds of ten.
const MATHEMATICAL: std::ops::RangeInclusive<u32> = 0x1_D7CE..=0x1_D7FF;

/// How a character is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Itself,
    As(u8),
    /// It is not seen.
    Nothing,
}

/// A text as it is read.
pub(super) struct Folded {
    pub(super) bytes: Vec<u8>,
    /// Where in the text each byte came from, and where the text ends.
    from: Vec<usize>,
}

impl Folded {
    /// Reads a text; `None` when every character of it is read as itself.
    pub(super) fn of(text: &str) -> Option<Self> {
        if text.is_ascii() || text.chars().all(|c| reading(c) == Reading::Itself) {
            return None;
        }
        let mut folded = Self {
            bytes: Vec::with_capacity(text.len()),
            from: Vec::with_capacity(text.len().saturating_add(1)),
        };
        for (at, c) in text.char_indices() {
            match reading(c) {
                Reading::Itself => {
                    let mut buffer = [0; 4];
                    let encoded = c.encode_utf8(&mut buffer).as_bytes();
                    folded.bytes.extend_from_slice(encoded);
                    folded.from.extend((at..).take(encoded.len()));
                }
                Reading::As(byte) => {
                    folded.bytes.push(byte);
                    folded.from.push(at);
                }
                Reading::Nothing => {}
            }
        }
        folded.from.push(text.len());
        Some(folded)
    }

    /// The place in the text for a place in what is read.
    pub(super) fn origin(&self, at: usize) -> usize {
        self.from.get(at).or_else(|| self.from.last()).copied().unwrap_or_default()
    }
}

/// Whether a character whose UTF-8 begins with this byte may be read as a digit or an at sign, and is not one
/// itself. Letters of Latin, Greek and Cyrillic, dashes and quotes begin with others, and so do those of
/// Chinese and Japanese.
pub(super) const fn may_begin_sign(byte: u8) -> bool {
    matches!(byte, 0xD9..=0xE1 | 0xEA..)
}

fn reading(c: char) -> Reading {
    if c.is_ascii() {
        return Reading::Itself;
    }
    match c {
        // Letters of Latin.
        '\u{C0}'..='\u{2FF}' => Reading::Itself,
        // Soft hyphens, joiners, marks of direction, selectors of variants.
        '\u{AD}'
        | '\u{34F}'
        | '\u{61C}'
        | '\u{180E}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{20E3}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' => Reading::Nothing,
        '\u{58A}'
        | '\u{2010}'..='\u{2015}'
        | '\u{2043}'
        | '\u{207B}'
        | '\u{2212}'
        | '\u{FE58}'
        | '\u{FE63}' => Reading::As(b'-'),
        '\u{2024}' | '\u{3002}' | '\u{FE52}' | '\u{FF61}' => Reading::As(b'.'),
        '\u{2044}' | '\u{2215}' => Reading::As(b'/'),
        '\u{FE62}' => Reading::As(b'+'),
        '\u{FE6B}' => Reading::As(b'@'),
        // The full-width forms of ASCII.
        '\u{FF01}'..='\u{FF5E}' => byte(u32::from(c) - 0xFF01 + 0x21),
        c if c.is_whitespace() => Reading::As(b' '),
        c => digit(u32::from(c)).map_or(Reading::Itself, |digit| byte(u32::from(b'0') + digit)),
    }
}

fn byte(code: u32) -> Reading {
    u8::try_from(code).map_or(Reading::Itself, Reading::As)
}

/// The value of a decimal digit.
fn digit(code: u32) -> Option<u32> {
    if MATHEMATICAL.contains(&code) {
        return Some((code - MATHEMATICAL.start()) % 10);
    }
    let before = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?;
    let value = code - ZEROS.get(before)?;
    (value < 10).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_read_as_a_digit_or_an_at_sign_is_told_by_its_first_byte() {
        for c in '\u{80}'..=char::MAX {
            let is_sign =
                matches!(reading(c), Reading::As(byte) if byte == b'@' || byte.is_ascii_digit());
            let mut buffer = [0; 4];
            let first = c.encode_utf8(&mut buffer).as_bytes()[0];
            assert!(!is_sign || may_begin_sign(first), "{c:?}");
        }
        assert!(!"äößčжω–„“”…中の".bytes().any(may_begin_sign));
    }
}
