//! Browser, operating system, device class and robots, by the user agent and the client hints beside it.
//!
//! Parsing an agent costs several times what everything else does, so a bounded cache keyed by a 64-bit
//! hash decides throughput. The hash is seeded at random: nobody can aim at a collision. Whoever sends agents
//! that were never seen, in a flood, cannot make everybody wait for the parser either: see [`Budget`].

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use candor_event::draft::Facts;
use candor_event::{Device, Field, FieldSet};
use quick_cache::sync::Cache;
use ua_parser::{Extractor, Regexes};

use super::bots::{Bot, Bots, BotsError, Class, Rule};
use super::device::{Devices, Screen, Told};
use super::hints::{Hints, Said};

mod budget;
mod guess;
#[cfg(test)]
mod tests;

use budget::Budget;

/// The parser and its cache.
pub struct Agents {
    extractor: Extractor<'static>,
    bots: Bots,
    devices: Devices,
    cache: Cache<u64, Arc<Agent>>,
    seed: RandomState,
    budget: Budget,
}

/// Why the parser's rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AgentsError {
    /// Our own rules about robots do not compile: a defect.
    #[error(transparent)]
    Bots(#[from] BotsError),
    /// A rule does not compile.
    #[error("the user agent rules do not compile")]
    Compile(#[source] ua_parser::Error),
    /// Our own rules about devices do not compile: a defect.
    #[error("the rules about devices do not compile")]
    Devices(#[source] regex::Error),
    /// Not the expected YAML.
    #[error("the user agent rules cannot be read")]
    Read(#[source] serde_saphyr::Error),
}

/// What one user agent says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Agent {
    browser: String,
    browser_version: String,
    os: String,
    os_version: String,
    device: Device,
    screen: Screen,
    bot: Option<Bot>,
}

/// Who sends a beacon, as the request says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender<'a> {
    pub(super) user_agent: &'a str,
    pub(super) hints: Hints<'a>,
}

/// How many agents are remembered: some three megabytes at the most.
const CACHE_ENTRIES: usize = 8_192;
const NAME_BYTES_MAX: usize = 64;

/// The fields that an agent is read for.
const FIELDS: [Field; 6] =
    [Field::Browser, Field::BrowserVersion, Field::Os, Field::OsVersion, Field::Device, Field::Bot];

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
        Ok(Self {
            extractor: Extractor::try_from(rules).map_err(AgentsError::Compile)?,
            bots: Bots::known_here()?,
            devices: Devices::new().map_err(AgentsError::Devices)?,
            cache: Cache::new(CACHE_ENTRIES),
            seed: RandomState::new(),
            budget: Budget::default(),
        })
    }

    /// With lists of robots besides our own rules.
    #[must_use]
    pub fn with_bots(self, bots: Bots) -> Self {
        Self { bots, ..self }
    }

    /// Whom a beacon is from, when some field is made of it.
    pub(super) fn of(&self, sender: &Sender<'_>, fields: FieldSet) -> Option<Arc<Agent>> {
        let is_read = FIELDS.into_iter().any(|field| fields.contains(field));
        is_read.then(|| self.look_up(sender.user_agent, &sender.hints))
    }

    fn look_up(&self, user_agent: &str, hints: &Hints<'_>) -> Arc<Agent> {
        let key = self.seed.hash_one((user_agent, hints));
        if let Some(agent) = self.cache.get(&key) {
            self.budget.earn();
            return agent;
        }
        if !self.budget.spend() {
            metrics::counter!("pipeline_agents_total", "how" => "guessed").increment(1);
            return Arc::new(self.guess(user_agent, hints));
        }
        metrics::counter!("pipeline_agents_total", "how" => "parsed").increment(1);
        let agent = Arc::new(self.parse(user_agent, &hints.said()));
        self.cache.insert(key, Arc::clone(&agent));
        agent
    }

    fn parse(&self, user_agent: &str, said: &Said) -> Agent {
        let text = user_agent.to_ascii_lowercase();
        let (browser, os, device) = self.extractor.extract(user_agent);
        let (browser, browser_version) = browser
            .map(|found| (name(&found.family), name(found.major.unwrap_or_default())))
            .unwrap_or_default();
        let (os, os_version) = os
            .map(|found| (name(&found.os), name(found.major.as_deref().unwrap_or_default())))
            .unwrap_or_default();
        let is_spider = device.is_some_and(|found| found.device == "Spider");
        let spider = Bot { class: Class::Crawler, rule: Rule::UapCore };
        let headless = Bot { class: Class::Headless, rule: Rule::Own };
        let bot = self
            .bots
            .of(user_agent, &text)
            .or_else(|| said.is_headless.then_some(headless))
            .or_else(|| is_spider.then_some(spider));
        let told = Told { agent: &text, model: &said.model };
        let (device, screen) = match (bot, said.device) {
            (Some(_), _) => Default::default(),
            (None, Some(device)) => (device, Screen::Known),
            (None, None) => self.devices.class(told),
        };
        Agent { browser, browser_version, os, os_version, device, screen, bot }.with(said)
    }

    /// Reads no more than a few words of an agent.
    fn guess(&self, user_agent: &str, hints: &Hints<'_>) -> Agent {
        let text = user_agent.to_ascii_lowercase();
        match self.bots.guess(&text) {
            Some(bot) => Agent { bot: Some(bot), ..Agent::default() },
            None => guess::agent(&text, hints.says_mobile()),
        }
    }
}

// === impl Agent ===

impl Agent {
    /// Fills in what is kept of it. Whether it is a robot is known to the caller afterwards by the fact's own
    /// field, when that is kept.
    pub(super) fn fill<'a>(&'a self, facts: &mut Facts<'a>, screen: (u32, u32)) {
        facts.browser = &self.browser;
        facts.browser_version = &self.browser_version;
        facts.os = &self.os;
        facts.os_version = &self.os_version;
        facts.device = self.screen.settle(self.device, screen);
        if let Some(bot) = self.bot {
            bot.mark(facts);
        }
    }

    /// With what client hints say better.
    fn with(mut self, said: &Said) -> Self {
        if let Some((browser, version)) = said.browser.as_ref().filter(|_| self.is_chromium()) {
            (*browser).clone_into(&mut self.browser);
            self.browser_version.clone_from(version);
        }
        if let Some(version) = &said.os_version {
            self.os_version.clone_from(version);
        }
        self
    }

    /// Whether the agent is the one that all browsers of that engine send.
    fn is_chromium(&self) -> bool {
        ["Chrome", "Chrome Mobile"].contains(&self.browser.as_str())
    }
}

/// What is kept of a name: parts of it may be the visitor's own text.
fn name(text: &str) -> String {
    super::text::kept(text, NAME_BYTES_MAX).into_owned()
}
