//! Addresses of pages, as beacons write them. Most are written as the URL standard would write them, and are
//! taken apart where they lie; the others are read by the `url` crate, which makes a text of its own.
//!
//! Which of the two it was does not show: both give the same parts.

use url::{Position, Url};

/// An address of a page: of the web, or with any other scheme.
pub(crate) enum WebUrl<'a> {
    /// As it is written.
    Written(Written<'a>),
    /// As the standard reads it.
    Read(Url),
}

/// `http` or `https`, a domain, no port, and signs that need no escape.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    scheme: &'a str,
    host: &'a str,
    /// All before the path.
    origin: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

// === impl WebUrl ===

impl<'a> WebUrl<'a> {
    /// Reads an address; `None` when it is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if let Some(written) = Written::parse(text) {
            return Some(Self::Written(written));
        }
        Url::parse(text).ok().map(Self::Read)
    }

    pub(crate) fn scheme(&self) -> &str {
        match self {
            Self::Written(written) => written.scheme,
            Self::Read(url) => url.scheme(),
        }
    }

    /// Whether it is an address of the web.
    pub(crate) fn is_web(&self) -> bool {
        matches!(self.scheme(), "http" | "https")
    }

    /// A domain, or an address of a network in the standard's form.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Written(written) => Some(written.host),
            Self::Read(url) => url.host_str(),
        }
    }

    /// The host when it is a name.
    pub(crate) fn domain(&self) -> Option<&str> {
        match self {
            Self::Written(written) => Some(written.host),
            Self::Read(url) => url.domain(),
        }
    }

    /// The port when it is not the scheme's own.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Written(_) => None,
            Self::Read(url) => url.port(),
        }
    }

    /// All before the path.
    pub(crate) fn origin(&self) -> &str {
        match self {
            Self::Written(written) => written.origin,
            Self::Read(url) => &url[..Position::BeforePath],
        }
    }

    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Written(written) => written.path,
            Self::Read(url) => url.path(),
        }
    }

    /// What follows the question mark.
    pub(crate) fn query(&self) -> Option<&str> {
        match self {
            Self::Written(written) => written.query,
            Self::Read(url) => url.query(),
        }
    }
}

// === impl Written ===

impl<'a> Written<'a> {
    /// Takes an address apart; `None` when the standard may write it in another way, or when it is none.
    fn parse(text: &'a str) -> Option<Self> {
        let scheme = if text.starts_with("https://") { "https" } else { "http" };
        let rest = text.strip_prefix(scheme)?.strip_prefix("://")?;
        let (host, rest) = split(rest, |c| !is_of_host(c));
        let (path, rest) = split(rest, |c| !is_of_path(c));
        if !is_plain_host(host) || !is_plain_path(path) {
            return None;
        }
        let (query, rest) = match rest.strip_prefix('?') {
            Some(rest) => {
                let (query, rest) = split(rest, |c| c != b'?' && !is_of_path(c));
                (Some(query), rest)
            }
            None => (None, rest),
        };
        // A fragment is no part of what is asked for.
        if !(rest.is_empty() || rest.starts_with('#')) {
            return None;
        }
        let origin = text.get(..scheme.len() + "://".len() + host.len())?;
        Some(Self { scheme, host, origin, path, query })
    }
}

/// The text before the first byte that is an end, and from there on.
fn split(text: &str, is_end: impl Fn(u8) -> bool) -> (&str, &str) {
    let at = text.bytes().position(is_end).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

const fn is_of_host(c: u8) -> bool {
    matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.')
}

/// What stands for itself in paths, and in queries.
const fn is_of_path(c: u8) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'(' | b')' | b'*')
        || matches!(c, b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@' | b'%')
}

/// Names between dots, of which the last is no number, and none is in Punycode, which may be spelled wrong.
fn is_plain_host(host: &str) -> bool {
    let mut labels = host.split('.');
    let last_is_name =
        labels.next_back().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_lowercase()));
    last_is_name && labels.all(|label| !label.is_empty()) && !host.contains("xn--")
}

/// From a slash on, without steps that lead back, whichever way they are written.
fn is_plain_path(path: &str) -> bool {
    let leads_back = |pair: &[u8]| matches!(pair, [b'/', b'.' | b'%']);
    path.starts_with('/') && !path.as_bytes().windows(2).any(leads_back)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Holds that an address is read as the standard reads it; says whether it was taken as it is written.
    fn is_taken_as_written(text: &str) -> bool {
        let read = WebUrl::parse(text);
        let Ok(url) = Url::parse(text) else {
            assert!(read.is_none(), "{text}");
            return false;
        };
        let read = read.unwrap();
        let parts = (read.scheme(), read.host(), read.domain(), read.port(), read.origin());
        let want = (url.scheme(), url.host_str(), url.domain(), url.port());
        assert_eq!(parts, (want.0, want.1, want.2, want.3, &url[..Position::BeforePath]), "{text}");
        assert_eq!((read.path(), read.query()), (url.path(), url.query()), "{text}");
        matches!(read, WebUrl::Written(_))
    }

    #[test]
    fn what_is_usual_is_taken_as_it_is_written() {
        let usual = [
            "https://www.example.fi/",
            "http://localhost/articles/42/a-title?page=3&utm_source=news",
            "https://a.example/%C3%A4iti/x%20y?q=%C3%A4+b#top",
            "https://a.example/t%C3%A4ysi/a.b/c..d?",
            "https://a-b.c0.example//@jane/x;y=1,2:(3)*!$?a?b#c d",
        ];
        for text in usual {
            assert_eq!(is_taken_as_written(text), !text.contains("/%"), "{text}");
        }
    }

    #[test]
    fn what_the_standard_writes_otherwise_is_read() {
        let others = [
            "",
            "demo",
            "/a",
            "https://",
            "https:///a",
            "https://a.example",
            "https://a.example?b",
            "HTTPS://a.example/",
            "https://A.example/",
            "https://a.example:443/",
            "https://a.example:8080/",
            "https://jane@a.example/",
            "https://1.2.3.4/",
            "https://0x7f.1/",
            "https://a.1/",
            "https://[::1]/",
            "https://a.example./",
            "https://a..example/",
            "https://.a/",
            "https://xn--a/",
            "https://xn--4ca.fi/",
            "https://ä.fi/",
            "https://a.example/ä",
            "https://a.example/a/../b",
            "https://a.example/a/./b",
            "https://a.example/%2e%2E/b",
            "https://a.example/.%2e/b",
            "https://a.example/a\\b",
            "https://a.example/a b",
            "https://a.example/a\tb",
            " https://a.example/",
            "https://a.example/ ",
            "https://a.example/?'",
            "https://a.example/?a b",
            "https:/a.example/",
            "https:a.example/",
            "android-app://com.example/a",
            "mailto:a@a.example",
            "https://a%62.example/",
            "https://a_b.example/",
        ];
        for text in others {
            assert!(!is_taken_as_written(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn both_ways_give_the_same_parts(
            scheme in "(https|http|HTTP|ftp|file)(://|:/|:)", host in "([a-z0-9A-Z.-]|xn--|ä|%41|[0-9]){0,12}",
            rest in "([:][0-9]{0,5})?([/?#]([a-z.%/\\\\'\"{}|^` \t@:&=+ä<>\\[\\]]|%2[eEfF]|%[0-9a-f]{2}){0,20}){0,3}",
        ) {
            is_taken_as_written(&format!("{scheme}{host}{rest}"));
        }

        #[test]
        fn any_text_is_read_as_the_standard_reads_it(text in ".{0,40}") {
            is_taken_as_written(&text);
            is_taken_as_written(&format!("https://a.example/{text}"));
        }
    }
}
