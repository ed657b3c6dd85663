//! Browser, operating system and device class, by the user agent.
//!
//! Parsing one costs a hundred times what everything else does, so a bounded cache keyed by a 64-bit
//! hash decides throughput. The hash is seeded at random: nobody can aim at a collision.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use candor_event::{Device, Event, Field, FieldSet};
use quick_cache::sync::Cache;
use ua_parser::{Extractor, Regexes};

use super::bots::{Bot, Bots, Class, Rule};

/// The parser and its cache.
pub struct Agents {
    extractor: Extractor<'static>,
    bots: Bots,
    cache: Cache<u64, Arc<Agent>>,
    seed: RandomState,
}

/// Why the parser's rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AgentsError {
    /// A rule does not compile.
    #[error("the user agent rules do not compile")]
    Compile(#[source] ua_parser::Error),
    /// Not the expected YAML.
    #[error("the user agent rules cannot be read")]
    Read(#[source] serde_saphyr::Error),
}

/// What one user agent says.
#[derive(Debug, Default, PartialEq)]
struct Agent {
    browser: String,
    browser_version: String,
    os: String,
    os_version: String,
    device: Device,
    bot: Option<Bot>,
}

/// How many agents are remembered: a few megabytes at the most.
const CACHE_ENTRIES: usize = 8_192;
const NAME_BYTES_MAX: usize = 64;

// === impl Agents ===

impl std::fmt::Debug for Agents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agents").field("cached", &self.cache.len()).finish_non_exhaustive()
    }
}

impl Agents {
    /// Compiles the rules of uap-core's `regexes.yaml`.
    ///
    /// # Errors
    /// [`AgentsError`].
    pub fn from_yaml(rules: &str) -> Result<Self, AgentsError> {
        let rules: Regexes<'static> = serde_saphyr::from_str(rules).map_err(AgentsError::Read)?;
        let extractor = Extractor::try_from(rules).map_err(AgentsError::Compile)?;
        let (cache, seed) = (Cache::new(CACHE_ENTRIES), RandomState::new());
        Ok(Self { extractor, bots: Bots::default(), cache, seed })
    }

    /// With lists of robots besides our own rules.
    #[must_use]
    pub fn with_bots(self, bots: Bots) -> Self {
        Self { bots, ..self }
    }

    pub(super) fn fill(&self, event: &mut Event, user_agent: &str, fields: FieldSet) {
        let wanted = [
            Field::Browser,
            Field::BrowserVersion,
            Field::Os,
            Field::OsVersion,
            Field::Device,
            Field::Bot,
        ];
        if !wanted.into_iter().any(|field| fields.contains(field)) {
            return;
        }
        let agent = self.look_up(user_agent);
        event.browser.clone_from(&agent.browser);
        event.browser_version.clone_from(&agent.browser_version);
        event.os.clone_from(&agent.os);
        event.os_version.clone_from(&agent.os_version);
        event.device = agent.device.into();
        if let Some(Bot { class, rule }) = agent.bot {
            class.label().clone_into(&mut event.bot);
            metrics::counter!("pipeline_bots_total", "class" => class.label(), "rule" => rule.label())
                .increment(1);
        }
    }

    fn look_up(&self, user_agent: &str) -> Arc<Agent> {
        let key = self.seed.hash_one(user_agent);
        if let Some(agent) = self.cache.get(&key) {
            return agent;
        }
        let agent = Arc::new(self.parse(user_agent));
        self.cache.insert(key, Arc::clone(&agent));
        agent
    }

    fn parse(&self, user_agent: &str) -> Agent {
        let (browser, os, device) = self.extractor.extract(user_agent);
        let (browser, browser_version) = browser
            .map(|found| (name(&found.family), name(found.major.unwrap_or_default())))
            .unwrap_or_default();
        let (os, os_version) = os
            .map(|found| (name(&found.os), name(found.major.as_deref().unwrap_or_default())))
            .unwrap_or_default();
        let family = device.map(|found| found.device.into_owned()).unwrap_or_default();
        let spider = Bot { class: Class::Crawler, rule: Rule::UapCore };
        let bot = self.bots.of(user_agent).or_else(|| (family == "Spider").then_some(spider));
        Agent {
            device: if bot.is_some() {
                Device::Unspecified
            } else {
                class(user_agent, &os, &family)
            },
            bot,
            browser,
            browser_version,
            os,
            os_version,
        }
    }
}

/// What is kept of a name: parts of it may be the visitor's own text.
fn name(text: &str) -> String {
    super::text::kept(text, NAME_BYTES_MAX)
}

/// uap-core knows models, not classes; these rules tell the classes apart.
fn class(user_agent: &str, os: &str, family: &str) -> Device {
    let has = |word: &str| user_agent.contains(word);
    let is_android = os == "Android";
    if has("TV") || has("BRAVIA") || has("AFTT") || os == "tvOS" {
        Device::Tv
    } else if has("PlayStation") || has("Xbox") || has("Nintendo") {
        Device::Console
    } else if has("Watch") || os == "watchOS" {
        Device::Wearable
    } else if family == "iPad" || has("Tablet") || has("Kindle") || (is_android && !has("Mobile")) {
        Device::Tablet
    } else if is_android || os == "iOS" || has("Mobi") || has("Phone") {
        Device::Mobile
    } else if [
        "Windows",
        "Mac OS X",
        "Chrome OS",
        "Linux",
        "Ubuntu",
        "Fedora",
        "FreeBSD",
        "OpenBSD",
    ]
    .contains(&os)
    {
        Device::Desktop
    } else {
        Device::Unspecified
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r"
user_agent_parsers:
  - regex: '(Firefox)/(\d+)\.(\d+)'
os_parsers:
  - regex: '(Windows NT 10\.0)'
    os_replacement: 'Windows'
    os_v1_replacement: '10'
  - regex: '(Android) (\d+)'
device_parsers:
  - regex: 'ExampleBot'
    device_replacement: 'Spider'
";

    fn agents() -> Agents {
        Agents::from_yaml(RULES).unwrap()
    }

    #[test]
    fn a_browser_is_read_and_remembered() {
        let agents = agents();
        let text = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0";
        let first = agents.look_up(text);
        assert_eq!((first.browser.as_str(), first.browser_version.as_str()), ("Firefox", "140"));
        assert_eq!((first.os.as_str(), first.device), ("Windows", Device::Desktop));
        assert!(Arc::ptr_eq(&first, &agents.look_up(text)));
    }

    #[test]
    fn bots_have_a_class_and_no_device() {
        for (text, class) in [("ExampleBot/1.0", "crawler"), ("", "suspicious"), ("curl/8", "tool")]
        {
            let agent = agents().look_up(text);
            let found = agent.bot.map(|bot| bot.class.label());
            assert_eq!((found, agent.device), (Some(class), Device::Unspecified), "{text}");
        }
    }

    #[test]
    fn devices_fall_into_classes() {
        let cases = [
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/130.0 Mobile Safari/537.36",
                Device::Mobile,
            ),
            ("Mozilla/5.0 (Linux; Android 14; SM-X910) Chrome/130.0 Safari/537.36", Device::Tablet),
            ("Mozilla/5.0 (Linux; Android 12; SMART TV) Chrome/120.0", Device::Tv),
            ("Mozilla/5.0 (PlayStation 5)", Device::Console),
            ("curl/8.0", Device::Unspecified),
        ];
        for (text, want) in cases {
            assert_eq!(agents().look_up(text).device, want, "{text}");
        }
    }

    #[test]
    fn a_flood_of_agents_leaves_a_bounded_cache() {
        let agents = agents();
        for n in 0..3 * CACHE_ENTRIES {
            agents.look_up(&format!("agent {n}"));
        }
        assert!(agents.cache.len() <= CACHE_ENTRIES);
    }
}
