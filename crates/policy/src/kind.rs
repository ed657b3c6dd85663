//! Sets of kinds of event: what a purpose keeps, and what renews a period.

use std::fmt;

use candor_event::Kind;

/// A set of kinds of event.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KindSet(u16);

// === impl KindSet ===

impl KindSet {
    /// Every kind.
    pub const ALL: Self = {
        let mut bits = 0;
        let mut at = 0;
        while at < Kind::ALL.len() {
            #[expect(clippy::indexing_slicing, reason = "checked by the compiler: a constant")]
            let kind = Kind::ALL[at];
            bits |= 1 << kind as u16;
            at += 1;
        }
        Self(bits)
    };

    /// Whether `kind` is in the set.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u16) != 0
    }

    /// Whether every kind of this set is in the other.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The kinds, in the order of the contract.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for KindSet {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind as u16))
    }
}

impl fmt::Debug for KindSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Kind::label)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_are_all_that_are_written() {
        assert_eq!(KindSet::ALL, Kind::ALL.into_iter().collect());
        assert!(!KindSet::ALL.contains(Kind::Unspecified));
        let chats: KindSet = [Kind::Chat].into_iter().collect();
        assert!(chats.is_within(KindSet::ALL) && !KindSet::ALL.is_within(chats));
        assert_eq!(format!("{chats:?}"), r#"{"chat"}"#);
    }
}
