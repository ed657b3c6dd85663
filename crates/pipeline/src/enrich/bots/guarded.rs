//! Patterns that look around themselves, which our engine does not: what may not stand before or after is
//! asked apart.

use regex::bytes::Regex;

/// `(?<!a|b)core(?!c|d)`: the core, where none of these stands before it and none of those after it.
#[derive(Debug)]
pub(super) struct Guarded {
    core: Regex,
    not_before: Vec<String>,
    not_after: Vec<String>,
}

impl Guarded {
    /// Whether a pattern looks around itself.
    pub(super) fn has_guards(pattern: &str) -> bool {
        pattern.contains("(?<!") || pattern.contains("(?!")
    }

    /// Reads a pattern. One that looks around in any other way does not compile.
    pub(super) fn read(pattern: &str) -> Result<Self, regex::Error> {
        let before = pattern.strip_prefix("(?<!").and_then(|rest| rest.split_once(')'));
        let (not_before, core) = before.unwrap_or(("", pattern));
        let after = core.strip_suffix(')').and_then(|core| core.split_once("(?!"));
        let (core, not_after) = after.unwrap_or((core, ""));
        let not_after = not_after
            .strip_prefix("(?:")
            .and_then(|rest| rest.strip_suffix(')'))
            .unwrap_or(not_after);
        let words = |words: &str| {
            words.split('|').filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        Ok(Self {
            core: super::pattern(core)?,
            not_before: words(not_before),
            not_after: words(not_after),
        })
    }

    /// Whether it is somewhere in a text of small letters.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.core.find_iter(text.as_bytes()).any(|found| {
            let before = text.as_bytes().get(..found.start()).unwrap_or_default();
            let after = text.as_bytes().get(found.end()..).unwrap_or_default();
            !self.not_before.iter().any(|word| before.ends_with(word.as_bytes()))
                && !self.not_after.iter().any(|word| after.starts_with(word.as_bytes()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_is_asked_for() {
        let cases = [
            (r"(?<! cu)bots?(?:\b|_)", "a bot", true),
            (r"(?<! cu)bots?(?:\b|_)", "acubot", true),
            (r"(?<! cu)bots?(?:\b|_)", "x cubot", false),
            (r"(?<! cu)bots?(?:\b|_)", "x cubot bot_", true),
            ("(?<!lib)http", "libhttp", false),
            ("(?<!lib)http", "http", true),
            ("java(?!;)", "java;", false),
            ("java(?!;)", "java; java/1", true),
            ("(?:^|[^g])news(?!sapphire)", "newssapphire", false),
            ("(?:^|[^g])news(?!sapphire)", "gnews", false),
            ("(?:^|[^g])news(?!sapphire)", "a news", true),
            ("(?<! channel/|google/)google(?!(?:wv|app| pixel))", "google/google", true),
            ("(?<! channel/|google/)google(?!(?:wv|app| pixel))", "x channel/google", false),
            ("(?<! channel/|google/)google(?!(?:wv|app| pixel))", "googleapp", false),
        ];
        for (pattern, text, want) in cases {
            assert!(Guarded::has_guards(pattern));
            assert_eq!(Guarded::read(pattern).unwrap().is_match(text), want, "{pattern}: {text}");
        }
        for unknown in ["a(?!b)c", "a(?<!b)c", "(?=a)b(?!c)"] {
            assert!(Guarded::read(unknown).is_err(), "{unknown}");
        }
    }
}
