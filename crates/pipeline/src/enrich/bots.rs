//! Tells robots from people by their user agent, and says which kind they are and which rule said so.
//!
//! Rules of our own come first; then crawler-user-agents, which knows crawlers by name; then isbot's
//! patterns, which know what no browser looks like; uap-core is asked last. Nothing is dropped for being a
//! robot: the class is a field like others, and views for people leave out rows that have one.

use candor_event::draft::Facts;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

mod class;
mod guarded;
mod own;

pub(crate) use class::{Class, Rule};

use guarded::Guarded;
use own::Own;

/// The lists that tell robots from people.
#[derive(Debug)]
pub struct Bots {
    own: Own,
    crawlers: Option<Crawlers>,
    patterns: Option<Patterns>,
}

/// Crawlers by name.
#[derive(Debug)]
struct Crawlers {
    set: RegexSet,
    /// The class of each pattern of the set.
    classes: Vec<Class>,
}

/// What no browser looks like.
#[derive(Debug)]
struct Patterns {
    set: RegexSet,
    guarded: Vec<Guarded>,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BotsError {
    /// Some pattern does not compile.
    #[error("the patterns of {list} do not compile")]
    Compile {
        /// Whose.
        list: &'static str,
        /// Why.
        #[source]
        source: regex::Error,
    },
    /// Not the expected file.
    #[error("the list {list} cannot be read: fetch it again with tools/setup")]
    Read {
        /// Which.
        list: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// What a robot is, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bot {
    pub(crate) class: Class,
    pub(crate) rule: Rule,
}

#[derive(Deserialize)]
struct Crawler {
    pattern: String,
    #[serde(default)]
    tags: Vec<String>,
}

/// What patterns may grow to when they are compiled: bounded, though they are not a visitor's.
const COMPILED_BYTES_MAX: usize = 64 << 20;

/// Patterns of crawler-user-agents that browsers match: versions of Opera Mini, an app on phones of Sony,
/// phones of HTC, and windows of single sites.
const MISTAKEN: [&str; 4] = [r"008\/", "Blackboard", "Butterfly", "Fluid"];

// === impl Bots ===

impl Bots {
    /// Our own rules alone.
    ///
    /// # Errors
    /// [`BotsError::Compile`].
    pub fn known_here() -> Result<Self, BotsError> {
        let failed = |source| BotsError::Compile { list: "our own rules", source };
        Ok(Self { own: Own::new().map_err(failed)?, crawlers: None, patterns: None })
    }

    /// Reads `crawler-user-agents.json` and isbot's `index.mjs`.
    ///
    /// # Errors
    /// [`BotsError`].
    pub fn read(crawlers: &str, isbot: &str) -> Result<Self, BotsError> {
        Ok(Self {
            crawlers: Some(Crawlers::read(crawlers)?),
            patterns: Some(Patterns::read(isbot)?),
            ..Self::known_here()?
        })
    }

    /// The robot that the user agent, also given in small letters, belongs to; `None` for a browser.
    pub(crate) fn of(&self, user_agent: &str, text: &str) -> Option<Bot> {
        let bot = |rule| move |class| Bot { class, rule };
        self.known_to_us(text)
            .or_else(|| self.crawlers.as_ref()?.of(user_agent).map(bot(Rule::CrawlerUserAgents)))
            .or_else(|| {
                let is_bot = self.patterns.as_ref()?.is_bot(user_agent, text);
                is_bot.then(|| bot(Rule::Isbot)(own::guess(text)))
            })
    }

    /// What our own rules say of a user agent in small letters.
    pub(crate) fn known_to_us(&self, text: &str) -> Option<Bot> {
        self.own.of(text).map(|class| Bot { class, rule: Rule::Own })
    }

    /// The same, and what the agent says of itself, without asking any list.
    pub(crate) fn guess(&self, text: &str) -> Option<Bot> {
        let says =
            || ["bot/", "bot;", "crawl", "spider", "+http"].iter().any(|word| text.contains(word));
        let guessed = || says().then(|| Bot { class: own::guess(text), rule: Rule::Own });
        self.known_to_us(text).or_else(guessed)
    }
}

// === impl Bot ===

impl Bot {
    /// Marks an event as a robot's, and counts it.
    pub(crate) fn mark(self, facts: &mut Facts<'_>) {
        let Self { class, rule } = self;
        facts.bot = class.label();
        metrics::counter!("pipeline_bots_total", "class" => class.label(), "rule" => rule.label())
            .increment(1);
    }
}

// === impl Crawlers ===

impl Crawlers {
    fn read(text: &str) -> Result<Self, BotsError> {
        const LIST: &str = "crawler-user-agents.json";
        let mut crawlers: Vec<Crawler> =
            serde_json::from_str(text).map_err(|source| BotsError::Read { list: LIST, source })?;
        crawlers.retain(|crawler| !MISTAKEN.contains(&crawler.pattern.as_str()));
        let set = RegexSetBuilder::new(crawlers.iter().map(|crawler| &crawler.pattern))
            .unicode(false)
            .size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(|source| BotsError::Compile { list: LIST, source })?;
        let classes = crawlers.iter().map(|crawler| Class::of_tags(&crawler.tags)).collect();
        Ok(Self { set, classes })
    }

    /// The most telling class of all patterns that match.
    fn of(&self, user_agent: &str) -> Option<Class> {
        let matches = self.set.matches(user_agent.as_bytes());
        matches.iter().filter_map(|at| self.classes.get(at).copied()).min()
    }
}

// === impl Patterns ===

impl Patterns {
    /// Reads the list of patterns that isbot's module begins with.
    fn read(module: &str) -> Result<Self, BotsError> {
        const LIST: &str = "isbot";
        let list = module.split_once("patterns_default = ").map_or("", |(_, rest)| rest);
        let list = list.split_once("\n];").map_or(String::new(), |(list, _)| format!("{list}\n]"));
        let patterns: Vec<String> =
            serde_json::from_str(&list).map_err(|source| BotsError::Read { list: LIST, source })?;
        let failed = |source| BotsError::Compile { list: LIST, source };
        let (guarded, plain): (Vec<_>, Vec<_>) =
            patterns.iter().partition(|pattern| Guarded::has_guards(pattern));
        let plain = plain.into_iter().map(|pattern| for_our_engine(pattern));
        let set = RegexSetBuilder::new(plain)
            .unicode(false)
            .case_insensitive(true)
            .size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(failed)?;
        let guarded = guarded.into_iter().map(|pattern| Guarded::read(pattern));
        Ok(Self { set, guarded: guarded.collect::<Result<_, _>>().map_err(failed)? })
    }

    fn is_bot(&self, user_agent: &str, lowercase: &str) -> bool {
        self.set.is_match(user_agent.as_bytes())
            || self.guarded.iter().any(|pattern| pattern.is_match(lowercase))
    }
}

/// In JavaScript a hyphen after a class of characters is one; here it would begin a range.
fn for_our_engine(pattern: &str) -> String {
    ["d", "s", "w"].into_iter().fold(pattern.to_owned(), |pattern, class| {
        pattern.replace(&format!("\\{class}-"), &format!("\\{class}\\-"))
    })
}

fn pattern(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).unicode(false).case_insensitive(true).build()
}

#[cfg(test)]
mod tests;
