//! Whether letters and digits were drawn by lot, by what follows what in words and does not in tokens.
//!
//! Every step from one letter to the next is weighed: how much likelier it is in a word than by chance, in
//! half units of the natural logarithm. The weights come from the words of English, Finnish, Swedish,
//! Norwegian, German and, counted less, of other languages in Latin letters, with the marks left off.

/// A letter for each weight: `j` is 0, `a` is -9, `o` is 5. A row for each letter, a column for each that follows.
const FOLLOWING: [[u8; 26]; 26] = [
    *b"jjijhgigigjlkmficlkljifdgf", // a
    *b"mhfemefemieldflealigkbebhb", // b
    *b"lehgldbnkdlieflfbigjidaagg", // c
    *b"mfcinfffmffighlfajjhkffbgg", // d
    *b"hgijihigjfjkjmfhdmllghehef", // e
    *b"lfdglkgenfdjefmgakhjkbdagd", // f
    *b"lfehnejikgfihkkgallhlefbfa", // g
    *b"nddinccdlihihhlcaigkkgfaga", // h
    *b"jhjjkijeggjkjmkheilkejdedg", // i
    *b"nedhnecdkbhhfgmdaeheldcace", // j
    *b"mfedmeeilfjifimgcjkkkgfage", // k
    *b"mgejmghfmghlghlgaejjkgdahc", // l
    *b"njegnffdlafgkikkagigjfdbec", // m
    *b"lfillhmglgigfjjebekligdahg", // n
    *b"giijhgjhigjkkmikcmkjiigdgf", // o
    *b"mdegmhfhkaekefllamijkcdaga", // p
    *b"lfeiifgfjfgighhffjjioggefe", // q
    *b"mhgjmgigmhjhiilfbijkjhfahg", // r
    *b"kgkfmhfilgkihhjjdgkmjgfaif", // s
    *b"meeenfehmefgfgkeakjkkfeaig", // t
    *b"jiijjiifjgjkkmhjblllihfeef", // u
    *b"ngdeneedmbdfeilcagifiebbfa", // v
    *b"ndfgmeefmcghfilibiigidcbgf", // w
    *b"lijiligflhhhhhjlfhimhffgke", // x
    *b"lfjjkfihifjjlkjmajlkigfahd", // y
    *b"nifhmehhmiggfhlfdgghjegcgh", // z
];
/// A capital after a small letter, as in camelCase.
const HUMP: i32 = -3;
/// A capital after a capital, where there are small letters too.
const CAPITALS: i32 = -1;
const DIGIT_AFTER_LETTER: i32 = -3;
const LETTER_AFTER_DIGIT: i32 = -4;
const DIGIT_AFTER_DIGIT: i32 = 1;
/// Slugs have a sign after every word, tokens after every thirtieth letter if at all.
const SIGN: i32 = 3;
/// Capitals around a digit: serial numbers and keys.
const CAPITALS_AROUND_DIGIT: i32 = -6;

/// What letters and digits have in them.
#[derive(Clone, Copy, Default)]
pub(super) struct Traits {
    pub(super) digits: usize,
    pub(super) small: usize,
    pub(super) capitals: usize,
    /// From a letter to a digit, or back.
    pub(super) changes: usize,
    /// Capitals after small letters.
    pub(super) humps: usize,
    pub(super) is_hexadecimal: bool,
}

impl Traits {
    /// Of a run of letters, digits and signs.
    pub(super) fn of(run: &[u8]) -> Self {
        let mut traits = Self { is_hexadecimal: true, ..Self::default() };
        let mut before = b'-';
        for c in run.iter().copied() {
            traits.digits += usize::from(c.is_ascii_digit());
            traits.small += usize::from(c.is_ascii_lowercase());
            traits.capitals += usize::from(c.is_ascii_uppercase());
            traits.humps += usize::from(before.is_ascii_lowercase() && c.is_ascii_uppercase());
            traits.is_hexadecimal &= c.is_ascii_hexdigit() || !c.is_ascii_alphanumeric();
            let has_changed = before.is_ascii_digit() && c.is_ascii_alphabetic()
                || before.is_ascii_alphabetic() && c.is_ascii_digit();
            traits.changes += usize::from(has_changed);
            before = c;
        }
        traits
    }

    pub(super) fn letters(self) -> usize {
        self.small + self.capitals
    }

    pub(super) fn length(self) -> usize {
        self.digits + self.letters()
    }

    /// Whether there are letters of both cases.
    pub(super) fn is_mixed(self) -> bool {
        self.small > 0 && self.capitals > 0
    }
}

/// How much likelier the run is in words than by chance; less than nothing when chance is likelier.
pub(super) fn weight(run: &[u8], traits: Traits) -> i32 {
    let steps = run.windows(2).map(|step| match step {
        [a, b] => weight_of_step(*a, *b, traits.is_mixed()),
        _ => 0,
    });
    let around = if traits.small == 0 && traits.changes > 1 { CAPITALS_AROUND_DIGIT } else { 0 };
    steps.sum::<i32>() + around
}

fn weight_of_step(a: u8, b: u8, is_mixed: bool) -> i32 {
    let is_sign = |c: u8| !c.is_ascii_alphanumeric();
    match (a, b) {
        (_, b) if is_sign(b) => SIGN,
        (a, _) if is_sign(a) => 0,
        (b'0'..=b'9', b'0'..=b'9') => DIGIT_AFTER_DIGIT,
        (b'0'..=b'9', _) => LETTER_AFTER_DIGIT,
        (_, b'0'..=b'9') => DIGIT_AFTER_LETTER,
        (b'a'..=b'z', b'A'..=b'Z') => HUMP,
        (b'A'..=b'Z', b'A'..=b'Z') if is_mixed => following(a, b) + CAPITALS,
        _ => following(a, b),
    }
}

fn following(a: u8, b: u8) -> i32 {
    let at = |c: u8| usize::from(c.to_ascii_lowercase().wrapping_sub(b'a'));
    let row = FOLLOWING.get(at(a));
    row.and_then(|row| row.get(at(b))).map_or(0, |weight| i32::from(*weight) - i32::from(b'j'))
}
