//! Adds what a visit tells beyond its own words. Sees only anonymised data: the look-up prefix is the
//! most that is known of the address here.
//!
//! Each field is worked out only when a grant covers it.

use std::sync::Arc;

use arc_swap::Guard;
use candor_event::draft::Facts;
use candor_event::{Field, FieldSet, Kind};

use crate::admit::Admitted;
use crate::anonymize::Anonymized;
use crate::beacon::Beacon;
use crate::head::Head;

pub(crate) mod bots;
mod channel;
#[cfg(test)]
mod corpora;
mod device;
pub(crate) mod geo;
pub(crate) mod hints;
mod hosts;
mod referrer;
mod screen;
mod source;
pub(crate) mod spam;
mod text;
mod url;
pub(crate) mod user_agent;

use geo::{Databases, Geo};
use referrer::Referrer;
use spam::Spam;
use user_agent::{Agent, Agents, Sender};

/// What enrichment looks things up in.
#[derive(Debug)]
pub struct Sources {
    /// Browser, operating system and device by user agent.
    pub agents: Agents,
    /// Country, region, city and network by address prefix.
    pub geo: Geo,
    /// Hosts that referrer spam comes from.
    pub spam: Spam,
}

/// What was found out about an event, of which its facts borrow.
pub(crate) struct LookedUp<'a> {
    referrer: Referrer<'a>,
    agent: Option<Arc<Agent>>,
    databases: Guard<Arc<Databases>>,
}

impl<'a> LookedUp<'a> {
    /// Looks everything up.
    pub(crate) fn of(
        sources: &Sources,
        admitted: &Admitted<'_>,
        beacon: &'a Beacon<'_>,
        head: &Head<'_>,
    ) -> Self {
        let fields = admitted.admission.fields();
        let asks_for_hints = admitted.policy.asks_for_hints();
        let hints = if asks_for_hints { head.hints } else { head.hints.unasked() };
        let sender = Sender { user_agent: head.user_agent, hints };
        Self {
            referrer: Referrer::read(admitted, beacon, fields),
            agent: sources.agents.of(&sender, fields),
            databases: sources.geo.databases(),
        }
    }
}

/// Fills in the facts.
pub(crate) fn enrich<'a>(
    facts: &mut Facts<'a>,
    looked_up: &'a LookedUp<'_>,
    spam: &Spam,
    admitted: &'a Admitted<'_>,
    beacon: &'a Beacon<'_>,
    head: &Head<'a>,
    anonymized: &Anonymized,
) {
    let fields = admitted.admission.fields();
    let has = |field| fields.contains(field);
    let LookedUp { referrer, agent, databases } = looked_up;

    let reading = url::fill(facts, admitted, fields);
    referrer.fill(facts, admitted.policy.referrer(), fields);
    source::fill(facts, &reading, referrer, fields);
    let size = beacon.screen.as_ref().and_then(|size| screen::parse(size.as_str()));
    let screen = size.unwrap_or_default();
    if let Some(agent) = agent {
        agent.fill(facts, screen);
    }
    if has(Field::Bot) {
        spam.mark(facts, referrer);
    }
    if let Some(lookup) = &anonymized.lookup {
        databases.fill(facts, lookup);
    }
    if let Some(title) = beacon.title.as_ref().filter(|_| has(Field::Title)) {
        facts.title = text::kept_of(title);
    }
    if has(Field::Language) {
        let named = beacon.language.as_ref().map(crate::beacon::Text::as_str);
        facts.language = named.or(head.language).and_then(language).unwrap_or_default();
    }
    if has(Field::Screen) {
        (facts.screen_width, facts.screen_height) = screen;
    }
    engagement(facts, beacon, fields);
    if has(Field::Props) {
        if let Some(name) = beacon.name.as_ref().filter(|_| admitted.kind == Kind::Custom) {
            facts.name = text::kept_of(name);
        }
        let pair = |(name, value): &'a (_, _)| (text::kept_of(name), text::kept_of(value));
        facts.props = beacon.props.iter().map(pair).collect();
    }
}

/// A day: nobody looks at a page for longer.
const DWELL_MS_MAX: u32 = 86_400_000;

fn engagement(facts: &mut Facts<'_>, beacon: &Beacon<'_>, fields: FieldSet) {
    if fields.contains(Field::Dwell) {
        facts.dwell_ms = beacon.dwell_ms.unwrap_or_default().min(DWELL_MS_MAX);
    }
    if fields.contains(Field::Scroll) {
        facts.scroll_percent = beacon.scroll_percent.map(|percent| percent.min(100));
    }
}

/// The first language of a list, when it looks like a tag (BCP 47) and like nothing else.
fn language(list: &str) -> Option<&str> {
    let first = list.split([',', ';']).next()?.trim();
    let ok = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    let is_tag = (2..=35).contains(&first.len()) && first.bytes().all(ok);
    (is_tag && !text::is_redacted(first)).then_some(first)
}

/// The sources of a crate that this one depends on, where its fixtures are.
#[cfg(test)]
fn fixtures(name: &str) -> std::path::PathBuf {
    // Only what is built here was fetched.
    let here = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let cargo = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &here])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&cargo.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == name).unwrap();
    let manifest = package["manifest_path"].as_str().unwrap();
    std::path::Path::new(manifest).parent().unwrap().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_tags() {
        assert_eq!(language("fi-FI,fi;q=0.9"), Some("fi-FI"));
        assert_eq!(language("sv;q=1"), Some("sv"));
        for odd in ["", "*", "x", "<script>", &"a".repeat(40), "fi-0401234567"] {
            assert_eq!(language(odd), None, "{odd}");
        }
    }
}
