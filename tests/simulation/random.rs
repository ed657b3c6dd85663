//! Chance from a seed: the same seed is the same schedule, on every machine.

/// 25 hours: more than a day, by which keys rotate and records are kept.
const JUMP_S: i64 = 90_000;

/// A generator of the splitmix kind.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True so many times in ten thousand.
    pub fn chance(&mut self, in_ten_thousand: u64) -> bool {
        self.below(10_000) < in_ten_thousand
    }

    /// Mostly short, sometimes up to the longest.
    pub fn delay(&mut self, usual: u64, longest: u64) -> u64 {
        if self.chance(500) { self.between(0, longest) } else { self.between(0, usual) }
    }

    /// How far a clock is set off, seconds: 25 hours at most, and half of the times exactly that.
    pub fn jump(&mut self) -> i64 {
        let somewhere = i64::try_from(self.below(2 * JUMP_S.unsigned_abs())).unwrap_or(0) - JUMP_S;
        *self.pick(&[JUMP_S, -JUMP_S, somewhere, somewhere]).unwrap_or(&0)
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = usize::try_from(self.below(from.len() as u64)).ok()?;
        from.get(index)
    }
}
