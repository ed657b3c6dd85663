//! What is done to a valid input: bits turned, parts left out, doubled, exchanged with those of another; numbers
//! grown beyond what fits, brackets nested, words put where they do not belong, texts cut in the middle of a letter.

/// Makes inputs.
#[derive(Debug)]
pub(crate) struct Mutations<'a> {
    seeds: &'a [&'a [u8]],
    words: &'a [&'a str],
    target: u64,
    random: Random,
    input: Vec<u8>,
}

/// `SplitMix64`, by Sebastiano Vigna: small, and good enough.
#[derive(Debug)]
struct Random(u64);

/// No input is longer.
const BYTES_MAX: usize = 65_536;
/// Most inputs stay as short as their seeds; every so many may grow to the bound.
const LARGE_EVERY: usize = 64;
const DEEP: usize = 2_000;
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "255",
    "256",
    "65536",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
    "-9223372036854775809",
    "1e999",
    "0.00000000000000000000000001",
    "340282366920938463463374607431768211456",
];
const STRANGE: [&[u8]; 12] = [
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x8d\x8b",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"%00",
    b"%",
    b"\\u0000",
    b"\\ud800",
    b"\r\n",
];
const BRACKETS: [&[u8]; 6] = [b"[", b"{\"a\":", b"(", b"<", b"\"", b"%25"];

impl<'a> Mutations<'a> {
    pub(crate) fn new(target: &str, seeds: &'a [&'a [u8]], words: &'a [&'a str]) -> Self {
        // FNV-1a: the same on every machine.
        let target = target.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { seeds, words, target, random: Random(0), input: Vec::new() }
    }

    /// The input of this number.
    pub(crate) fn input(&mut self, number: u64) -> &[u8] {
        self.random = Random(self.target ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.input.clear();
        let seed = self.seed();
        self.input.extend_from_slice(seed);
        let is_large = self.random.below(LARGE_EVERY) == 0;
        for _ in 0..=self.random.below(5) {
            self.mutate(is_large);
        }
        self.input.truncate(BYTES_MAX);
        &self.input
    }

    fn seed(&mut self) -> &'a [u8] {
        let at = self.random.below(self.seeds.len());
        self.seeds.get(at).copied().unwrap_or_default()
    }

    fn mutate(&mut self, is_large: bool) {
        let at = self.random.below(self.input.len() + 1);
        match self.random.below(11) {
            0 => {
                let bit = 1 << self.random.below(8);
                if let Some(byte) = self.input.get_mut(at) {
                    *byte ^= bit;
                }
            }
            1 => {
                let new = self.random.byte();
                if let Some(byte) = self.input.get_mut(at) {
                    *byte = new;
                }
            }
            2 => drop(self.cut(at)),
            3 => self.input.truncate(at),
            4 => {
                let part = self.cut(at);
                let times = if is_large { 1 + self.random.below(500) } else { 2 };
                self.put(at, &part.repeat(times));
            }
            5 => {
                let other = self.seed();
                let from = self.random.below(other.len() + 1);
                let part = other.get(from..).unwrap_or_default();
                self.input.truncate(at);
                self.put(at, part);
            }
            6 => self.renumber(at),
            7 => {
                let word = self.random.of(self.words).map_or("", |word| word);
                self.put(at, word.as_bytes());
            }
            8 => {
                let strange = self.random.of(&STRANGE).copied().unwrap_or_default();
                self.put(at, strange);
            }
            9 => {
                let bracket = self.random.of(&BRACKETS).copied().unwrap_or_default();
                let depth = 1 + self.random.below(if is_large { DEEP } else { 8 });
                self.put(at, &bracket.repeat(depth));
            }
            _ => {
                let noise: Vec<u8> =
                    (0..self.random.below(24)).map(|_| self.random.byte()).collect();
                self.put(at, &noise);
            }
        }
    }

    /// Takes up to 64 bytes out.
    fn cut(&mut self, at: usize) -> Vec<u8> {
        let end = self.input.len().min(at + self.random.below(64));
        self.input.drain(at..end).collect()
    }

    fn put(&mut self, at: usize, part: &[u8]) {
        if self.input.len() + part.len() <= BYTES_MAX {
            self.input.splice(at..at, part.iter().copied());
        }
    }

    /// Exchanges the next number for another.
    fn renumber(&mut self, at: usize) {
        let is_digit = |byte: &u8| byte.is_ascii_digit();
        let rest = self.input.get(at..).unwrap_or_default();
        let begin = at + rest.iter().position(is_digit).unwrap_or(0);
        let digits = self.input.get(begin..).unwrap_or_default();
        let length = digits.iter().take_while(|byte| is_digit(byte)).count();
        self.input.drain(begin..begin + length);
        let number = self.random.of(&NUMBERS).map_or("", |number| number);
        self.put(begin, number.as_bytes());
    }
}

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 when there is nothing below it.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn of<'s, T>(&mut self, list: &'s [T]) -> Option<&'s T> {
        list.get(self.below(list.len()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_input_follows_from_its_number_and_most_differ() {
        let seeds: [&[u8]; 2] = [br#"{"site":"demo","number":12345}"#, b"[1,2,3]"];
        let mut mutations = Mutations::new("a", &seeds, &["null"]);
        let inputs: Vec<_> = (0..2_000).map(|number| mutations.input(number).to_vec()).collect();
        let mut again = Mutations::new("a", &seeds, &["null"]);
        for number in [1_999, 7, 0] {
            assert_eq!(again.input(number), inputs[usize::try_from(number).unwrap()]);
        }
        assert!(inputs.iter().all(|input| input.len() <= BYTES_MAX));
        assert!(inputs.iter().any(|input| input.len() > 2_000));
        // Short seeds come out alike now and then: cut off at once, or damaged in the same place.
        let distinct = inputs.iter().collect::<BTreeSet<_>>().len();
        assert!(distinct > 1_600, "{distinct}");
    }
}
