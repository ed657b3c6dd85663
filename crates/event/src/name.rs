//! Names that become parts of tables, views and metrics: closed alphabets, checked once.

use std::fmt;
use std::sync::Arc;

/// The name of a site: what beacons say in `site`. 1 to 64 of `a-z`, `0-9`, `.`, `-`, `_`, beginning
/// with a letter or digit.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site(Arc<str>);

/// The name of a purpose, which is also the name of its table and view: 1 to 32 of `a-z`, `0-9`, `_`,
/// beginning with a letter and ending in a letter or digit.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Purpose(Arc<str>);

/// Why a name is refused. It does not hold the name: the text may have come from a visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Characters outside of the alphabet, or a wrong first one.
    #[error("has a character that is not allowed here")]
    Alphabet,
    /// Empty or too long.
    #[error("is empty or too long")]
    Length,
    /// A word that means something else in the database.
    #[error("is a reserved word")]
    Reserved,
}

// === impl Site ===

impl Site {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`] says which rule it breaks.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        Self::check(name)?;
        Ok(Self(name.into()))
    }

    /// Checks a name that is not kept.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn check(name: &str) -> Result<(), NameError> {
        let ok = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        check(name, 64, |c| c.is_ascii_lowercase() || c.is_ascii_digit(), ok)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl Purpose ===

impl Purpose {
    /// Words that a purpose cannot be called: tables and views of the database have them.
    pub const RESERVED: [&str; 4] = ["batches", "quarantine", "reserved", "schema"];

    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`] says which rule it breaks.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        Self::check(name)?;
        Ok(Self(name.into()))
    }

    /// Checks a name that is not kept.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn check(name: &str) -> Result<(), NameError> {
        let ok = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_');
        check(name, 32, |c| c.is_ascii_lowercase(), ok)?;
        let taken = Self::RESERVED.contains(&name);
        // What follows in the names of tables and views must not look like a part of it: `orders_` and
        // its view for people would be called as the view of `orders` for the controller `people`.
        let endings = ["_", "_rows", "_people", "_sessions"];
        if taken || name.contains("__") || endings.iter().any(|ending| name.ends_with(ending)) {
            return Err(NameError::Reserved);
        }
        Ok(())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(
    name: &str,
    length_max: usize,
    first: impl Fn(u8) -> bool,
    rest: impl Fn(u8) -> bool,
) -> Result<(), NameError> {
    if name.is_empty() || name.len() > length_max {
        return Err(NameError::Length);
    }
    let begins_well = name.bytes().next().is_some_and(first);
    if !begins_well || !name.bytes().all(rest) {
        return Err(NameError::Alphabet);
    }
    Ok(())
}

macro_rules! shows_its_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

shows_its_text!(Site);
shows_its_text!(Purpose);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_their_alphabets() {
        assert!(Site::parse("example.fi").is_ok());
        assert!(Purpose::parse("statistics").is_ok());
        let cases = [
            (Site::parse("").err(), NameError::Length),
            (Site::parse("Example.fi").err(), NameError::Alphabet),
            (Site::parse(".fi").err(), NameError::Alphabet),
            (Site::parse("a/b").err(), NameError::Alphabet),
            (Purpose::parse("9lives").err(), NameError::Alphabet),
            (Purpose::parse("a-b").err(), NameError::Alphabet),
            (Purpose::parse(&"a".repeat(33)).err(), NameError::Length),
            (Purpose::parse("batches").err(), NameError::Reserved),
            (Purpose::parse("statistics_").err(), NameError::Reserved),
            (Purpose::parse("statistics_rows").err(), NameError::Reserved),
            (Purpose::parse("statistics_people").err(), NameError::Reserved),
            (Purpose::parse("statistics_sessions").err(), NameError::Reserved),
            (Purpose::parse("statistics__acme").err(), NameError::Reserved),
        ];
        for (got, want) in cases {
            assert_eq!(got, Some(want));
        }
    }
}
