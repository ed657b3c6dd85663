//! Referrer spam: visits that pretend to come from a page that wants to be looked at. They are marked as
//! robots, never dropped: views for people leave them out, the others count them.

use std::collections::HashSet;
use std::sync::LazyLock;

use candor_event::draft::Facts;
use regex::bytes::{Regex, RegexBuilder};

use super::bots::{Bot, Class, Rule};
use super::hosts::endings;
use super::referrer::Referrer;

/// The hosts that spam: the operator's own list, and what campaigns of spam are known by.
#[derive(Debug, Default)]
pub struct Spam(HashSet<Box<str>>);

/// Why a list cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the list of referrer spam is no host: write `spam.example`, one a line")]
pub struct SpamError {
    line: u32,
}

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
    /// too. Hosts that are not ASCII stand there in Punycode.
    ///
    /// # Errors
    /// [`SpamError`] names the line that is no host.
    pub fn read(list: &str) -> Result<Self, SpamError> {
        let mut hosts = HashSet::new();
        for (number, line) in (1..).zip(list.lines()) {
            let host = line.trim().trim_start_matches("www.").to_ascii_lowercase();
            if host.is_empty() || host.starts_with('#') {
                continue;
            }
            let ok = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'.' || c == b'_';
            let is_host = host.contains('.') && !host.starts_with('.') && host.bytes().all(ok);
            if !is_host {
                return Err(SpamError { line: number });
            }
            hosts.insert(host.into_boxed_str());
        }
        Ok(Self(hosts))
    }

    /// Marks the event when the page that linked here is one of them.
    pub(super) fn mark(&self, facts: &mut Facts<'_>, referrer: &Referrer<'_>) {
        let Some(host) = referrer.host().filter(|_| facts.bot.is_empty()) else {
            return;
        };
        let rule = if self.lists(host) {
            Rule::SpamList
        } else if MARKS.as_ref().is_some_and(|marks| marks.is_match(host.as_bytes())) {
            Rule::Own
        } else {
            return;
        };
        Bot { class: Class::ReferrerSpam, rule }.mark(facts);
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
        let spam = Spam::read("# ours\nspam.example\n www.Other.example \n\n").unwrap();
        for host in ["spam.example", "a.b.spam.example", "other.example"] {
            assert!(spam.lists(host), "{host}");
        }
        for host in ["notspam.example", "example", "com", "shop.com", "spam.example.org"] {
            assert!(!spam.lists(host), "{host}");
        }
    }

    #[test]
    fn a_line_that_is_no_host_is_named() {
        for line in
            ["com", "https://a.example/", "not a host", "*.a.example", "b\u{fc}cher.example"]
        {
            let refused = Spam::read(&format!("a.example\n{line}\n")).unwrap_err();
            assert_eq!(refused, SpamError { line: 2 }, "{line}");
        }
    }

    #[test]
    fn the_marks_are_found_wherever_they_stand() {
        let marks = MARKS.as_ref().expect("the marks compile");
        assert!(WORDS.iter().all(|word| marks.is_match(format!("x{word}y.example").as_bytes())));
        assert!(!marks.is_match(b"www.google.com"));
    }
}
