//! Adds what a visit tells beyond its own words. Sees only anonymised data: the look-up prefix is the
//! most that is known of the address here.
//!
//! Each field is worked out only when a grant covers it.

use candor_event::{Event, Field, FieldSet, Kind};

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

use geo::Geo;
use referrer::Referrer;
use spam::Spam;
use user_agent::{Agents, Sender};

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

/// Fills in the event's fields.
pub(crate) fn enrich(
    event: &mut Event,
    sources: &Sources,
    admitted: &Admitted<'_>,
    beacon: &Beacon<'_>,
    head: &Head<'_>,
    anonymized: &Anonymized,
) {
    let fields = admitted.admission.fields();
    let has = |field| fields.contains(field);

    let reading = url::fill(event, admitted, fields);
    let referrer = Referrer::read(admitted, beacon, fields);
    referrer.fill(event, admitted.policy.referrer(), fields);
    source::fill(event, &reading, &referrer, fields);
    let size = beacon.screen.as_ref().and_then(|size| screen::parse(size.as_str()));
    let hints = if admitted.policy.asks_for_hints() { head.hints } else { head.hints.unasked() };
    let screen = size.unwrap_or_default();
    let sender = Sender { user_agent: head.user_agent, hints, screen };
    sources.agents.fill(event, &sender, fields);
    if has(Field::Bot) {
        sources.spam.mark(event, &referrer);
    }
    if let Some(lookup) = &anonymized.lookup {
        sources.geo.fill(event, lookup);
    }
    if let Some(title) = beacon.title.as_ref().filter(|_| has(Field::Title)) {
        event.title = text::kept_of(title);
    }
    if has(Field::Language) {
        let named = beacon.language.as_ref().map(crate::beacon::Text::as_str);
        event.language = named.or(head.language).and_then(language).unwrap_or_default();
    }
    if has(Field::Screen) {
        (event.screen_width, event.screen_height) = screen;
    }
    engagement(event, beacon, fields);
    if has(Field::Props) {
        if let Some(name) = beacon.name.as_ref().filter(|_| admitted.kind == Kind::Custom) {
            event.name = text::kept_of(name);
        }
        let pair = |(name, value): &(_, _)| candor_event::Pair {
            name: text::kept_of(name),
            value: text::kept_of(value),
        };
        event.props = beacon.props.iter().map(pair).collect();
    }
}

/// A day: nobody looks at a page for longer.
const DWELL_MS_MAX: u32 = 86_400_000;

fn engagement(event: &mut Event, beacon: &Beacon<'_>, fields: FieldSet) {
    if fields.contains(Field::Dwell) {
        event.dwell_ms = beacon.dwell_ms.unwrap_or_default().min(DWELL_MS_MAX);
    }
    if fields.contains(Field::Scroll) {
        event.scroll_percent = beacon.scroll_percent.map(|percent| percent.min(100));
    }
}

/// The first language of a list, when it looks like a tag (BCP 47) and like nothing else.
fn language(list: &str) -> Option<String> {
    let first = list.split([',', ';']).next()?.trim();
    let ok = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    let is_tag = (2..=35).contains(&first.len()) && first.bytes().all(ok);
    (is_tag && !text::is_redacted(first)).then(|| first.to_owned())
}

/// The sources of a crate that this one depends on, where its fixtures are.
#[cfg(test)]
fn fixtures(name: &str) -> std::path::PathBuf {
    let cargo = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
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
        assert_eq!(language("fi-FI,fi;q=0.9").as_deref(), Some("fi-FI"));
        assert_eq!(language("sv;q=1").as_deref(), Some("sv"));
        for odd in ["", "*", "x", "<script>", &"a".repeat(40), "fi-0401234567"] {
            assert_eq!(language(odd), None, "{odd}");
        }
    }
}
