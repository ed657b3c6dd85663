//! Whose pages may send beacons: the hosts of a site.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// A host name, or every name below one (`*.example.fi`). Lower case, without port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern {
    name: String,
    below: bool,
}

/// The hosts of many sites, of which one is found in a time that does not grow with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    names: HashSet<Box<str>>,
    /// Names of which every name below is meant.
    below: HashSet<Box<str>>,
}

/// Why a host is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// A character, or a place of a dot, that no host name has.
    #[error("is not a host name")]
    Alphabet,
    /// More than the name: a scheme, a port or a path.
    #[error("is more than a host name")]
    NotBare,
    /// A wildcard that is not the whole first label, or that covers a whole top-level domain.
    #[error("is too wide")]
    Wildcard,
}

// === impl HostPattern ===

impl HostPattern {
    /// The longest name that the domain name system has.
    const LENGTH_MAX: usize = 253;

    /// Reads a host as a policy writes it.
    ///
    /// # Errors
    /// [`HostError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let (name, below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        if name.contains('*') || (below && !name.contains('.')) {
            return Err(HostError::Wildcard);
        }
        if name.contains('/') || (without_port(name) != name) {
            return Err(HostError::NotBare);
        }
        if name.len() > Self::LENGTH_MAX || !(is_domain(name) || (is_literal(name) && !below)) {
            return Err(HostError::Alphabet);
        }
        Ok(Self { name: name.to_owned(), below })
    }

    /// Whether `host` is meant, whatever its case and port.
    pub fn matches(&self, host: &str) -> bool {
        // Most are written as they are in the policy.
        if !self.below && host == self.name {
            return true;
        }
        let host = without_port(host);
        let host = host.strip_suffix('.').unwrap_or(host);
        if !self.below {
            return host.eq_ignore_ascii_case(&self.name);
        }
        let Some(label) = host.len().checked_sub(self.name.len()) else {
            return false;
        };
        let tail = host.get(label..).unwrap_or_default();
        let head = host.get(..label).unwrap_or_default();
        head.len() > 1 && head.ends_with('.') && tail.eq_ignore_ascii_case(&self.name)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wildcard = if self.below { "*." } else { "" };
        write!(f, "{wildcard}{}", self.name)
    }
}

// === impl Hosts ===

impl Hosts {
    pub(crate) fn of<'a>(patterns: impl Iterator<Item = &'a HostPattern>) -> Self {
        let mut hosts = Self::default();
        for pattern in patterns {
            let names = if pattern.below { &mut hosts.below } else { &mut hosts.names };
            names.insert(pattern.name.as_str().into());
        }
        hosts
    }

    /// Whether `host` is meant by any pattern, whatever its case and port.
    pub(crate) fn contains(&self, host: &str) -> bool {
        let host = without_port(host);
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.len() > HostPattern::LENGTH_MAX {
            return false;
        }
        let host = if host.bytes().any(|c| c.is_ascii_uppercase()) {
            Cow::Owned(host.to_ascii_lowercase())
        } else {
            Cow::Borrowed(host)
        };
        let mut dots = host.match_indices('.').filter(|(at, _)| *at > 0);
        self.names.contains(&*host)
            || dots.any(|(at, _)| host.get(at + 1..).is_some_and(|name| self.below.contains(name)))
    }
}

fn without_port(host: &str) -> &str {
    // Most end with a letter.
    if host.ends_with(|c: char| c.is_ascii_lowercase()) {
        return host;
    }
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_domain(name: &str) -> bool {
    let allowed = |c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    name.split('.').all(|label| (1..=63).contains(&label.len()) && label.bytes().all(allowed))
}

/// An IPv6 address in brackets, as the addresses of pages have it.
fn is_literal(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let allowed = |c| matches!(c, b'a'..=b'f' | b'0'..=b'9' | b':' | b'.');
    inner.is_some_and(|inner| inner.contains(':') && inner.bytes().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_whatever_their_case_and_port() {
        let cases = [
            ("example.fi", "example.fi", true),
            ("example.fi", "EXAMPLE.fi:8443", true),
            ("example.fi", "example.fi.", true),
            ("example.fi", "www.example.fi", false),
            ("example.fi", "notexample.fi", false),
            ("*.example.fi", "www.example.fi", true),
            ("*.example.fi", "a.b.Example.fi:80", true),
            ("*.example.fi", "example.fi", false),
            ("*.example.fi", ".example.fi", false),
            ("*.example.fi", "notexample.fi", false),
            ("*.example.fi", "äexample.fi", false),
            ("127.0.0.1", "127.0.0.1:8080", true),
            ("[::1]", "[::1]:8080", true),
            ("[::1]", "[::1]", true),
            ("[::1]", "[::2]", false),
        ];
        for (pattern, host, want) in cases {
            let got = HostPattern::parse(pattern).unwrap().matches(host);
            assert_eq!(got, want, "{pattern} {host}");
            let among = ["other.example", "*.another.example", pattern];
            let patterns = among.map(|pattern| HostPattern::parse(pattern).unwrap());
            assert_eq!(Hosts::of(patterns.iter()).contains(host), want, "{pattern} {host} of many");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let cases = [
            ("https://example.fi", HostError::NotBare),
            ("example.fi/", HostError::NotBare),
            ("example.fi:443", HostError::NotBare),
            ("*", HostError::Wildcard),
            ("*.fi", HostError::Wildcard),
            ("www.*.fi", HostError::Wildcard),
            ("", HostError::Alphabet),
            ("a..b", HostError::Alphabet),
            ("Example.fi", HostError::Alphabet),
            ("bücher.example", HostError::Alphabet),
            ("*.[::1]", HostError::Wildcard),
        ];
        for (text, want) in cases {
            assert_eq!(HostPattern::parse(text).err(), Some(want), "{text}");
        }
    }
}
