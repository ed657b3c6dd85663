//! The search engines, social networks, assistants, mail services and shops that visits come from: a list
//! of our own, `hosts.txt`, which says how it is written.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    /// An assistant that answers in sentences.
    Assistant,
    /// A mail service.
    Mail,
    /// Known by name only.
    Other,
    /// A search engine.
    Search,
    /// A shop, or where prices are compared.
    Shopping,
    /// A social network.
    Social,
    /// Where videos are watched.
    Video,
}

/// A service of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) category: Category,
    /// Whether visits from it are paid for.
    pub(super) is_paid: bool,
}

/// The list, by what a service goes by.
#[derive(Debug, Default)]
struct Hosts {
    /// Hosts, alone; and hosts with any country's ending, without it.
    alone: HashMap<&'static str, Service>,
    alone_anywhere: HashMap<&'static str, Service>,
    /// Hosts with those below them; likewise.
    with_below: HashMap<&'static str, Service>,
    with_below_anywhere: HashMap<&'static str, Service>,
    /// What campaigns call it.
    words: HashMap<&'static str, Service>,
}

static HOSTS: LazyLock<Hosts> = LazyLock::new(|| Hosts::read(LIST));

const LIST: &str = include_str!("hosts.txt");

/// The most labels of a host that are looked at, from its end.
const LABELS_MAX: usize = 6;

/// Labels that some countries have before their ending.
const SECOND_LEVELS: [&str; 9] = ["ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"];

/// The service of a host, in small letters.
pub(super) fn of_host(host: &str) -> Option<Service> {
    HOSTS.of_host(host)
}

/// The service that a campaign names as its source, in small letters: a host or a word.
pub(super) fn of_word(word: &str) -> Option<Service> {
    if word.contains('.') { HOSTS.of_host(word) } else { HOSTS.words.get(word).copied() }
}

// === impl Hosts ===

impl Hosts {
    fn read(list: &'static str) -> Self {
        let mut hosts = Self::default();
        let mut section = None;
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            if let Some(title) = line.strip_prefix('[') {
                section = category(title.trim_end_matches(']'));
            } else if let (Some((name, words)), Some((category, is_paid))) =
                (line.split_once(": "), section)
            {
                let service = Service { name, category, is_paid };
                words.split_ascii_whitespace().for_each(|word| hosts.add(word, service));
            }
        }
        hosts
    }

    fn add(&mut self, word: &'static str, service: Service) {
        let (alone, host) = word.strip_prefix('=').map_or((false, word), |host| (true, host));
        let (anywhere, host) = host.strip_suffix(".*").map_or((false, host), |host| (true, host));
        let map = match (alone, anywhere) {
            (true, false) => &mut self.alone,
            (true, true) => &mut self.alone_anywhere,
            (false, true) => &mut self.with_below_anywhere,
            (false, false) if host.contains('.') => &mut self.with_below,
            (false, false) => &mut self.words,
        };
        map.insert(host, service);
    }

    fn of_host(&self, host: &str) -> Option<Service> {
        let host = host.strip_prefix("www.").unwrap_or(host);
        let bare = host.strip_prefix("m.").unwrap_or(host);
        let stem = without_ending(host);
        let found = self
            .alone
            .get(bare)
            .or_else(|| endings(host).find_map(|below| self.with_below.get(below)))
            .or_else(|| self.alone_anywhere.get(without_ending(bare)))
            .or_else(|| endings(stem).find_map(|below| self.with_below_anywhere.get(below)));
        found.copied()
    }
}

/// The host and the hosts that it is below, the longest first.
pub(super) fn endings(host: &str) -> impl Iterator<Item = &str> {
    let dots = host.bytes().filter(|c| *c == b'.').count();
    let skipped = (dots + 1).saturating_sub(LABELS_MAX);
    let begins = std::iter::once(0).chain(host.match_indices('.').map(|(at, _)| at + 1));
    begins.skip(skipped).filter_map(|at| host.get(at..))
}

/// The host without its country's ending: `google` of `google.co.uk` and of `google.fi`.
fn without_ending(host: &str) -> &str {
    let Some((rest, last)) = host.rsplit_once('.') else {
        return "";
    };
    match rest.rsplit_once('.') {
        Some((stem, second)) if last.len() == 2 && SECOND_LEVELS.contains(&second) => stem,
        _ => rest,
    }
}

fn category(title: &str) -> Option<(Category, bool)> {
    let (title, is_paid) = match title {
        "ads" => ("other", true),
        _ => title.strip_suffix(", ads").map_or((title, false), |title| (title, true)),
    };
    let category = match title {
        "ai" => Category::Assistant,
        "mail" => Category::Mail,
        "other" => Category::Other,
        "search" => Category::Search,
        "shopping" => Category::Shopping,
        "social" => Category::Social,
        "video" => Category::Video,
        _ => return None,
    };
    Some((category, is_paid))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_list_is_well_formed_and_names_nothing_twice() {
        let mut words = HashSet::new();
        for line in LIST.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            if let Some(title) = line.strip_prefix('[') {
                assert!(category(title.trim_end_matches(']')).is_some(), "{line}");
                continue;
            }
            let (name, hosts) = line.split_once(": ").expect(line);
            assert!(!name.is_empty() && !hosts.is_empty(), "{line}");
            for word in hosts.split_ascii_whitespace() {
                let ok = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'=');
                assert!(word.bytes().all(ok), "{word} of {name}");
                assert!(words.insert(word), "{word} of {name} is named twice");
            }
        }
        assert!(words.len() > 1_000, "{}", words.len());
    }

    #[test]
    fn hosts_lead_to_services() {
        let cases = [
            ("google.com", "Google", Category::Search),
            ("www.google.co.uk", "Google", Category::Search),
            ("google.fi", "Google", Category::Search),
            ("mail.google.com", "Gmail", Category::Mail),
            ("gemini.google.com", "Gemini", Category::Assistant),
            ("docs.google.com", "Google Docs", Category::Other),
            ("l.facebook.com", "Facebook", Category::Social),
            ("lm.facebook.com", "Facebook", Category::Social),
            ("out.reddit.com", "reddit", Category::Social),
            ("at.pinterest.com", "Pinterest", Category::Social),
            ("pinterest.co.uk", "Pinterest", Category::Social),
            ("de.search.yahoo.com", "Yahoo!", Category::Search),
            ("m.youtube.com", "YouTube", Category::Video),
            ("chatgpt.com", "ChatGPT", Category::Assistant),
            ("go.mail.ru", "Mail.ru", Category::Search),
            ("my.mail.ru", "My World", Category::Social),
            ("e.mail.ru", "Mail.ru", Category::Mail),
            ("suche.web.de", "Web.de", Category::Search),
            ("navigator-bs.web.de", "WEB.DE", Category::Mail),
            ("smile.amazon.de", "Amazon", Category::Shopping),
            ("aws.amazon.com", "Amazon Web Services", Category::Other),
            ("com.google.android.gm", "Gmail", Category::Mail),
            ("a.b.c.d.e.f.g.h.t.co", "Twitter", Category::Social),
        ];
        for (host, name, category) in cases {
            let found = of_host(host).map(|service| (service.name, service.category));
            assert_eq!(found, Some((name, category)), "{host}");
        }
        let unknown = [
            "",
            ".",
            "com",
            "google",
            "evilgoogle.com",
            "google.com.evil.example",
            "google.evil.example",
            "support.google.com",
            "not-t.co",
            "finance.yahoo.com",
            "xn--google-.com",
        ];
        for host in unknown {
            assert_eq!(of_host(host), None, "{host}");
        }
    }

    #[test]
    fn campaigns_name_services_by_words_and_hosts() {
        for (word, name) in [("fb", "Facebook"), ("chatgpt.com", "ChatGPT"), ("google", "Google")] {
            assert_eq!(of_word(word).map(|service| service.name), Some(name));
        }
        assert!(of_word("google-ads").is_some_and(|service| service.is_paid));
        for word in ["newsletter", "free", "signal", ""] {
            assert_eq!(of_word(word), None, "{word}");
        }
    }
}
