//! The address of a page: the parts of its path that are never kept.

use std::borrow::Cow;
use std::fmt;

use crate::redact;

/// A path with stars, such as `/orders/*`. It covers every path that begins like it. A star stands for
/// one step, which is never kept; two stars at the end stand for all the rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathPattern(String);

/// What of a path is replaced.
#[derive(Clone, Copy, Default)]
struct Replaced {
    /// A bit for each step.
    steps: u32,
    /// The step from which on all is.
    rest: Option<usize>,
}

/// Why a pattern is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Too long, or with more than a path.
    #[error("is not a path")]
    NotAPath,
    /// It replaces nothing.
    #[error("replaces nothing")]
    NoStar,
    /// A star beside other letters, or two stars elsewhere than at the end.
    #[error("has a star that is not a step of its own")]
    PartOfAStep,
}

// === impl PathPattern ===

impl PathPattern {
    /// The most bytes of a pattern.
    const LENGTH_MAX: usize = 256;
    /// The most steps of a pattern.
    const STEPS_MAX: usize = 32;

    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let Some(steps) = text.strip_prefix('/') else {
            return Err(PatternError::NotAPath);
        };
        let is_path = text.len() <= Self::LENGTH_MAX
            && steps.split('/').count() <= Self::STEPS_MAX
            && !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '?' | '#'));
        if !is_path {
            return Err(PatternError::NotAPath);
        }
        if !text.contains('*') {
            return Err(PatternError::NoStar);
        }
        let mut steps = steps.split('/').rev();
        let last_ok = steps.next().is_some_and(|last| last == "**" || is_step(last));
        if !last_ok || !steps.all(is_step) {
            return Err(PatternError::PartOfAStep);
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it covers a path, and if so what of it is replaced.
    fn covers(&self, path: &str) -> Option<Replaced> {
        let mut replaced = Replaced::default();
        let mut steps = steps(path);
        for (at, wanted) in self.0.split('/').skip(1).enumerate() {
            let step = steps.next()?;
            match wanted {
                "*" => replaced.steps |= 1 << at,
                "**" => replaced.rest = Some(at),
                wanted if !wanted.eq_ignore_ascii_case(step) => return None,
                _ => {}
            }
        }
        Some(replaced)
    }
}

// === impl Replaced ===

impl Replaced {
    fn and(self, other: Self) -> Self {
        let rest = match (self.rest, other.rest) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { steps: self.steps | other.steps, rest }
    }

    fn is_nothing(self) -> bool {
        self.steps == 0 && self.rest.is_none()
    }

    /// The path without what is replaced.
    fn apply(self, path: &str) -> String {
        let mut kept = String::with_capacity(path.len());
        let mut at = 0;
        for step in path.split('/').skip(1) {
            kept.push('/');
            if step.is_empty() {
                continue;
            }
            if self.rest.is_some_and(|rest| rest <= at) {
                kept.push('*');
                break;
            }
            let is_replaced = at < PathPattern::STEPS_MAX && self.steps & (1 << at) != 0;
            kept.push_str(if is_replaced { "*" } else { step });
            at += 1;
        }
        kept
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_step(step: &str) -> bool {
    step == "*" || !step.contains('*')
}

/// The steps of a path, without those that are empty.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|step| !step.is_empty())
}

/// What may be kept of a path.
pub(crate) fn path<'a>(patterns: &[PathPattern], path: &'a str) -> Cow<'a, str> {
    let covering = patterns.iter().filter_map(|pattern| pattern.covers(path));
    let replaced = covering.fold(Replaced::default(), Replaced::and);
    if replaced.is_nothing() {
        return redact(path);
    }
    let kept = replaced.apply(path);
    match redact(&kept) {
        Cow::Owned(redacted) => Cow::Owned(redacted),
        Cow::Borrowed(_) => Cow::Owned(kept),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(patterns: &[&str], path: &str) -> String {
        let patterns: Vec<_> =
            patterns.iter().map(|pattern| PathPattern::parse(pattern).unwrap()).collect();
        super::path(&patterns, path).into_owned()
    }

    #[test]
    fn stars_are_replaced_and_the_rest_is_kept() {
        let cases: [(&[&str], &str, &str); 13] = [
            (&["/orders/*"], "/orders/77", "/orders/*"),
            (&["/orders/*"], "/orders/77/lines", "/orders/*/lines"),
            (&["/orders/*"], "/orders/", "/orders/"),
            (&["/orders/*"], "/orders", "/orders"),
            (&["/orders/*"], "/Orders//77", "/Orders//*"),
            (&["/orders/*"], "/shop/orders/77", "/shop/orders/77"),
            (&["/u/*/files/*"], "/u/jane/files/tax", "/u/*/files/*"),
            (&["/u/*/files/*"], "/u/jane/help", "/u/jane/help"),
            (&["/u/**"], "/u/jane/files/tax/", "/u/*"),
            (&["/u/**"], "/u/", "/u/"),
            (&["/*"], "/anything/else", "/*/else"),
            (&["/a/*", "/*/b/**"], "/a/x/c", "/a/*/c"),
            (&["/a/*", "/*/b/**"], "/a/b/c/d", "/*/*/*"),
        ];
        for (patterns, path, want) in cases {
            assert_eq!(kept(patterns, path), want, "{patterns:?} {path}");
        }
        assert_eq!(kept(&["/u/*"], "/u/jane/mail/j@a.example"), "/u/*/mail/[e-mail]");
        assert!(matches!(path(&[], "/plain"), Cow::Borrowed("/plain")));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let long = format!("/{}*", "a/".repeat(40));
        let cases = [
            ("orders/*", PatternError::NotAPath),
            ("", PatternError::NotAPath),
            ("/a?b=*", PatternError::NotAPath),
            ("/a b/*", PatternError::NotAPath),
            (&long, PatternError::NotAPath),
            ("/orders", PatternError::NoStar),
            ("/orders-*", PatternError::PartOfAStep),
            ("/**/a", PatternError::PartOfAStep),
            ("/a/***", PatternError::PartOfAStep),
        ];
        for (text, want) in cases {
            assert_eq!(PathPattern::parse(text), Err(want), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_never_leaves_what_its_star_stands_for(
            name in "[a-z]{1,8}", rest in "(/{1,2}[a-z]{1,3}){0,50}",
        ) {
            let path = format!("/secret/{name}-x{rest}");
            prop_assert!(!kept(&["/secret/*"], &path).contains("-x"));
            prop_assert_eq!(kept(&["/secret/**"], &path), "/secret/*");
        }
    }
}
