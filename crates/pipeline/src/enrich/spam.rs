//! Referrer spam: visits that pretend to come from a page that wants to be looked at. They are marked as
//! robots, never dropped: views for people leave them out, the others count them.

use std::collections::HashSet;
use std::sync::LazyLock;

use candor_event::Event;
use regex::bytes::{Regex, RegexBuilder};

use super::bots::{Bot, Class, Rule};
use super::hosts::endings;
use super::referrer::Referrer;

/// The hosts that spam: the operator's own list, and what campaigns of spam are known by.
#[derive(Debug, Default)]
pub struct Spam(HashSet<Box<str>>);

/// What hosts of known campaigns have in their name. Each stands for dozens of hosts that come and go.
const WORDS: [&str; 34] = [
    "4webmasters",
    "all-for-seo",
    "auto-seo",
    "autoseo",
    "backlinks-",
    "best-seo",
    "blackhat",
    "bottraffic",
    "buttons-for-",
    "buy-cheap-",
    "cookie-law-enforcement",
    "compliance-",
    "darodar",
    "event-tracking",
    "floating-share",
    "free-share",
    "free-social-buttons",
    "free-traffic",
    "free-video-tool",
    "get-free-",
    "get-your-social",
    "hulfingtonpost",
    "ilovevitaly",
    "increasewwwtraffic",
    "law-enforcement-",
    "monetizationking",
    "ranksonic",
    "semalt",
    "sharebutton",
    "social-buttons",
    "success-seo",
    "trafficmonetize",
    "webmonetizer",
    "xtrafficplus",
];

/// The same as one pattern, which is looked for in one go; a test holds that it compiles.
static MARKS: LazyLock<Option<Regex>> =
    LazyLock::new(|| RegexBuilder::new(&WORDS.join("|")).unicode(false).build().ok());

// === impl Spam ===

impl Spam {
    /// Reads a list of hosts, one a line; lines that begin with `#` are remarks. Hosts below them are meant
    /// too.
    pub fn read(list: &str) -> Self {
        let hosts = list.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let hosts = hosts.map(|host| host.trim_start_matches("www.").to_lowercase());
        Self(hosts.filter(|host| host.contains('.')).map(String::into_boxed_str).collect())
    }

    /// Marks the event when the page that linked here is one of them.
    pub(super) fn mark(&self, event: &mut Event, referrer: &Referrer) {
        let Some(host) = referrer.host().filter(|_| event.bot.is_empty()) else {
            return;
        };
        let rule = if self.lists(host) {
            Rule::SpamList
        } else if MARKS.as_ref().is_some_and(|marks| marks.is_match(host.as_bytes())) {
            Rule::Own
        } else {
            return;
        };
        Bot { class: Class::ReferrerSpam, rule }.mark(event);
    }

    fn lists(&self, host: &str) -> bool {
        !self.0.is_empty() && endings(host).any(|host| self.0.contains(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_means_its_hosts_and_those_below() {
        let spam = Spam::read("# ours\nspam.example\n www.Other.example \n\ncom\n");
        for host in ["spam.example", "a.b.spam.example", "other.example"] {
            assert!(spam.lists(host), "{host}");
        }
        for host in ["notspam.example", "example", "com", "shop.com", "spam.example.org"] {
            assert!(!spam.lists(host), "{host}");
        }
    }

    #[test]
    fn the_marks_are_found_wherever_they_stand() {
        let marks = MARKS.as_ref().expect("the marks compile");
        assert!(WORDS.iter().all(|word| marks.is_match(format!("x{word}y.example").as_bytes())));
        assert!(!marks.is_match(b"www.google.com"));
    }
}
